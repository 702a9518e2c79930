//! Connections that a plugin asks for: dialled once, and not again when they end.

use futures::channel::oneshot;

use super::connector::{ConnectError, connect};
use super::serve::serve;
use crate::channel::Origin;
use crate::disconnect::Side;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::p2p::P2pPtr;
use crate::protocol::SessionFlags;

/// Dials `url` once, notes in the address book what came of it, and runs the channel to its end in a task of the node.
pub(crate) async fn reach(node: &P2pPtr, url: &NodeUrl) -> Result<NodeId, ConnectError> {
    let (answer, answered) = oneshot::channel();
    let (own, url) = (node.clone(), url.clone());
    node.spawn("a connection that a plugin asked for", async move {
        let mut answer = Some(answer);
        let mut tell = |outcome| {
            if let Some(answer) = answer.take() {
                // Whoever asked may have gone.
                let _ = answer.send(outcome);
            }
        };
        if let Err(error) = visit(&own, &url, |peer| tell(Ok(peer))).await {
            tell(Err(error));
        }
    });
    answered.await.unwrap_or(Err(ConnectError::NotRunning))
}

async fn visit(node: &P2pPtr, url: &NodeUrl, ready: impl FnOnce(NodeId)) -> Result<(), ConnectError> {
    let Some(connection) = node.stop_signal().unless(connect(node, url)).await else { return Ok(()) };
    let connection = connection.inspect_err(|_| {
        node.hosts().failed(url);
    })?;
    if let Err(error) = node.hosts().reached(url, connection.peer) {
        log::debug!(target: "net", "{url} is not stored: {error}");
    }
    let (mut done, deadline) = (false, node.handshake_deadline());
    let origin = Origin { session: SessionFlags::OUTBOUND, dialled_by: Side::Local, url: Some(url.clone()) };
    let end = serve(node, connection, origin, deadline, |channel| {
        done = true;
        ready(channel.peer_id());
    })
    .await;
    if done { Ok(()) } else { Err(ConnectError::Refused { url: url.clone(), reason: end }) }
}
