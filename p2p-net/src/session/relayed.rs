//! The relayed session: channels over a carrier of datagrams, from the TLS handshake to their end.

use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;

use super::connector::connected_otherwise;
use super::serve::serve;
use crate::channel::{Channel, Origin};
use crate::disconnect::Side;
use crate::identity::NodeId;
use crate::p2p::P2pPtr;
use crate::protocol::SessionFlags;
use crate::relay::RelayedError;
use crate::transport::{Duplex, Endpoint};

/// How long the handshake of a channel may take that another node opens: that node is there and waits, and ten round trips of
/// two seconds are more than one takes.
const ACCEPT_WITHIN: Duration = Duration::from_secs(20);

fn origin(dialled_by: Side) -> Origin {
    Origin { session: SessionFlags::RELAYED, dialled_by, url: None }
}

/// Opens a channel to `peer` over `stream`, whose other end must prove that it is.
///
/// # Cancel safety
///
/// When dropped, the attempt goes on.
pub(crate) async fn dial_relayed<T>(node: &P2pPtr, peer: NodeId, stream: T) -> Result<Channel, RelayedError>
where
    T: Duplex,
{
    let (answer, answered) = oneshot::channel();
    let task = node.clone();
    node.spawn("a relayed channel", async move {
        let mut answer = Some(answer);
        let outcome = visit(&task, peer, stream, |channel| {
            if let Some(answer) = answer.take() {
                let _ = answer.send(Ok(channel.clone()));
            }
        });
        let outcome = outcome.await;
        let Some(answer) = answer else { return };
        let other = match &outcome {
            Err(RelayedError::Refused { reason, .. }) => connected_otherwise(&task, peer, reason.reason).await,
            Err(_) | Ok(()) => None,
        };
        let known = other.and_then(|peer| task.connected_peers().find(&peer));
        let failed = || outcome.err().unwrap_or(RelayedError::NotRunning);
        let _ = answer.send(known.ok_or_else(failed));
    });
    answered.await.unwrap_or(Err(RelayedError::NotRunning))
}

/// One connection, from its handshake to its end.
async fn visit<T>(node: &P2pPtr, peer: NodeId, stream: T, ready: impl FnOnce(&Channel)) -> Result<(), RelayedError>
where
    T: Duplex,
{
    let (limit, mut done) = (node.settings().limits.relayed_timeout, false);
    let deadline = node.clock().now() + limit;
    let secured = node.tls().secure(stream, Endpoint::Relayed(peer), Some(peer));
    let secured = node.stop_signal().unless(node.clock().timeout(limit, secured)).boxed().await;
    let connection = match secured {
        None => return Err(RelayedError::NotRunning),
        Some(Err(_)) => return Err(RelayedError::TimedOut { peer, limit }),
        Some(Ok(secured)) => secured.map_err(|error| RelayedError::Dial { peer, error })?,
    };
    let reason = serve(node, connection, origin(Side::Local), deadline, |channel| {
        done = true;
        ready(channel);
    })
    .await;
    if done { Ok(()) } else { Err(RelayedError::Refused { peer, reason }) }
}

/// Runs a channel that `from` opened; `proven` is told when it has proved that it is who it says, `settled` when its handshake
/// is over, however it ends.
pub(crate) async fn accept_relayed<T>(
    node: &P2pPtr,
    from: NodeId,
    stream: T,
    proven: impl FnOnce(),
    settled: impl FnOnce(),
) where
    T: Duplex,
{
    let limit = node.settings().limits.relayed_timeout.min(ACCEPT_WITHIN);
    let deadline = node.clock().now() + limit;
    let welcome = node.tls().welcome(stream, Endpoint::Relayed(from));
    let welcome = node.stop_signal().unless(node.clock().timeout(limit, welcome)).boxed().await;
    let connection = match welcome {
        Some(Ok(Ok(connection))) => connection,
        Some(Ok(Err(error))) => return log::debug!(target: "net", "relayed from {}: {error}", from.short()),
        Some(Err(timeout)) => return log::debug!(target: "net", "relayed from {}: {timeout}", from.short()),
        None => return,
    };
    if connection.peer != from {
        // Answers go to whoever the carrier names; nobody else may end up with the channel.
        let found = connection.peer.short();
        return log::debug!(target: "net", "relayed from {}: {found} proved its key instead", from.short());
    }
    proven();
    serve(node, connection, origin(Side::Remote), deadline, |_| settled()).await;
}
