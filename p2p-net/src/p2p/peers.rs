//! Whom a node is connected with, and the sessions that see to it.

use super::P2p;
use crate::channel::{Channel, PeerInfo};
use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::session::{ConnectError, InboundSession, ManualSession, OutboundSession, SeedSession};

impl P2p {
    /// The manual session.
    pub fn session_manual(&self) -> &ManualSession {
        &self.manual
    }

    /// The inbound session.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.session_inbound().urls(), alice.advertised());
    /// # });
    /// ```
    pub fn session_inbound(&self) -> &InboundSession {
        &self.inbound
    }

    /// The outbound session.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.session_outbound().connected(), 0, "alice dialled bob by hand");
    /// # });
    /// ```
    pub fn session_outbound(&self) -> &OutboundSession {
        &self.outbound
    }

    /// The seed session.
    pub fn session_seed(&self) -> &SeedSession {
        &self.seed
    }

    /// The channels to all connected peers, by id.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// for channel in alice.channels() {
    ///     channel.send(&Say("hello".to_owned())).await.unwrap();
    /// }
    /// # });
    /// ```
    pub fn channels(&self) -> Vec<Channel> {
        self.peers.channels()
    }

    /// The channel to one peer.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.channel(&bob.id()).is_some());
    /// bob.stop().await;
    /// alice.until(|alice| alice.channel(&bob.id()).is_none()).await;
    /// # });
    /// ```
    pub fn channel(&self, peer: &NodeId) -> Option<Channel> {
        self.peers.find(peer)
    }

    /// What is known of all connected peers, by id.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.peers()[0].id, bob.id());
    /// # });
    /// ```
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.peers.channels().iter().map(Channel::info).collect()
    }

    /// How many peers are connected.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!((alice.peer_count(), bob.peer_count()), (1, 1));
    /// # });
    /// ```
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// Connects to a node, keeps the connection up from then on, and says what came of it. Second seed: `AddPeer`.
    ///
    /// # Errors
    ///
    /// Unreachable, refused and by whom, not who the URL says, or this node is not running; then nothing is tried again.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the attempt goes on.
    ///
    /// ```no_run
    /// # use std::sync::Arc;
    /// # use p2p_net::{P2p, Settings};
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ex = Arc::new(smol::Executor::new());
    /// # let p2p = P2p::new(Settings::default()).await?;
    /// match p2p.add_peer(&"tls://198.51.100.7:9000".parse()?).await {
    ///     Ok(peer) => println!("connected to {peer}"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn add_peer(&self, url: &NodeUrl) -> Result<NodeId, ConnectError> {
        self.manual.connect(url).await
    }
}
