//! A channel: an authenticated connection to one peer that carries typed messages, each type in a lane of its own.
//!
//! Protocols send and request through [`Channel`] and receive through their inboxes; sessions make channels, start their
//! two tasks (one reader, one writer) and tear them down. A channel knows no session and no concrete protocol.

mod agreed;
mod answering;
mod departed;
mod life;
pub(crate) mod outbox;
mod patience;
mod peer;
mod pending;
mod reader;
mod request;
mod rows;
mod send;
mod send_error;
mod waiting;
mod writer;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use event_listener::Event;
use smol::Executor;

pub use answering::{Asked, MAX_STREAMS};
pub use peer::PeerInfo;
pub use pending::MAX_PENDING_REQUESTS;
pub use request::{Reply, RequestError};
pub use rows::Rows;
pub(crate) use send::Encoded;
pub use send_error::SendError;

use self::answering::Answering;
use self::departed::Departed;
use self::pending::Requests;
use self::writer::Outgoing;
use crate::clock::Clock;
use crate::disconnect::{Disconnect, DisconnectReason, Side};
use crate::event::Events;
use crate::identity::NodeId;
use crate::message::lane::LaneTable;
use crate::message::window::Pace;
use crate::message::{Inbox, Message, MessageId, MessageSpec, MessageSubscription, MessageSubsystem};
use crate::node_url::NodeUrl;
use crate::protocol::{Agreement, Offer, Offers, SessionFlags};
use crate::settings::Limits;
use crate::tasks::TaskGroup;
use crate::transport::{BoxReader, Connection, Endpoint};

/// An authenticated connection to one peer; clones share it.
///
/// ```
/// use p2p_net::prelude::*;
///
/// #[derive(Message, Serialize, Deserialize)]
/// struct Say { text: String }
///
/// async fn greet(channel: &Channel) -> Result<()> {
///     channel.send(&Say { text: format!("hello {}", channel.peer_id()) }).await?;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Channel {
    inner: Arc<Inner>,
}

/// What is done when a task panics: told the task's name and the panic's text.
pub(crate) type OnPanic = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// What all channels of a node share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) executor: Arc<Executor<'static>>,
    pub(crate) clock: Clock,
    pub(crate) events: Events,
    pub(crate) limits: Arc<Limits>,
    pub(crate) lanes: Arc<LaneTable>,
    /// By session.
    pub(crate) offers: Offers,
    /// Bytes that the windows of one channel may grow by, and what is left of those for all channels together.
    pub(crate) room: usize,
    pub(crate) growth: Arc<AtomicUsize>,
    pub(crate) on_panic: OnPanic,
}

/// How a connection came to be.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) session: SessionFlags,
    pub(crate) dialled_by: Side,
    /// The URL that was dialled, when we dialled.
    pub(crate) url: Option<NodeUrl>,
}

struct Inner {
    number: u64,
    peer: NodeId,
    remote: Endpoint,
    origin: Origin,
    since: Instant,
    executor: Arc<Executor<'static>>,
    clock: Clock,
    limits: Arc<Limits>,
    table: Arc<LaneTable>,
    offer: Arc<Offer>,
    out: Arc<Outgoing>,
    subsystem: Arc<MessageSubsystem>,
    requests: Requests,
    answering: Answering,
    departed: Departed,
    facts: Mutex<peer::Facts>,
    tasks: TaskGroup,
    reader: Mutex<Option<BoxReader>>,
    /// What both ends run; unset when no handshake compared offers: then everything.
    agreement: OnceLock<Agreement>,
    /// The handshake is done.
    open: AtomicBool,
    /// Everything the peer sent is read, or nobody will read it.
    drained: AtomicBool,
    /// Nothing has gone over the channel for a while: the reader gives back what it keeps.
    resting: AtomicBool,
    /// Nanoseconds that broadcasts have waited for this peer, less what it has earned since.
    waited: AtomicU64,
    ended: OnceLock<Disconnect>,
    /// `open`, `drained` or `ended` changed.
    changed: Event,
}

impl Channel {
    /// A channel over `connection`, with nothing running yet.
    pub(crate) fn new(shared: &Shared, connection: Connection, origin: Origin) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let Connection { peer, remote, reader, writer } = connection;
        let (lanes, clock, on_panic) = (shared.lanes.clone(), shared.clock.clone(), shared.on_panic.clone());
        let high_water = shared.limits.outbox_bytes;
        let pace = Pace::new(clock.clone(), shared.room, shared.growth.clone());
        let offer = shared.offers.get(&origin.session).cloned().unwrap_or_default();
        let out = Outgoing::new(peer, clock.clone(), shared.events.clone(), lanes.clone(), high_water, writer);
        let out = Arc::new(out);
        let inner = Inner {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            peer,
            remote,
            origin,
            since: clock.now(),
            executor: shared.executor.clone(),
            limits: shared.limits.clone(),
            table: lanes.clone(),
            offer,
            subsystem: Arc::new(MessageSubsystem::new(lanes, out.clone(), shared.events.watchers(), pace)),
            out,
            requests: Requests::default(),
            answering: Answering::default(),
            departed: Departed::default(),
            facts: Mutex::default(),
            tasks: TaskGroup::new(shared.executor.clone(), move |task, text| on_panic(task, text)),
            reader: Mutex::new(Some(reader)),
            agreement: OnceLock::new(),
            open: AtomicBool::new(false),
            drained: AtomicBool::new(false),
            resting: AtomicBool::new(false),
            waited: AtomicU64::new(0),
            ended: OnceLock::new(),
            changed: Event::new(),
            clock,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The peer: the key it proved.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.to(&bob).peer_id(), bob.id());
    /// # });
    /// ```
    pub fn peer_id(&self) -> NodeId {
        self.inner.peer
    }

    /// Where the peer is, as this end sees it.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.to(&bob).remote().to_string().starts_with("bob"));
    /// # });
    /// ```
    pub fn remote(&self) -> &Endpoint {
        &self.inner.remote
    }

    /// The session this channel belongs to: exactly one flag.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.to(&bob).session(), SessionFlags::MANUAL);
    /// assert_eq!(bob.to(&alice).session(), SessionFlags::INBOUND);
    /// # });
    /// ```
    pub fn session(&self) -> SessionFlags {
        self.inner.origin.session
    }

    /// Who dialled.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// use p2p_net::disconnect::Side;
    ///
    /// assert_eq!(alice.to(&bob).dialled_by(), Side::Local);
    /// assert_eq!(bob.to(&alice).dialled_by(), Side::Remote);
    /// # });
    /// ```
    pub fn dialled_by(&self) -> Side {
        self.inner.origin.dialled_by
    }

    /// The URL that was dialled, when this end dialled.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.to(&bob).url(), bob.advertised().first());
    /// assert_eq!(bob.to(&alice).url(), None);
    /// # });
    /// ```
    pub fn url(&self) -> Option<&NodeUrl> {
        self.inner.origin.url.as_ref()
    }

    /// The message subsystem: the receiving half.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.to(&bob).message_subsystem().lanes().find(Say::ID).is_some());
    /// # });
    /// ```
    pub fn message_subsystem(&self) -> &Arc<MessageSubsystem> {
        &self.inner.subsystem
    }

    /// Subscribes to one message type, from now on; for protocols written by hand.
    ///
    /// In a protocol's constructor it misses nothing: the channel has not read its first byte.
    ///
    /// # Errors
    ///
    /// [`SendError::NotDeclared`] when no protocol of this node lists the message.
    ///
    /// ```
    /// use p2p_net::prelude::*;
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    ///
    /// /// Reads on until the channel is over.
    /// async fn read(channel: &Channel) -> Result<()> {
    ///     let mut says = channel.subscribe::<Say>()?;
    ///     while let Ok(Say(text)) = says.receive().await {
    ///         log::info!("{text}");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn subscribe<M: Message>(&self) -> Result<MessageSubscription<M>, SendError> {
        let Some(lane) = self.inner.table.find(M::ID) else { return Err(SendError::NotDeclared(M::NAME)) };
        Ok(MessageSubscription::new(self.inner.subsystem.subscribe("", &[lane])))
    }

    /// An inbox for `messages`, which are in the lane table because a registered descriptor lists them.
    pub(crate) fn inbox(&self, owner: &'static str, messages: impl IntoIterator<Item = MessageSpec>) -> Inbox {
        let lanes: Vec<_> = messages.into_iter().filter_map(|message| self.inner.table.find(message.id)).collect();
        self.inner.subsystem.subscribe(owner, &lanes)
    }

    /// What is known of the peer.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// let info = alice.to(&bob).info();
    /// assert_eq!((info.id, info.session.as_str()), (bob.id(), "manual"));
    /// # });
    /// ```
    pub fn info(&self) -> PeerInfo {
        self.inner.info()
    }

    /// Ends the channel; the peer is told the reason. The first reason counts.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// use p2p_net::disconnect::DisconnectReason;
    ///
    /// let (here, there) = (alice.to(&bob), bob.to(&alice));
    /// here.close(DisconnectReason::Requested, "good night");
    /// assert_eq!(there.closed().await.to_string(), "disconnect requested (by the peer: good night)");
    /// # });
    /// ```
    pub fn close(&self, reason: DisconnectReason, detail: impl Into<String>) {
        self.inner.end(Disconnect::local(reason, detail));
    }

    /// Why the channel ended, if it has.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// let channel = alice.to(&bob);
    /// assert!(channel.disconnect().is_none());
    /// bob.stop().await;
    /// channel.closed().await;
    /// assert!(channel.disconnect().is_some());
    /// # });
    /// ```
    pub fn disconnect(&self) -> Option<&Disconnect> {
        self.inner.ended.get()
    }

    /// Waits until the channel has ended, and says why.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost when the future is dropped.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// let channel = alice.to(&bob);
    /// bob.stop().await;
    /// assert_eq!(channel.closed().await.to_string(), "the node is shutting down (by the peer)");
    /// # });
    /// ```
    pub async fn closed(&self) -> Disconnect {
        self.inner.when(|inner| inner.ended.get().is_some()).await;
        self.inner.ended.get().cloned().unwrap_or_else(|| Disconnect::from(DisconnectReason::NetworkError))
    }

    /// For how long it has been there.
    pub(crate) fn age(&self) -> Duration {
        self.inner.clock.now().saturating_duration_since(self.inner.since)
    }

    pub(crate) fn number(&self) -> u64 {
        self.inner.number
    }

    pub(crate) fn executor(&self) -> &Arc<Executor<'static>> {
        &self.inner.executor
    }
}

impl Inner {
    /// Tells those who watch that a reply or a row came.
    fn answered(&self, replies: MessageId, bytes: usize) {
        if let Some(lane) = self.table.find(replies).map(|at| self.table.lane(at)) {
            self.subsystem.received(lane.protocol.unwrap_or_default(), lane.carries, bytes);
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({} {} {})", self.inner.peer.short(), self.inner.remote, self.inner.origin.session)
    }
}
