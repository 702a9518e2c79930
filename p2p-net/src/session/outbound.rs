//! The outbound session: slots filled from the address book, for as long as the node runs.

use std::sync::Weak;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::select;
use std::pin::pin;

use super::connector::connect;
use super::serve::serve;
use crate::channel::Origin;
use crate::disconnect::{DisconnectReason, Side};
use crate::p2p::{P2p, P2pPtr};
use crate::protocol::SessionFlags;

/// A channel that ends sooner than this counts as a failed attempt, so that a peer that accepts and drops is not dialled
/// in a loop.
const SHORT_LIFE: Duration = Duration::from_secs(5);

/// Fills the outbound slots. In DarkFi: `OutboundSession`.
#[derive(Debug)]
pub struct OutboundSession {
    node: Weak<P2p>,
    connected: AtomicUsize,
}

impl OutboundSession {
    pub(crate) fn new(node: Weak<P2p>) -> Self {
        Self { node, connected: AtomicUsize::new(0) }
    }

    /// A task for each slot; without slots it says so and returns.
    pub(crate) fn start(&self) {
        let Some(node) = self.node.upgrade() else { return };
        if node.settings().outbound_slots == 0 {
            log::info!(target: "net", "Not configured for outbound connections.");
        }
        for _ in 0..node.settings().max_dialled() {
            let slot = node.clone();
            node.spawn("an outbound slot", async move { fill(&slot).await });
        }
    }

    /// How many slots have a peer.
    pub fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    /// Whether a slot is free.
    pub fn is_hungry(&self) -> bool {
        self.node.upgrade().is_some_and(|node| self.connected() < node.settings().max_dialled())
    }
}

async fn fill(node: &P2pPtr) {
    while !node.is_stopping() {
        let changed = node.hosts().wait_changed();
        if let Some(dial) = node.hosts().pick() {
            occupy(node, dial).await;
            continue;
        }
        // The next failed address may be tried then; and now and then all are looked at, whatever the events said.
        let now = node.clock().unix_seconds();
        let retry = node.hosts().next_retry().map(|at| Duration::from_secs(at.0.saturating_sub(now).max(1)));
        let wait = retry.unwrap_or(Duration::MAX).min(node.settings().limits.reconnect_max);
        let sleep = node.clock().sleep(wait);
        if node.stop_signal().unless(select(changed, sleep)).await.is_none() {
            return;
        }
    }
}

/// Dials one address and, when it answers, keeps the slot until that channel ends.
async fn occupy(node: &P2pPtr, dial: crate::hosts::Dial) {
    let url = dial.url().clone();
    let Some(connection) = node.stop_signal().unless(connect(node, &url)).await else { return };
    let connection = match connection {
        Ok(connection) => connection,
        Err(error) => {
            log::debug!(target: "net", "outbound: {error}");
            node.hosts().failed(&url);
            return;
        }
    };
    if let Err(error) = node.hosts().reached(&url, connection.peer) {
        log::debug!(target: "net", "outbound: {url}: {error}");
    }
    let mut connected_at = None;
    let slots = &node.session_outbound().connected;
    let (mut dial, mut occupied) = (Some(dial), None);
    let deadline = node.handshake_deadline();
    let origin = Origin { session: SessionFlags::OUTBOUND, dialled_by: Side::Local, url: Some(url.clone()) };
    let end = serve(node, connection, origin, deadline, |_| {
        connected_at = Some(node.clock().now());
        occupied = Some(Occupied::new(slots));
        dial = None;
    })
    .await;
    drop(occupied);
    let lived = connected_at.map(|since| node.clock().now().saturating_duration_since(since));
    let harmless = matches!(end.reason, DisconnectReason::AlreadyConnected | DisconnectReason::Replaced);
    if lived.is_none_or(|lived| lived < SHORT_LIFE) && !harmless {
        node.hosts().failed(&url);
    }
    if harmless {
        // Connected the other way round; the book learns it with that channel's handshake.
        let pause = pin!(node.clock().sleep(node.settings().limits.reconnect_min));
        let _ = node.stop_signal().unless(pause).await;
    }
}

/// Counts a slot that has a peer, until it is dropped.
struct Occupied<'a>(&'a AtomicUsize);

impl<'a> Occupied<'a> {
    fn new(slots: &'a AtomicUsize) -> Self {
        slots.fetch_add(1, Ordering::Relaxed);
        Self(slots)
    }
}

impl Drop for Occupied<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
