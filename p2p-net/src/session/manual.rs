//! The manual session: a slot for every peer the settings name, reconnected for as long as the node runs.

use std::sync::Weak;

use futures::channel::oneshot;

use super::connector::{Backoff, ConnectError, connect};
use super::serve::serve;
use crate::channel::Origin;
use crate::disconnect::Side;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::p2p::{P2p, P2pPtr};
use crate::protocol::SessionFlags;

/// Keeps up the connections that the operator asked for. First seed: `ManualSession`.
#[derive(Debug)]
pub struct ManualSession {
    node: Weak<P2p>,
}

impl ManualSession {
    pub(crate) fn new(node: Weak<P2p>) -> Self {
        Self { node }
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
            let slot = node.clone();
            node.spawn("a manual slot", async move { keep(&slot, url).await });
        }
    }

    /// Connects to `url` and, when that succeeded, keeps the connection up from then on.
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
        let (slot, url) = (node.clone(), url.clone());
        node.spawn("a manual slot", async move {
            let mut answer = Some(answer);
            let outcome = visit(&slot, &url, |peer| {
                if let Some(answer) = answer.take() {
                    let _ = answer.send(Ok(peer));
                }
            })
            .await;
            match (answer, outcome) {
                (Some(answer), Err(error)) => drop(answer.send(Err(error))),
                (Some(answer), Ok(())) => drop(answer.send(Err(ConnectError::NotRunning))),
                (None, _) => keep(&slot, url).await,
            }
        });
        answered.await.unwrap_or(Err(ConnectError::NotRunning))
    }
}

/// Keeps one peer connected until the node stops.
async fn keep(node: &P2pPtr, url: NodeUrl) {
    let mut backoff = Backoff::new(node);
    while !node.is_stopping() {
        let mut reached = None;
        if let Err(error) = visit(node, &url, |peer| reached = Some(peer)).await {
            log::info!(target: "net", "manual: {error}");
            if let ConnectError::Refused { .. } = error
                && let Some(known) = url.id().and_then(|id| node.connected_peers().find(&id))
            {
                // Connected all the same, by the other's dial: nothing to do until that one ends.
                if node.stop_signal().unless(known.closed()).await.is_none() {
                    return;
                }
            }
        }
        if reached.is_some() {
            backoff.reset(node);
        }
        let wait = backoff.next(node);
        if node.stop_signal().unless(node.clock().sleep(wait)).await.is_none() {
            return;
        }
    }
}

/// One connection, from dial to end; `ready` is told who it is once the handshake is done.
async fn visit(node: &P2pPtr, url: &NodeUrl, ready: impl FnOnce(NodeId)) -> Result<(), ConnectError> {
    let Some(connection) = node.stop_signal().unless(connect(node, url)).await else { return Ok(()) };
    let connection = connection?;
    let (mut done, deadline) = (false, node.handshake_deadline());
    let origin = Origin { session: SessionFlags::MANUAL, dialled_by: Side::Local, url: Some(url.clone()) };
    let end = serve(node, connection, origin, deadline, |channel| {
        done = true;
        ready(channel.peer_id());
    })
    .await;
    if done { Ok(()) } else { Err(ConnectError::Refused { url: url.clone(), reason: end }) }
}
