//! The API of the node itself, in geth's names and shapes, so that tools made for geth work: <https://geth.ethereum.org/docs/interacting-with-geth/rpc/ns-admin>.

mod events;
mod outcome;
mod shapes;

use futures::Stream;

pub use events::AdminEvent;
pub use shapes::{AdminNodeInfo, AdminPeer, AdminPeerNetwork, AdminPorts, AdminProtocol};

use super::error::RpcError;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::p2p::P2pPtr;

/// The namespace `admin`: what a node is, whom it is connected with, and whom it should be.
///
/// `AdminClient` is its typed client. Where geth's `admin_addPeer` says `true` whatever happens, this one says what came of it:
/// `true` when the two are connected, otherwise an error whose code and `data.outcome` say whether the peer was
/// `unreachable`, one of the two `refused`, or somebody with a `wrong identity` answered.
///
/// ```
/// # use p2p_net::{P2p, ProtocolSet, Settings};
/// use p2p_net::rpc::{Admin, AdminClient, Apis, RpcSettings, Server};
///
/// # let ex = std::sync::Arc::new(smol::Executor::new());
/// # smol::block_on(ex.run(async {
/// # let p2p = P2p::builder(Settings::default()).protocols(ProtocolSet::empty()).without_handshake().build().await?;
/// let server = Server::start(Apis::new().with(Admin::new(p2p.clone()))?, RpcSettings::default(), &ex).await?;
/// let admin = AdminClient::from(server.client());
/// assert_eq!(admin.node_info().await?.id, p2p.id().to_string());
/// # Ok::<_, Box<dyn std::error::Error>>(()) }))?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Admin {
    p2p: P2pPtr,
}

impl Admin {
    /// The API of `p2p`.
    pub fn new(p2p: P2pPtr) -> Self {
        Self { p2p }
    }
}

/// What a node is, whom it is connected with, and whom it should be.
#[crate::rpc(namespace = "admin", crate = crate)]
impl Admin {
    /// What this node says of itself.
    async fn node_info(&self) -> AdminNodeInfo {
        AdminNodeInfo::of(&self.p2p)
    }

    /// The peers that are connected.
    async fn peers(&self) -> Vec<AdminPeer> {
        let listen = self.p2p.session_inbound().urls().into_iter().next();
        self.p2p.peers().iter().map(|peer| AdminPeer::of(peer, listen.as_ref())).collect()
    }

    /// Connects to the node at `url` and keeps the connection up: `true` when the two are connected, at once or already. Otherwise
    /// an error with the outcome: unreachable (-32010), refused (-32011), wrong identity (-32012), not running (-32013).
    async fn add_peer(&self, url: String) -> Result<bool, RpcError> {
        let url = node_url(&url)?;
        self.p2p.add_peer(&url).await.map(|_| true).map_err(|error| outcome::of(&error))
    }

    /// Ends the connection to a node, given by its id or its URL, and keeps it up no longer: whether there was one.
    async fn remove_peer(&self, url: String) -> Result<bool, RpcError> {
        Ok(self.p2p.remove_peer(&node_id(&url)?))
    }

    /// Admits a node, given by its id or its URL, however many peers there are.
    async fn add_trusted_peer(&self, url: String) -> Result<bool, RpcError> {
        self.p2p.trust(node_id(&url)?);
        Ok(true)
    }

    /// Admits a node, given by its id or its URL, like any other: whether it was trusted. If it is connected it stays so.
    async fn remove_trusted_peer(&self, url: String) -> Result<bool, RpcError> {
        Ok(self.p2p.distrust(&node_id(&url)?))
    }

    /// Peers that come and go, and, unless `messages` is false, every message that is sent and received.
    fn peer_events(&self, messages: Option<bool>) -> impl Stream<Item = AdminEvent> {
        events::stream(&self.p2p, messages.unwrap_or(true))
    }
}

fn node_url(text: &str) -> Result<NodeUrl, RpcError> {
    text.parse().map_err(|error| RpcError::invalid_params(format_args!("argument 1, `url`: {error}")))
}

/// The id in a URL, or alone.
fn node_id(text: &str) -> Result<NodeId, RpcError> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let missing = || RpcError::invalid_params("argument 1, `url`: it has no node id, by which peers are known");
    node_url(text)?.id().ok_or_else(missing)
}
