//! Whom a node is connected with, and the sessions that see to it.

use super::P2p;
use crate::channel::{Channel, PeerInfo};
use crate::disconnect::DisconnectReason;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::protocol::Protocol;
use crate::session::{ConnectError, InboundSession, ManualSession, OutboundSession, SeedSession, reach};

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

    /// The peers that run protocol `P` with this node, by id: at this end or at the other, and not [ended](crate::Error::leave)
    /// at either. Their number is how much use a service has.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.peers_with::<shout>(), [bob.id()]);
    /// # });
    /// ```
    pub fn peers_with<P: Protocol>(&self) -> Vec<NodeId> {
        self.peers_running(P::DESCRIPTOR.name)
    }

    /// The peers that run the protocol of this name with this node, by id; see [`peers_with`](Self::peers_with).
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!((alice.peers_running("shout").len(), alice.peers_running("whisper").len()), (1, 0));
    /// # });
    /// ```
    pub fn peers_running(&self, protocol: &str) -> Vec<NodeId> {
        self.peers.channels().iter().filter(|channel| channel.runs(protocol)).map(Channel::peer_id).collect()
    }

    /// Admits a node from now on even when there are `max_peers`, whoever dials; whether it was not trusted before. It is not
    /// dialled for that, limits of connections by address still hold until it has proved its key, and so does a ban.
    /// In go-ethereum: `AddTrustedPeer`.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.trust(bob.id()));
    /// assert!(!alice.trust(bob.id()), "once is enough");
    /// assert!(alice.peers()[0].trusted);
    /// # });
    /// ```
    pub fn trust(&self, peer: NodeId) -> bool {
        self.peers.trust(peer, true)
    }

    /// Trusts a node no longer; whether it was trusted. When it is connected it stays so. In go-ethereum: `RemoveTrustedPeer`.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// alice.trust(bob.id());
    /// assert!(alice.distrust(&bob.id()) && !alice.distrust(&bob.id()));
    /// assert_eq!(alice.peer_count(), 1);
    /// # });
    /// ```
    pub fn distrust(&self, peer: &NodeId) -> bool {
        self.peers.trust(*peer, false)
    }

    /// Those who are trusted, by id: of the settings, and [added](Self::trust).
    pub fn trusted(&self) -> Vec<NodeId> {
        self.peers.trusted()
    }

    /// Connects to a node, keeps the connection up from then on, and says what came of it. A node that is connected already,
    /// by its own dial or ours, is the same success at once. In go-ethereum: `AddPeer`.
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

    /// Keeps the connection to a peer up no longer, and ends it; whether there was either. In go-ethereum: `RemovePeer`.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.remove_peer(&bob.id()));
    /// alice.until(|alice| alice.peer_count() == 0).await; // for good: alice does not dial again
    /// # });
    /// ```
    pub fn remove_peer(&self, peer: &NodeId) -> bool {
        let (was_kept, channel) = (self.manual.leave(self, peer), self.peers.find(peer));
        if let Some(channel) = &channel {
            channel.close(DisconnectReason::Requested, "");
        }
        was_kept || channel.is_some()
    }

    /// Connects to a node once, and says what came of it. Unlike with [`add_peer`](Self::add_peer) nothing brings the connection
    /// back when it ends; unlike those of the outbound slots it is beside their number. For plugins that choose their peers.
    ///
    /// # Errors
    ///
    /// Unreachable, refused and by whom, not who the URL says, or this node is not running.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the attempt goes on.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use p2p_net::disconnect::DisconnectReason;
    /// # use p2p_net::testing::Simulation;
    /// # use p2p_net::{ProtocolSet, Settings};
    /// let sim = Simulation::new(1);
    /// let settings = Settings { outbound_slots: 0, ..Settings::default() };
    /// let node = |host| sim.node(host, settings.clone()).protocols(ProtocolSet::empty()).without_handshake();
    /// sim.run(async {
    ///     let (alice, bob) = (sim.start(node("alice")).await, sim.start(node("bob")).await);
    ///     assert_eq!(alice.reach(&bob.advertised()[0]).await.ok(), Some(bob.id()));
    ///     alice.channel(&bob.id()).unwrap().close(DisconnectReason::Requested, "good night");
    ///     sim.clock().sleep(Duration::from_secs(3600)).await;
    ///     assert_eq!(alice.peer_count(), 0, "nothing brings it back");
    /// #   alice.stop().await;
    /// #   bob.stop().await;
    /// });
    /// ```
    pub async fn reach(&self, url: &NodeUrl) -> Result<NodeId, ConnectError> {
        let node = self.manual.node().filter(|node| node.is_running()).ok_or(ConnectError::NotRunning)?;
        reach(&node, url).await
    }
}
