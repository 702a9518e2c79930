//! What a node says of itself.

use serde::Serialize;

use super::P2p;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;

/// What a node says of itself. In go-ethereum: `NodeInfo`.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
/// # #[protocol] async fn shout(_say: Say) {}
/// # testing::pair().with::<shout>().run(async |[alice, bob]| {
/// let info = alice.node_info();
/// assert_eq!((info.id, info.peers, info.url), (alice.id(), 1, alice.advertised().into_iter().next()));
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NodeInfo {
    /// Its public key.
    pub id: NodeId,
    /// What it calls itself: `name/vVERSION/os/rustVERSION`.
    pub name: String,
    /// Where others reach it, its id included: the first of `listen`.
    pub url: Option<NodeUrl>,
    /// Where it listens, with the ports it really has.
    pub listen: Vec<NodeUrl>,
    /// The protocols it runs, as `name/version`.
    pub protocols: Vec<String>,
    /// How many peers are connected.
    pub peers: usize,
}

impl P2p {
    /// What this node says of itself.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.node_info().protocols, ["shout/1"]);
    /// # });
    /// ```
    pub fn node_info(&self) -> NodeInfo {
        let listen = self.inbound.urls();
        NodeInfo {
            id: self.id,
            name: self.agent(),
            url: self.advertised().into_iter().next(),
            listen,
            protocols: self.registry.names(),
            peers: self.peer_count(),
        }
    }

    /// What it calls itself: application, version, operating system, and the Rust it needs at least.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.agent().starts_with("p2p-net/v"));
    /// # });
    /// ```
    pub fn agent(&self) -> String {
        let (name, version) = (&self.settings.name, &self.settings.app_version);
        format!("{name}/v{version}/{}/rust{}", std::env::consts::OS, env!("CARGO_PKG_RUST_VERSION"))
    }
}
