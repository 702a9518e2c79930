//! What happens to peers, for whoever wants to watch: viewers, logs, tests.
//!
//! Sessions and channels publish into [`Events`]; anybody subscribes. A subscriber that never reads loses the oldest
//! events and is told how many: publishing never waits and never grows memory. Without subscribers it costs one load.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use async_broadcast::{InactiveReceiver, Receiver, RecvError, Sender};

use crate::disconnect::{Disconnect, Side};
use crate::identity::NodeId;

/// Something that happened to a peer.
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
/// if let Some(Seen::Event(PeerEvent::Drop { peer, reason })) = events.next().await {
///     assert_eq!((peer, reason.to_string().as_str()), (bob.id(), "the node is shutting down (by the peer)"));
/// }
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerEvent {
    /// A peer finished its handshake.
    Add {
        /// The peer.
        peer: NodeId,
        /// Who dialled.
        dialled_by: Side,
    },
    /// A peer is gone.
    Drop {
        /// The peer.
        peer: NodeId,
        /// Why.
        reason: Disconnect,
    },
    /// A connection to a peer ended before its handshake was done, so there was no `Add` and will be no `Drop`: one of the
    /// two refused the other, or it was a probe, a second connection to a connected node, or an accident.
    Refused {
        /// The key it proved.
        peer: NodeId,
        /// Who dialled.
        dialled_by: Side,
        /// Why, and which side ended it.
        reason: Disconnect,
    },
    /// A message was handed to the peer's channel.
    MsgSend {
        /// The peer.
        peer: NodeId,
        /// The protocol whose message it is, where known.
        protocol: Option<&'static str>,
        /// `Message::NAME` of its type.
        message: &'static str,
        /// Its length in bytes, without frame headers.
        bytes: usize,
    },
    /// A message came from the peer.
    MsgRecv {
        /// The peer.
        peer: NodeId,
        /// The protocol that takes it, where known.
        protocol: Option<&'static str>,
        /// `Message::NAME` of its type.
        message: &'static str,
        /// Its length in bytes, without frame headers.
        bytes: usize,
    },
}

impl PeerEvent {
    fn is_message(&self) -> bool {
        matches!(self, Self::MsgSend { .. } | Self::MsgRecv { .. })
    }
}

/// What a subscriber receives.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
/// # #[protocol] async fn shout(_say: Say) {}
/// # testing::pair().with::<shout>().run(async |[alice, bob]| {
/// use p2p_net::event::Seen;
///
/// let mut events = alice.subscribe_events();
/// alice.stop().await;
/// while let Some(seen) = events.next().await {
///     match seen {
///         Seen::Event(event) => println!("{event:?}"),
///         Seen::Lost(many) => println!("{many} events are missing here"),
///     }
/// }
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// An event.
    Event(PeerEvent),
    /// The subscriber was too slow: this many events before the next one are lost.
    Lost(u64),
}

/// Where events are published; clones share the subscribers.
#[derive(Debug, Clone)]
pub struct Events(Arc<Inner>);

/// Two streams, so that a flood of messages never pushes out an `Add` or `Drop` of somebody who watches only those.
#[derive(Debug)]
struct Inner {
    capacity: usize,
    peers: OnceLock<Stream>,
    all: OnceLock<Stream>,
    message_watchers: Arc<AtomicUsize>,
    closed: AtomicBool,
}

#[derive(Debug)]
struct Stream {
    sender: Sender<PeerEvent>,
    /// Keeps the stream open while nobody listens.
    receiver: InactiveReceiver<PeerEvent>,
}

impl Stream {
    #[allow(clippy::disallowed_methods, reason = "the one place, with overflow on")]
    fn new(capacity: usize) -> Self {
        let (mut sender, receiver) = async_broadcast::broadcast(capacity.max(1));
        sender.set_overflow(true);
        sender.set_await_active(false);
        Self { sender, receiver: receiver.deactivate() }
    }

    fn publish(&self, event: PeerEvent) {
        // With overflow on, the only refusal left is that nobody listens.
        let _ = self.sender.try_broadcast(event);
    }
}

impl Events {
    /// Keeps up to `capacity` events for the slowest subscriber.
    pub fn new(capacity: usize) -> Self {
        Self(Arc::new(Inner {
            capacity,
            peers: OnceLock::new(),
            all: OnceLock::new(),
            message_watchers: Arc::default(),
            closed: AtomicBool::new(false),
        }))
    }

    /// Subscribes to peers that come and go, from now on.
    pub fn subscribe(&self) -> PeerEvents {
        PeerEvents { receiver: self.listen(&self.0.peers), watching: None }
    }

    /// Subscribes to peers and to every message, from now on; channels report messages only while somebody asks.
    pub fn subscribe_messages(&self) -> PeerEvents {
        self.0.message_watchers.fetch_add(1, Ordering::Relaxed);
        PeerEvents { receiver: self.listen(&self.0.all), watching: Some(Watching(self.0.message_watchers.clone())) }
    }

    /// Whether anybody asked for messages: check this before building such an event.
    pub fn wants_messages(&self) -> bool {
        self.0.message_watchers.load(Ordering::Relaxed) > 0
    }

    /// The same to be asked often, without the rest.
    pub(crate) fn watchers(&self) -> Watchers {
        Watchers(self.0.message_watchers.clone())
    }

    /// Tells every subscriber, at once and without waiting for any.
    pub fn publish(&self, event: PeerEvent) {
        if !event.is_message()
            && let Some(peers) = self.0.peers.get()
        {
            peers.publish(event.clone());
        }
        if self.wants_messages()
            && let Some(all) = self.0.all.get()
        {
            all.publish(event);
        }
    }

    /// Ends every subscription, once it has read what is left; for a node that stopped while its handle lives on.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        for stream in [&self.0.peers, &self.0.all] {
            stream.get().map(|stream| stream.sender.close());
        }
    }

    fn listen(&self, stream: &OnceLock<Stream>) -> Receiver<PeerEvent> {
        let stream = stream.get_or_init(|| Stream::new(self.0.capacity));
        if self.0.closed.load(Ordering::SeqCst) {
            stream.sender.close();
        }
        stream.receiver.activate_cloned()
    }
}

/// A subscription to [`PeerEvent`]s.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
/// # #[protocol] async fn shout(_say: Say) {}
/// # testing::pair().with::<shout>().run(async |[alice, bob]| {
/// let mut events = alice.subscribe_events();
/// alice.stop().await;
/// while events.next().await.is_some() {} // ends with the node
/// # });
/// ```
#[derive(Debug)]
pub struct PeerEvents {
    receiver: Receiver<PeerEvent>,
    watching: Option<Watching>,
}

impl PeerEvents {
    /// The next event, or how many were lost before it; `None` when the node is gone.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// let mut events = alice.subscribe_events();
    /// alice.stop().await;
    /// while let Some(seen) = events.next().await {
    ///     println!("{seen:?}");
    /// }
    /// # });
    /// ```
    pub async fn next(&mut self) -> Option<Seen> {
        match self.receiver.recv_direct().await {
            Ok(event) => Some(Seen::Event(event)),
            Err(RecvError::Overflowed(lost)) => Some(Seen::Lost(lost)),
            Err(RecvError::Closed) => None,
        }
    }

    /// Whether this subscription includes messages.
    pub fn includes_messages(&self) -> bool {
        self.watching.is_some()
    }
}

/// How many ask for messages.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watchers(Arc<AtomicUsize>);

impl Watchers {
    /// Whether anybody does.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// The same as a stream, for those who select among streams.
impl futures::Stream for PeerEvents {
    type Item = Seen;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Seen>> {
        let next = ready!(Pin::new(&mut self.receiver).poll_recv(cx));
        Poll::Ready(next.and_then(|next| match next {
            Ok(event) => Some(Seen::Event(event)),
            Err(RecvError::Overflowed(lost)) => Some(Seen::Lost(lost)),
            Err(RecvError::Closed) => None,
        }))
    }
}

/// Counts as a watcher of messages until dropped.
#[derive(Debug)]
struct Watching(Arc<AtomicUsize>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disconnect::DisconnectReason;
    use futures::FutureExt;

    fn peer(n: u8) -> NodeId {
        NodeId::from_bytes([n; 32])
    }

    fn add(n: u8) -> PeerEvent {
        PeerEvent::Add { peer: peer(n), dialled_by: Side::Local }
    }

    fn message(n: u8) -> PeerEvent {
        PeerEvent::MsgRecv { peer: peer(n), protocol: None, message: "say", bytes: 5 }
    }

    fn next(events: &mut PeerEvents) -> Option<Option<Seen>> {
        events.next().now_or_never()
    }

    #[test]
    fn events_arrive_in_order() {
        let events = Events::new(8);
        events.publish(add(0));
        let mut seen = events.subscribe();
        let gone = PeerEvent::Drop { peer: peer(1), reason: DisconnectReason::Requested.into() };
        events.publish(add(1));
        events.publish(gone.clone());
        assert_eq!(next(&mut seen), Some(Some(Seen::Event(add(1)))));
        assert_eq!(next(&mut seen), Some(Some(Seen::Event(gone))));
        assert_eq!(next(&mut seen), None, "nothing more yet");
    }

    #[test]
    fn a_slow_subscriber_is_told_exactly_how_many_it_lost() {
        let events = Events::new(4);
        let (mut slow, mut fast) = (events.subscribe(), events.subscribe());
        for n in 0..10 {
            events.publish(add(n));
            assert_eq!(next(&mut fast), Some(Some(Seen::Event(add(n)))), "the other loses nothing");
        }
        assert_eq!(next(&mut slow), Some(Some(Seen::Lost(6))));
        for n in 6..10 {
            assert_eq!(next(&mut slow), Some(Some(Seen::Event(add(n)))));
        }
        assert_eq!(next(&mut slow), None);
    }

    #[test]
    fn messages_are_wanted_only_while_somebody_asks() {
        let events = Events::new(4);
        let peers_only = events.subscribe();
        assert!(!events.wants_messages() && !peers_only.includes_messages());
        let all = events.subscribe_messages();
        assert!(events.wants_messages() && all.includes_messages());
        drop(all);
        assert!(!events.wants_messages());
    }

    #[test]
    fn a_flood_of_messages_hides_no_peer_from_those_who_watch_peers() {
        let events = Events::new(2);
        let (mut peers, mut all) = (events.subscribe(), events.subscribe_messages());
        events.publish(add(1));
        for n in 0..100 {
            events.publish(message(n));
        }
        assert_eq!(next(&mut peers), Some(Some(Seen::Event(add(1)))));
        assert_eq!(next(&mut peers), None);
        assert_eq!(next(&mut all), Some(Some(Seen::Lost(99))));
        assert_eq!(next(&mut all), Some(Some(Seen::Event(message(98)))));
    }

    #[test]
    fn a_subscription_ends_with_the_node() {
        let events = Events::new(4);
        let mut seen = events.subscribe_messages();
        events.publish(add(1));
        drop(events);
        assert_eq!(next(&mut seen), Some(Some(Seen::Event(add(1)))));
        assert_eq!(next(&mut seen), Some(None));
    }

    #[test]
    fn a_subscription_is_a_stream_too() {
        let events = Events::new(2);
        let seen = events.subscribe();
        for n in 0..3 {
            events.publish(add(n));
        }
        events.close();
        let all: Vec<_> = smol::stream::block_on(seen).collect();
        assert_eq!(all, [Seen::Lost(1), Seen::Event(add(1)), Seen::Event(add(2))]);
    }

    #[test]
    fn closing_ends_subscriptions_old_and_new() {
        let events = Events::new(4);
        let mut old = events.subscribe();
        events.publish(add(1));
        events.close();
        assert_eq!(next(&mut old), Some(Some(Seen::Event(add(1)))));
        assert_eq!(next(&mut old), Some(None));
        assert_eq!(next(&mut events.subscribe()), Some(None));
        assert_eq!(next(&mut events.subscribe_messages()), Some(None));
    }
}
