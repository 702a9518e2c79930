//! A channel: an authenticated connection to one peer that carries typed messages, each type in a lane of its own.
//!
//! Protocols send and request through [`Channel`] and receive through their inboxes; sessions make channels, start their
//! two tasks (one reader, one writer) and tear them down. A channel knows no session and no concrete protocol.

mod answering;
pub(crate) mod outbox;
mod peer;
mod pending;
mod reader;
mod request;
mod rows;
mod send;
mod writer;

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use event_listener::Event;
use futures::future::{Either, select};
use futures::{AsyncReadExt, FutureExt};
use smol::Executor;

pub use answering::{Asked, MAX_STREAMS};
pub use peer::PeerInfo;
pub use pending::MAX_PENDING_REQUESTS;
pub use request::{Reply, RequestError};
pub use rows::Rows;
pub(crate) use send::Encoded;
pub use send::SendError;

use self::answering::Answering;
use self::pending::Requests;
use self::reader::Reader;
use self::writer::Outgoing;
use crate::clock::{Clock, Sleep};
use crate::disconnect::{Disconnect, DisconnectReason, Side};
use crate::error::Error;
use crate::event::Events;
use crate::identity::NodeId;
use crate::message::lane::{LaneIndex, LaneTable};
use crate::message::window::Pace;
use crate::message::{Inbox, Message, MessageId, MessageSpec, MessageSubscription, MessageSubsystem};
use crate::node_url::NodeUrl;
use crate::protocol::{Agreement, Offer, OfferRefused, Offers, SessionFlags};
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
    facts: Mutex<peer::Facts>,
    tasks: TaskGroup,
    reader: Mutex<Option<BoxReader>>,
    /// What both ends run; unset when no handshake compared offers: then everything.
    agreement: OnceLock<Agreement>,
    /// The handshake is done.
    open: AtomicBool,
    /// Everything the peer sent is read, or nobody will read it.
    drained: AtomicBool,
    /// The last broadcast waited for this peer in vain.
    lagging: AtomicBool,
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
            subsystem: Arc::new(MessageSubsystem::new(lanes, out.clone(), pace)),
            out,
            requests: Requests::default(),
            answering: Answering::default(),
            facts: Mutex::default(),
            tasks: TaskGroup::new(shared.executor.clone(), move |task, text| on_panic(task, text)),
            reader: Mutex::new(Some(reader)),
            agreement: OnceLock::new(),
            open: AtomicBool::new(false),
            drained: AtomicBool::new(false),
            lagging: AtomicBool::new(false),
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

    /// What this node offers to speak on this channel; for handshake protocols.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.to(&bob).offer().len(), 1, "it runs one protocol");
    /// # });
    /// ```
    pub fn offer(&self) -> &Offer {
        &self.inner.offer
    }

    /// Compares the peer's offer with ours and settles what this channel carries; for handshake protocols.
    ///
    /// # Errors
    ///
    /// When a protocol of the handshake phase itself differs, so that nothing after it could be trusted.
    ///
    /// ```
    /// use p2p_net::prelude::*;
    /// use p2p_net::disconnect::DisconnectReason;
    /// use p2p_net::protocol::Offer;
    ///
    /// #[derive(Message, Serialize, Deserialize)]
    /// struct Hello {
    ///     offer: Offer,
    /// }
    ///
    /// #[protocol(phase = handshake)]
    /// async fn hello(hello: Hello, channel: &Channel) -> Result<()> {
    ///     let refused = |error: p2p_net::protocol::OfferRefused| {
    ///         Error::disconnect(DisconnectReason::IncompatibleVersion, error.to_string())
    ///     };
    ///     channel.agree(&hello.offer).map(drop).map_err(refused)
    /// }
    /// ```
    pub fn agree(&self, theirs: &Offer) -> Result<&Agreement, OfferRefused> {
        let agreement = Agreement::of(&self.inner.offer, theirs, &self.inner.table)?;
        for refused in agreement.refused() {
            log::warn!(target: "net", "{}: {refused}", self.inner.peer.short());
        }
        Ok(self.inner.agreement.get_or_init(|| agreement))
    }

    /// What both ends run, once the handshake has settled it.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.to(&bob).agreement().is_none(), "without a handshake nothing is compared");
    /// # });
    /// ```
    pub fn agreement(&self) -> Option<&Agreement> {
        self.inner.agreement.get()
    }

    /// Whether the peer takes messages of type `M`.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// #[derive(Message, Serialize, Deserialize)]
    /// struct Unheard(u8);
    ///
    /// assert!(alice.to(&bob).supports::<Say>());
    /// assert!(!alice.to(&bob).supports::<Unheard>());
    /// # });
    /// ```
    pub fn supports<M: Message>(&self) -> bool {
        self.inner.table.find(M::ID).is_some_and(|lane| self.inner.sends(lane))
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

    /// Ends the channel because protocol `name` failed.
    pub(crate) fn fail(&self, name: &str, error: &Error) {
        if self.inner.ended.get().is_some() {
            return;
        }
        let peer = self.inner.peer;
        let reason = if error.is_timeout_of(peer) { DisconnectReason::Timeout } else { error.reason() };
        log::warn!(target: "net", "protocol {name} ends the channel to {}: {error}", peer.short());
        // A handler's own error may name things that are nobody else's business; a chosen reason is meant for the peer.
        let detail = if reason == DisconnectReason::HandlerFailed { name.to_owned() } else { error.to_string() };
        self.inner.end(Disconnect::local(reason, detail));
    }

    /// Starts to write and to read; every inbox exists by now.
    pub(crate) fn start(&self) {
        let Some(io) = self.inner.reader.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let inner = self.inner.clone();
        self.inner.tasks.spawn("a channel's reader", async move { inner.read(io).await });
        let inner = self.inner.clone();
        self.inner.tasks.spawn("a channel's writer", async move { inner.write().await });
    }

    /// Lets the messages of the main phase pass: the handshake is done.
    pub(crate) fn open(&self) {
        self.inner.open.store(true, Ordering::Release);
        self.inner.changed.notify(usize::MAX);
    }

    /// Ends the channel's tasks at once, for one who cannot wait.
    pub(crate) fn cancel(&self) {
        self.inner.tasks.cancel();
        self.inner.out.release();
    }

    /// After the end: gives the reason time to reach the peer, then closes the socket. Nothing of the channel is left.
    pub(crate) async fn tear_down(&self) {
        let inner = &self.inner;
        self.start();
        let told = async {
            inner.out.finished().await;
            inner.when(|inner| inner.drained.load(Ordering::Acquire)).await;
        };
        // A peer that does not read its reason in time goes without.
        let _ = inner.clock.timeout(inner.limits.close_linger, told).await;
        inner.tasks.close().await;
        inner.out.release();
    }
}

impl Inner {
    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Tells those who watch that a reply or a row came.
    fn answered(&self, replies: MessageId, bytes: usize) {
        if let Some(lane) = self.table.find(replies).map(|at| self.table.lane(at)) {
            self.subsystem.received(lane.protocol.unwrap_or_default(), lane.carries, bytes);
        }
    }

    /// Whether the peer takes what is in a lane.
    fn sends(&self, lane: LaneIndex) -> bool {
        self.table.lane(lane).handshake || self.agreement.get().is_none_or(|agreement| agreement.sends(lane))
    }

    /// Whether this end takes what is in a lane.
    fn takes(&self, lane: LaneIndex) -> bool {
        self.table.lane(lane).handshake || self.agreement.get().is_none_or(|agreement| agreement.takes(lane))
    }

    /// Waits until `condition` holds; whoever makes it hold notifies `changed`.
    async fn when(&self, condition: impl Fn(&Self) -> bool) {
        while !condition(self) {
            let listener = self.changed.listen();
            if !condition(self) {
                listener.await;
            }
        }
    }

    async fn opened(&self) {
        self.when(Self::is_open).await;
    }

    fn end(&self, disconnect: Disconnect) {
        let close = (disconnect.by == Side::Local && disconnect.reason.is_sent()).then(|| disconnect.to_wire());
        if self.ended.set(disconnect).is_ok() {
            self.out.close(close.as_deref());
            self.changed.notify(usize::MAX);
        }
    }

    /// The reader task.
    async fn read(&self, mut io: BoxReader) {
        let by_peer = {
            let reading = pin!(Reader::new(self).run(&mut io));
            let ended = pin!(self.when(|inner| inner.ended.get().is_some()));
            match select(reading, ended).await {
                Either::Left((disconnect, _)) => Some(disconnect),
                Either::Right(_) => None,
            }
        };
        let over = by_peer.as_ref().is_some_and(|end| end.by == Side::Remote || !end.reason.is_sent());
        if let Some(disconnect) = by_peer {
            self.end(disconnect);
        }
        self.requests.close();
        self.subsystem.close();
        if !over {
            // Closing a socket with bytes unread resets it, and the reason would be lost on the way to the peer.
            // Not an array: the task would keep room for it all its life.
            let mut rest = vec![0; 4096];
            while io.read(&mut rest).await.is_ok_and(|read| read > 0) {
                smol::future::yield_now().await;
            }
        }
        drop(io);
        self.drained.store(true, Ordering::Release);
        self.changed.notify(usize::MAX);
    }

    /// The writer task; it also keeps the channel's deadlines.
    async fn write(&self) {
        let mut alarm: Option<Sleep> = None;
        // An alarm may be early (what it was set for is over: it is set anew), never late.
        let soonest = self.limits.write_stall;
        let result = std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(Err(error)) = self.out.poll_task(cx) {
                    return Poll::Ready(Disconnect::local(DisconnectReason::NetworkError, error.to_string()));
                }
                let waits = alarm.as_mut().is_some_and(|alarm| alarm.poll_unpin(cx).is_pending());
                if waits && !self.requests.is_sooner() {
                    return Poll::Pending;
                }
                let now = self.clock.now();
                let stall = self.out.blocked_since().map(|since| since + self.limits.write_stall);
                if stall.is_some_and(|stall| stall <= now) {
                    let detail = format!("nothing taken for {:?}", self.limits.write_stall);
                    return Poll::Ready(Disconnect::local(DisconnectReason::WriteStall, detail));
                }
                let next = [stall, self.requests.expire(now)].into_iter().flatten().min();
                alarm = next.map(|at| self.clock.sleep_until(at.min(now + soonest)));
                if alarm.is_none() {
                    return Poll::Pending;
                }
            }
        });
        self.end(result.await);
        self.out.give_up();
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({} {} {})", self.inner.peer.short(), self.inner.remote, self.inner.origin.session)
    }
}
