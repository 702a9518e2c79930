//! Dialling: from a URL to a connection whose other end has proved its key. In DarkFi: `Connector`.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::disconnect::{Disconnect, DisconnectReason};
use crate::event::{PeerEvent, Seen};
use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::p2p::P2pPtr;
use crate::transport::{Connection, DialError, UnknownScheme};

/// A node could not be connected.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
/// # #[protocol] async fn shout(_say: Say) {}
/// # testing::pair().with::<shout>().run(async |[alice, bob]| {
/// use p2p_net::session::ConnectError;
///
/// let nobody = "memory://nobody:1".parse().unwrap();
/// let error = alice.add_peer(&nobody).await.unwrap_err();
/// assert!(matches!(error, ConnectError::Dial { .. }));
/// # });
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL's scheme is not among the allowed transports.
    #[error(transparent)]
    Transport(#[from] UnknownScheme),
    /// Nobody is there, or somebody else is.
    #[error("cannot dial {url}: {error}")]
    Dial {
        /// Where.
        url: NodeUrl,
        /// Why.
        #[source]
        error: DialError,
    },
    /// Nothing came of it in time.
    #[error("cannot dial {url}: no connection within {limit:?}")]
    TimedOut {
        /// Where.
        url: NodeUrl,
        /// The setting `limits.connect_timeout`.
        limit: Duration,
    },
    /// It is there, and one of the two refused the other.
    #[error("{url} was refused: {reason}")]
    Refused {
        /// Where.
        url: NodeUrl,
        /// Who refused, and why.
        reason: Disconnect,
    },
    /// This node is not running.
    #[error("this node is not running: start it first")]
    NotRunning,
}

/// Dials `url` once, for at most the connect timeout.
///
/// In a box, because the session that dials is there for the life of the channel.
pub(super) fn connect<'a>(node: &'a P2pPtr, url: &'a NodeUrl) -> BoxFuture<'a, Result<Connection, ConnectError>> {
    dial(node, url).boxed()
}

async fn dial(node: &P2pPtr, url: &NodeUrl) -> Result<Connection, ConnectError> {
    let transport = node.transports().by_scheme(url)?.clone();
    let limit = node.settings().limits.connect_timeout;
    match node.clock().timeout(limit, transport.dial(url)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(ConnectError::Dial { url: url.clone(), error }),
        Err(_) => Err(ConnectError::TimedOut { url: url.clone(), limit }),
    }
}

/// The peer, when a connection to it ended for `reason` because another one is there already, or about to be: one of the two
/// was refused, and the other one's handshake may still run.
pub(super) async fn connected_otherwise(node: &P2pPtr, peer: NodeId, reason: DisconnectReason) -> Option<NodeId> {
    if !matches!(reason, DisconnectReason::AlreadyConnected | DisconnectReason::Replaced) {
        return None;
    }
    let mut events = node.subscribe_events();
    let connected = async {
        while node.connected_peers().find(&peer).is_none() {
            match events.next().await? {
                Seen::Event(PeerEvent::Add { peer: added, .. }) if added == peer => break,
                Seen::Event(_) | Seen::Lost(_) => {}
            }
        }
        Some(peer)
    };
    let limit = node.settings().limits.handshake_timeout;
    node.stop_signal().unless(node.clock().timeout(limit, connected)).await?.ok()?
}

/// Waits between attempts: twice as long each time, within the settings' bounds, jittered so that nodes that lost the
/// same peer do not come back as one.
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new(node: &P2pPtr) -> Self {
        Self { next: node.settings().limits.reconnect_min }
    }

    /// The next wait: between half of it and all of it, at random.
    pub(super) fn next(&mut self, node: &P2pPtr) -> Duration {
        let limits = &node.settings().limits;
        let wait = self.next.mul_f64(0.5 + node.random_unit() / 2.0);
        self.next = (self.next * 2).min(limits.reconnect_max);
        wait
    }

    /// After a success: starts over.
    pub(super) fn reset(&mut self, node: &P2pPtr) {
        self.next = node.settings().limits.reconnect_min;
    }
}
