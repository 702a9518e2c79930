//! The node: what an application holds. In DarkFi: `P2p` with `start`, `run` and `stop`.

mod broadcast;
mod builder;
mod info;
mod lifecycle;
mod peers;

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use event_listener::Event;
use fastrand::Rng;

pub use broadcast::Recipients;
pub use builder::{NewError, P2pBuilder};
pub use info::NodeInfo;
pub use lifecycle::{P2pState, RunError, StartError, StopSubscription};

use crate::channel::Shared;
use crate::clock::Clock;
use crate::event::{Events, PeerEvents};
use crate::hosts::Hosts;
use crate::identity::{NodeId, SecretKey};
use crate::node_url::NodeUrl;
use crate::protocol::{Config, NodeWide, Protocol, ProtocolRegistry, State, States};
use crate::session::{InboundSession, LiveChannels, ManualSession, OutboundSession, Peers, SeedSession};
use crate::settings::Settings;
use crate::signal::Signal;
use crate::tasks::TaskGroup;
use crate::transport::Transports;
use crate::transport::tls::TlsTransport;

/// A node, shared. In DarkFi: `P2pPtr`.
///
/// ```
/// use p2p_net::P2pPtr;
///
/// fn describe(node: &P2pPtr) -> String {
///     format!("{} with {} peers", node.id().short(), node.peer_count())
/// }
/// ```
pub type P2pPtr = Arc<P2p>;

/// A node of the network: its identity, its sessions, its protocols.
///
/// ```no_run
/// use std::sync::Arc;
/// use p2p_net::{P2p, Settings};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let ex = Arc::new(smol::Executor::new());
/// let p2p = P2p::new(Settings::default()).await?;
/// p2p.clone().start(ex.clone()).await?;
/// let run = ex.spawn(p2p.clone().run(ex.clone()));
/// p2p.stop().await;
/// run.await?;
/// # Ok(()) }
/// ```
pub struct P2p {
    id: NodeId,
    secret: SecretKey,
    settings: Arc<Settings>,
    clock: Clock,
    rng: Mutex<Rng>,
    transports: Transports,
    tls: TlsTransport,
    states: States,
    nodewide: NodeWide,
    registry: ProtocolRegistry,
    events: Events,
    hosts: Hosts,
    peers: Peers,
    live: LiveChannels,
    manual: ManualSession,
    inbound: InboundSession,
    outbound: OutboundSession,
    seed: SeedSession,
    /// Set by `start`: what needs an executor.
    running: OnceLock<Running>,
    state: Mutex<P2pState>,
    state_changed: Event,
    stop: Signal,
    /// The first panic of a task of this node.
    panicked: Arc<Mutex<Option<String>>>,
}

struct Running {
    tasks: TaskGroup,
    /// What drives connections over relays, a task each.
    relayed: TaskGroup,
    shared: Shared,
}

impl P2p {
    /// A node with these settings and all protocols that are linked into the program.
    ///
    /// # Errors
    ///
    /// When a setting is wrong, the identity cannot be read, or the protocols cannot run together.
    ///
    /// # Cancel safety
    ///
    /// When dropped, a new identity may have been written to the data folder.
    ///
    /// ```no_run
    /// use p2p_net::{P2p, Settings};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let p2p = P2p::new(Settings { name: "chat".to_owned(), ..Settings::default() }).await?;
    /// # Ok(()) }
    /// ```
    pub async fn new(settings: Settings) -> Result<P2pPtr, NewError> {
        Self::builder(settings).build().await
    }

    /// A node that is more than its settings: an identity, a set of protocols, states, transports, a clock.
    ///
    /// ```
    /// # use p2p_net::{P2p, ProtocolSet, Settings};
    /// # smol::block_on(async {
    /// let builder = P2p::builder(Settings::default()).state(7_u32);
    /// let p2p = builder.protocols(ProtocolSet::empty()).without_handshake().build().await?;
    /// assert_eq!(*p2p.state_of::<u32>().ok_or("no state")?, 7);
    /// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(settings: Settings) -> P2pBuilder {
        P2pBuilder::new(settings)
    }

    /// This node's id: its public key.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_ne!(alice.id(), bob.id());
    /// # });
    /// ```
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The key pair behind the id, for plugins that prove who this node is to others than its peers. What it signs should begin
    /// with a text of the plugin's own, so that no signature stands for anything else.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// let signature = alice.identity().sign(b"shout 1: hello");
    /// assert!(alice.id().verify(b"shout 1: hello", &signature));
    /// # });
    /// ```
    pub fn identity(&self) -> &SecretKey {
        &self.secret
    }

    /// The settings it was made with.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.settings().network, "main");
    /// # });
    /// ```
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The address book.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.hosts().bans().is_empty());
    /// # });
    /// ```
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The protocols this node runs.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, _bob]| {
    /// assert_eq!(alice.protocol_registry().names(), ["shout/1"]);
    /// # });
    /// ```
    pub fn protocol_registry(&self) -> &ProtocolRegistry {
        &self.registry
    }

    /// Its time.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// use std::time::Duration;
    ///
    /// let before = alice.clock().now();
    /// alice.clock().sleep(Duration::from_secs(60)).await; // passes at once in a test
    /// assert!(alice.clock().now() - before >= Duration::from_secs(60));
    /// # });
    /// ```
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Subscribes to peers that come and go, from now on.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// use p2p_net::event::{PeerEvent, Seen};
    ///
    /// let mut events = alice.subscribe_events();
    /// bob.stop().await;
    /// let gone = events.next().await;
    /// assert!(matches!(gone, Some(Seen::Event(PeerEvent::Drop { peer, .. })) if peer == bob.id()));
    /// # });
    /// ```
    pub fn subscribe_events(&self) -> PeerEvents {
        self.events.subscribe()
    }

    /// Subscribes to peers that come and go and to every message sent and received, from now on.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// use p2p_net::event::{PeerEvent, Seen};
    ///
    /// let mut events = bob.subscribe_message_events();
    /// alice.to(&bob).send(&Say("hello".to_owned())).await.unwrap();
    /// let seen = events.next().await;
    /// assert!(matches!(seen, Some(Seen::Event(PeerEvent::MsgRecv { message: "say", bytes: 6, .. }))));
    /// # });
    /// ```
    pub fn subscribe_message_events(&self) -> PeerEvents {
        self.events.subscribe_messages()
    }

    /// The application's state of type `T`, if it gave one.
    ///
    /// ```
    /// # use p2p_net::{P2p, ProtocolSet, Settings};
    /// # smol::block_on(async {
    /// let p2p = P2p::builder(Settings::default()).state(String::from("mine")).protocols(ProtocolSet::empty());
    /// let p2p = p2p.without_handshake().build().await?;
    /// assert!(p2p.state_of::<String>().is_some() && p2p.state_of::<u8>().is_none());
    /// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn state_of<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        self.states.find()
    }

    /// The config of type `T`, if a protocol of this node has one; see [`ProtocolSet::configure`](crate::ProtocolSet::configure).
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// #[derive(Clone, Default)]
    /// struct Unused;
    ///
    /// assert!(alice.config_of::<Unused>().is_none(), "no protocol of this node has such a config");
    /// # });
    /// ```
    pub fn config_of<T: Send + Sync + 'static>(&self) -> Option<Config<T>> {
        self.states.config()
    }

    /// The instance of a protocol with `scope = node`: from `start` until the node has stopped, if this node runs it. With it a
    /// plugin has an interface for applications and for other plugins.
    ///
    /// ```
    /// use p2p_net::{prelude::*, testing};
    ///
    /// #[derive(Default)]
    /// struct Shelf;
    ///
    /// #[protocol(scope = node)]
    /// impl Shelf {
    ///     #[job]
    ///     async fn dust(&self) {}
    /// }
    ///
    /// testing::pair().with::<Shelf>().run(async |[alice, _bob]| {
    ///     assert!(alice.instance_of::<Shelf>().is_some());
    ///     alice.stop().await;
    ///     assert!(alice.instance_of::<Shelf>().is_none());
    /// });
    /// ```
    pub fn instance_of<P: Protocol + Send + Sync>(&self) -> Option<Arc<P>> {
        let instance = self.nodewide.find(P::DESCRIPTOR.name, P::DESCRIPTOR.version)?;
        (instance as Arc<dyn Any + Send + Sync>).downcast().ok()
    }

    /// The addresses others may be told of: the external ones of the settings, or those it listens at.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.advertised()[0].id(), Some(alice.id()));
    /// # });
    /// ```
    pub fn advertised(&self) -> Vec<NodeUrl> {
        let external = &self.settings.external;
        if external.is_empty() {
            self.inbound.urls()
        } else {
            external.iter().map(|url| url.with_id(self.id)).collect()
        }
    }

    /// The most memory one channel's lanes can hold, in bytes, computed from the protocols and from what their windows may
    /// grow by on long links; what the setting `limits.channel_memory` bounds. Replies that have come and whose askers have
    /// not looked yet are not in it: at most [`MAX_PENDING_REQUESTS`](crate::channel::MAX_PENDING_REQUESTS) of them.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.channel_ceiling() <= alice.settings().limits.channel_memory);
    /// # });
    /// ```
    pub fn channel_ceiling(&self) -> usize {
        let (ceiling, limits) = (self.registry.ceiling(), &self.settings.limits);
        ceiling + limits.window_growth.min(limits.channel_memory.saturating_sub(ceiling))
    }

    /// A random number from 0 up to, but not, 1, from the node's own generator.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!((0.0..1.0).contains(&alice.random_unit()));
    /// # });
    /// ```
    pub fn random_unit(&self) -> f64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }

    /// How many tasks of this node have not ended; 0 after [`stop`](Self::stop).
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.task_count() > 0);
    /// alice.stop().await;
    /// assert_eq!(alice.task_count(), 0);
    /// # });
    /// ```
    pub fn task_count(&self) -> usize {
        self.running.get().map_or(0, |running| running.tasks.len() + running.relayed.len()) + self.nodewide.tasks()
    }

    /// Whether it was given what `requirement` asks for.
    #[cfg(feature = "service")]
    pub(crate) fn meets(&self, requirement: &crate::protocol::Requirement) -> bool {
        self.states.meets(requirement)
    }

    pub(crate) fn nodewide(&self) -> &NodeWide {
        &self.nodewide
    }

    pub(crate) fn transports(&self) -> &Transports {
        &self.transports
    }

    /// What proves who is at both ends of a relayed connection.
    pub(crate) fn tls(&self) -> &TlsTransport {
        &self.tls
    }

    /// A random number from the node's own generator.
    pub(crate) fn random_u64(&self) -> u64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }

    pub(crate) fn connected_peers(&self) -> &Peers {
        &self.peers
    }

    pub(crate) fn live(&self) -> &LiveChannels {
        &self.live
    }

    pub(crate) fn handshake_deadline(&self) -> Instant {
        self.clock.now() + self.settings.limits.handshake_timeout
    }

    /// Runs a task of this node until the node stops; nothing happens when it has not started.
    pub(crate) fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(running) = self.running.get() {
            running.tasks.spawn(name, future);
        }
    }

    /// Drives a connection over a relay, for a little longer than its channel.
    pub(crate) fn spawn_relayed(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(running) = self.running.get() {
            running.relayed.spawn("a relayed connection", future);
        }
    }

    /// What its channels share; only sessions ask, and they run only once the node has started.
    pub(crate) fn shared(&self) -> &Shared {
        match self.running.get() {
            Some(running) => &running.shared,
            None => unreachable!("a session runs before the node has started"),
        }
    }
}

impl fmt::Debug for P2p {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P2p({} {:?})", self.id.short(), self.state())
    }
}
