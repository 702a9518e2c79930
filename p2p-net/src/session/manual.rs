//! The manual session: a slot for every static peer, reconnected for as long as the node runs or the slot is kept.
//!
//! A static peer is one that the settings name or that was added. Who dialled does not matter: while the peer is connected
//! by its own dial, the slot waits for that connection to end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use futures::channel::oneshot;

use super::connector::{Backoff, ConnectError, connect, connected_otherwise};
use super::serve::serve;
use crate::channel::{Channel, Origin};
use crate::disconnect::Side;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::p2p::{P2p, P2pPtr};
use crate::protocol::SessionFlags;
use crate::signal::Signal;

/// Keeps up the connections that the operator asked for. In DarkFi: `ManualSession`.
pub struct ManualSession {
    node: Weak<P2p>,
    slots: Mutex<BTreeMap<NodeUrl, Slot>>,
}

/// A static peer.
#[derive(Clone, Default)]
struct Slot {
    /// Who it is, once that is known.
    peer: Option<NodeId>,
    /// Given when the slot is not kept any longer.
    left: Signal,
}

impl ManualSession {
    pub(crate) fn new(node: Weak<P2p>) -> Self {
        Self { node, slots: Mutex::default() }
    }

    /// The node, while anybody holds it.
    pub(crate) fn node(&self) -> Option<P2pPtr> {
        self.node.upgrade()
    }

    /// A slot for every peer of the settings; without any it says so and returns.
    pub(crate) fn start(&self) {
        let Some(node) = self.node.upgrade() else { return };
        if node.settings().peers.is_empty() {
            log::info!(target: "net", "Not configured for manual connections.");
        }
        for url in node.settings().peers.clone() {
            if let Some(left) = self.take(&node, &url, url.id()) {
                let slot = node.clone();
                node.spawn("a manual slot", async move { keep(&slot, url, left).await });
            }
        }
    }

    /// Connects to `url` and, when that succeeded, keeps the connection up from then on. A peer that is connected already,
    /// by whoever's dial, is as good as one that is connected now.
    ///
    /// # Errors
    ///
    /// Why there is no connection; then nothing is tried again.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the attempt goes on, and with it the slot.
    pub async fn connect(&self, url: &NodeUrl) -> Result<NodeId, ConnectError> {
        let node = self.node.upgrade().filter(|node| node.is_running()).ok_or(ConnectError::NotRunning)?;
        let (answer, answered) = oneshot::channel();
        let (task, url) = (node.clone(), url.clone());
        node.spawn("a manual slot", async move { task.session_manual().add(&task, url, answer).await });
        answered.await.unwrap_or(Err(ConnectError::NotRunning))
    }

    async fn add(&self, node: &P2pPtr, url: NodeUrl, answer: oneshot::Sender<Result<NodeId, ConnectError>>) {
        if let Some(known) = url.id().and_then(|id| node.connected_peers().find_direct(&id)) {
            let _ = answer.send(Ok(known.peer_id()));
            return self.keep_unless_kept(node, url, known.peer_id()).await;
        }
        let (mut answer, mut left) = (Some(answer), None);
        let outcome = visit(node, &url, |channel| {
            left = self.take(node, &url, Some(channel.peer_id()));
            if let Some(answer) = answer.take() {
                let _ = answer.send(Ok(channel.peer_id()));
            }
        })
        .await;
        let Some(answer) = answer else {
            // The connection is over again; the slot stays, unless another one is kept for this peer.
            if let Some(left) = left {
                keep(node, url, left).await;
            }
            return;
        };
        match kept_otherwise(node, &outcome).await {
            Some(peer) => {
                let _ = answer.send(Ok(peer));
                self.keep_unless_kept(node, url, peer).await;
            }
            None => drop(answer.send(Err(outcome.err().map_or(ConnectError::NotRunning, |(_, error)| error)))),
        }
    }

    async fn keep_unless_kept(&self, node: &P2pPtr, url: NodeUrl, peer: NodeId) {
        if let Some(left) = self.take(node, &url, Some(peer)) {
            keep(node, url, left).await;
        }
    }

    /// A slot for `peer` at `url`, unless there is one.
    fn take(&self, node: &P2pPtr, url: &NodeUrl, peer: Option<NodeId>) -> Option<Signal> {
        let mut slots = self.slots();
        if slots.contains_key(url) || (peer.is_some() && slots.values().any(|slot| slot.peer == peer)) {
            return None;
        }
        let slot = Slot { peer, left: Signal::default() };
        slots.insert(url.clone(), slot.clone());
        drop(slots);
        if let Some(peer) = peer {
            node.connected_peers().keep(peer, true);
        }
        Some(slot.left)
    }

    /// Notes who was found in the slot of `url`.
    fn found(&self, node: &P2pPtr, url: &NodeUrl, peer: NodeId) {
        let known = self.slots().get_mut(url).map(|slot| slot.peer.replace(peer));
        match known {
            Some(Some(before)) if before == peer => return,
            Some(Some(before)) => node.connected_peers().keep(before, false),
            Some(None) => {}
            None => return,
        }
        node.connected_peers().keep(peer, true);
    }

    /// Gives up the slots of `peer`; whether there were any. Its connection stays.
    pub(crate) fn leave(&self, node: &P2p, peer: &NodeId) -> bool {
        let gone: Vec<_> = self.slots().extract_if(.., |_, slot| slot.peer == Some(*peer)).collect();
        for (_, slot) in &gone {
            slot.left.give();
        }
        node.connected_peers().keep(*peer, false);
        !gone.is_empty()
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<NodeUrl, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ManualSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.slots().keys()).finish()
    }
}

/// Keeps one peer connected until the node stops or the slot is given up.
async fn keep(node: &P2pPtr, url: NodeUrl, left: Signal) {
    let mut backoff = Backoff::new(node);
    let until = |left: &Signal| node.is_stopping() || left.is_given();
    while !until(&left) {
        if let Some(known) = url.id().and_then(|id| node.connected_peers().find_direct(&id)) {
            // Connected, by whoever's dial: nothing to do until that one ends.
            if node.stop_signal().unless(left.unless(known.closed())).await.flatten().is_none() {
                return;
            }
            backoff.reset(node);
        } else {
            let mut reached = false;
            let outcome = visit(node, &url, |channel| {
                reached = true;
                node.session_manual().found(node, &url, channel.peer_id());
            })
            .await;
            if let Err((_, error)) = &outcome {
                log::info!(target: "net", "manual: {error}");
            }
            if let Some(peer) = kept_otherwise(node, &outcome).await {
                node.session_manual().found(node, &url, peer);
                if let Some(known) = node.connected_peers().find_direct(&peer) {
                    let _ = node.stop_signal().unless(left.unless(known.closed())).await;
                    reached = true;
                }
            }
            if reached {
                backoff.reset(node);
            }
        }
        let wait = backoff.next(node);
        if until(&left) || node.stop_signal().unless(left.unless(node.clock().sleep(wait))).await.flatten().is_none() {
            return;
        }
    }
}

/// Who was reached, and what came of it.
type Failed = (Option<NodeId>, ConnectError);

/// One connection, from dial to end; `ready` is told the channel once the handshake is done.
async fn visit(node: &P2pPtr, url: &NodeUrl, ready: impl FnOnce(&Channel)) -> Result<(), Failed> {
    let Some(connection) = node.stop_signal().unless(connect(node, url)).await else { return Ok(()) };
    let connection = connection.map_err(|error| (None, error))?;
    let (peer, mut done, deadline) = (connection.peer, false, node.handshake_deadline());
    let origin = Origin { session: SessionFlags::MANUAL, dialled_by: Side::Local, url: Some(url.clone()) };
    let end = serve(node, connection, origin, deadline, |channel| {
        done = true;
        ready(channel);
    })
    .await;
    if done { Ok(()) } else { Err((Some(peer), ConnectError::Refused { url: url.clone(), reason: end })) }
}

/// The peer, when a visit failed because another connection with it is there already.
async fn kept_otherwise(node: &P2pPtr, outcome: &Result<(), Failed>) -> Option<NodeId> {
    let Err((Some(peer), ConnectError::Refused { reason, .. })) = outcome else { return None };
    connected_otherwise(node, *peer, reason.reason).await
}
