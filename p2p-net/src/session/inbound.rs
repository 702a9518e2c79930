//! The inbound session: listens, and lets each arrival shake hands in a task of its own. In DarkFi: `InboundSession`, `Acceptor`.
//!
//! A silent connection costs a place for the handshake timeout and delays nobody: when all places are taken, the one that
//! has been silent longest gives way to the newcomer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;

use crate::channel::Origin;
use crate::disconnect::Side;
use crate::hosts::admission::{Gate, Pass, Refusal};
use crate::node_url::NodeUrl;
use crate::p2p::{P2p, P2pPtr};
use crate::protocol::SessionFlags;
use crate::signal::Signal;
use crate::transport::{AcceptRecovery, Incoming, ListenError, Listener};

use super::serve::serve;

/// How long an acceptor waits when the system has no more sockets to give.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections.
pub struct InboundSession {
    node: Weak<P2p>,
    gate: Gate,
    listeners: Mutex<Vec<Arc<dyn Listener>>>,
    pending: Mutex<Pending>,
}

/// Handshakes that run, in order of arrival; each with the pass that counts it and the signal that makes it give way.
#[derive(Default)]
struct Pending {
    next: u64,
    handshakes: BTreeMap<u64, (Pass, Signal)>,
}

impl InboundSession {
    pub(crate) fn new(node: Weak<P2p>, gate: Gate) -> Self {
        Self { node, gate, listeners: Mutex::default(), pending: Mutex::default() }
    }

    /// Binds every listen address of the settings, so that ports are known before the first peer is told of them.
    pub(crate) async fn listen(&self, node: &P2p) -> Result<(), ListenError> {
        for url in &node.settings().listen {
            let Ok(transport) = node.transports().by_scheme(url) else { continue };
            let listener: Arc<dyn Listener> = transport.listen(url).await?.into();
            log::info!(target: "net", "listening at {}", listener.url());
            node.hosts().add_own(&listener.url());
            self.listeners().push(listener);
        }
        Ok(())
    }

    /// Accepts at every address; without any it says so and returns.
    pub(crate) fn start(&self) {
        let Some(node) = self.node.upgrade() else { return };
        let listeners = self.listeners().clone();
        if listeners.is_empty() {
            log::info!(target: "net", "Not configured for accepting incoming connections.");
        }
        for listener in listeners {
            let acceptor = node.clone();
            node.spawn("an acceptor", async move { accept(&acceptor, &*listener).await });
        }
    }

    /// Stops listening.
    pub(crate) fn close(&self) {
        self.listeners().clear();
        self.pending().handshakes.clear();
    }

    /// Where this node listens, with the ports it really has and its id.
    pub fn urls(&self) -> Vec<NodeUrl> {
        self.listeners().iter().map(|listener| listener.url()).collect()
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Arc<dyn Listener>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a newcomer, if need be that of the one that has been silent longest.
    fn admit(&self, incoming: &Incoming) -> Result<(u64, Signal), Refusal> {
        let mut pending = self.pending();
        let ip = incoming.remote.ip();
        let pass = match self.gate.enter(ip) {
            Err(Refusal::Handshakes) if let Some((_, (pass, give_way))) = pending.handshakes.pop_first() => {
                give_way.give();
                drop(pass);
                self.gate.enter_again(ip)?
            }
            other => other?,
        };
        pending.next += 1;
        let (number, give_way) = (pending.next, Signal::default());
        pending.handshakes.insert(number, (pass, give_way.clone()));
        Ok((number, give_way))
    }

    /// The pass of a handshake that is over; `None` when it had to give way.
    fn finish(&self, number: u64) -> Option<Pass> {
        self.pending().handshakes.remove(&number).map(|(pass, _)| pass)
    }
}

async fn accept(node: &P2pPtr, listener: &dyn Listener) {
    loop {
        let Some(incoming) = node.stop_signal().unless(listener.accept()).await else { return };
        match incoming {
            Ok(incoming) => welcome(node, incoming),
            Err(error) => {
                log::warn!(target: "net", "accept at {}: {error}", listener.url());
                match AcceptRecovery::after(&error) {
                    AcceptRecovery::Continue => {}
                    AcceptRecovery::Pause => node.clock().sleep(PAUSE).await,
                    AcceptRecovery::Stop => return,
                }
            }
        }
    }
}

/// Lets one arrival shake hands in a task of its own, or closes it without a byte.
fn welcome(node: &P2pPtr, incoming: Incoming) {
    if node.hosts().banned_until(None, incoming.remote.ip()).is_some() {
        return;
    }
    match node.session_inbound().admit(&incoming) {
        Ok((number, give_way)) => {
            let task = node.clone();
            node.spawn("an inbound connection", async move {
                shake_hands(&task, incoming, number, give_way).await;
                drop(task.session_inbound().finish(number));
            });
        }
        Err(refusal) => log::debug!(target: "net", "inbound from {}: {refusal}", incoming.remote),
    }
}

async fn shake_hands(node: &P2pPtr, incoming: Incoming, number: u64, give_way: Signal) {
    let Incoming { remote, handshake } = incoming;
    let (deadline, clock) = (node.handshake_deadline(), node.clock());
    let limit = node.settings().limits.handshake_timeout;
    // A stranger who says nothing must not hold up a stop either.
    let proven = node.stop_signal().unless(give_way.unless(clock.timeout(limit, handshake))).boxed().await;
    let connection = match proven.flatten() {
        Some(Ok(Ok(connection))) => connection,
        Some(Ok(Err(error))) => return log::debug!(target: "net", "inbound from {remote}: {error}"),
        Some(Err(timeout)) => return log::debug!(target: "net", "inbound from {remote}: {timeout}"),
        None => return log::debug!(target: "net", "inbound from {remote}: gave way to a newcomer, or to the stop"),
    };
    let origin = Origin { session: SessionFlags::INBOUND, dialled_by: Side::Remote, url: None };
    let Some(mut pass) = node.session_inbound().finish(number) else { return };
    // The place is kept to the end; what it no longer counts as is a handshake.
    serve(node, connection, origin, deadline, |_| pass.established()).await;
}
