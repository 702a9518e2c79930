//! The API of a whole node, for other processes: what services it has, and how much use each has.

use serde::{Deserialize, Serialize};

use super::node::Node;
use super::peers::ServiceInfo;
use crate::p2p::P2pPtr;
use crate::rpc::RpcError;

/// The namespace `node`, which every [`Node`] has beside `admin`: what geth's `admin` has no word for.
///
/// `NodeApiClient` is its typed client.
///
/// ```
/// # use p2p_net::{ProtocolSet, Settings, service::Node};
/// use p2p_net::service::NodeApiClient;
///
/// # let ex = std::sync::Arc::new(smol::Executor::new());
/// # smol::block_on(ex.run(async {
/// # let node = Node::builder(Settings::default());
/// # let node = node.protocols(ProtocolSet::empty()).with_p2p(|p2p| p2p.without_handshake()).build().await?;
/// # node.start(&ex).await?;
/// assert_eq!(NodeApiClient::from(node.attach()?).services().await?, []);
/// # node.stop().await?;
/// # Ok::<_, Box<dyn std::error::Error>>(()) }))?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NodeApi {
    /// Not the node, which keeps its APIs.
    p2p: P2pPtr,
}

/// An element of the answer of `node_services`; see [`ServiceInfo`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NodeService {
    /// Its name.
    pub name: String,
    /// Whether it has started, and not stopped since.
    pub started: bool,
    /// Its protocols, as `name/version`.
    pub protocols: Vec<String>,
    /// The namespaces of its APIs.
    pub namespaces: Vec<String>,
    /// How many peers run one of its protocols at least.
    pub peers_any: usize,
    /// How many peers run every one of them.
    pub peers_all: usize,
}

impl From<ServiceInfo> for NodeService {
    fn from(info: ServiceInfo) -> Self {
        Self {
            name: info.name.to_owned(),
            started: info.started,
            protocols: info.protocols,
            namespaces: info.namespaces.into_iter().map(str::to_owned).collect(),
            peers_any: info.peers_any,
            peers_all: info.peers_all,
        }
    }
}

impl NodeApi {
    pub(super) fn new(p2p: P2pPtr) -> Self {
        Self { p2p }
    }
}

/// What a whole node is made of.
#[crate::rpc(namespace = "node", crate = crate)]
impl NodeApi {
    /// Its services, in the order in which they start, and how many peers run their protocols.
    async fn services(&self) -> Result<Vec<NodeService>, RpcError> {
        let node = Node::of(&self.p2p).map_err(crate::error::Error::from)?;
        Ok(node.services().into_iter().map(NodeService::from).collect())
    }
}
