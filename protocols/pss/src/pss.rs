//! The relay of a node, as applications and other plugins hold it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use event_listener::Event;
use futures::FutureExt;
use futures::future::BoxFuture;
use p2p_net::clock::Clock;
use p2p_net::identity::SecretKey;
use p2p_net::relay::{Relay, RelayedError};
use p2p_net::{Error, FromNode, NodeId, P2p, P2pPtr, Result};

use crate::address::{Address, Prefix};
use crate::config::PssConfig;
use crate::counters::Counters;
use crate::datagrams::Datagrams;
use crate::forward::Router;
use crate::handshake::Sessions;
use crate::keeper::PssNode;
use crate::keyring::{Keyring, TooManyKeys};
use crate::keys::{KeyId, OwnKey, SymmetricKey};
use crate::known::Known;
use crate::links::Links;
use crate::mailbox::{Slot, Subscription, mailbox};
use crate::received::Received;
use crate::replays::{MAX_OPENED, Replays};
use crate::table::Table;
use crate::topic::Topic;

/// The relay of a node; clones share it. It is there from `start` until the node has stopped.
///
/// ```
/// use p2p_net::testing;
/// use p2p_pss::{Heard, Prefix, Pss, PssLink, PssNode, Sender, Topic};
///
/// testing::pair().with::<PssNode>().with::<PssLink>().run(async |[alice, bob]| {
///     let (topic, bobs) = (Topic::of("bar"), Pss::of(&bob).unwrap());
///     let mut heard = bobs.subscribe(topic);
///     let alices = Pss::of(&alice).unwrap();
///     alices.set_peer_public_key(bobs.public_key(), topic, Prefix::EMPTY).unwrap();
///     alices.has_peers(1).await;
///     alices.send_asym(&bobs.public_key(), topic, b"bar").unwrap();
///     let Some(Heard::Message(message)) = heard.next().await else { panic!("nothing was heard") };
///     assert_eq!((message.payload.as_slice(), message.sender), (&b"bar"[..], Sender::Asymmetric(alice.id())));
/// });
/// ```
#[derive(Clone)]
pub struct Pss(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) own: OwnKey,
    pub(crate) address: Address,
    pub(crate) clock: Clock,
    pub(crate) config: PssConfig,
    pub(crate) node: Weak<P2p>,
    state: Mutex<State>,
    /// Not in the state: what replies is the application's code, and none of it is dropped under that lock.
    pub(crate) to_answer: Slot<(Responder, Received)>,
    carried: Mutex<Option<Relay>>,
    /// A peer came or went, or keys were agreed on.
    pub(crate) changed: Event,
}

/// What replies to messages about a topic.
pub(crate) type Responder = Arc<dyn Fn(Received) -> BoxFuture<'static, Option<Vec<u8>>> + Send + Sync>;

pub(crate) struct State {
    pub(crate) router: Router,
    pub(crate) links: Links,
    pub(crate) known: Known,
    /// Peers that it dialled itself.
    pub(crate) dialled: BTreeSet<NodeId>,
    pub(crate) keyring: Keyring,
    pub(crate) opened: Replays,
    /// Raw messages, which cost nothing to make, are remembered apart from sealed ones.
    pub(crate) raw: Replays,
    pub(crate) subscribers: BTreeMap<Topic, Vec<Slot<Received>>>,
    pub(crate) responders: BTreeMap<Topic, Responder>,
    answering: Option<Subscription<(Responder, Received)>>,
    pub(crate) counters: Counters,
    /// The node has stopped.
    closed: bool,
}

impl Pss {
    pub(crate) fn new(node: &P2pPtr, config: PssConfig) -> Self {
        let secret: SecretKey = node.identity().clone();
        let address = Address::of(&secret.id());
        let (to_answer, answering) = mailbox();
        let state = State {
            router: Router::new(Table::new(address), config.copies),
            links: Links::default(),
            known: Known::new(address),
            dialled: BTreeSet::new(),
            keyring: Keyring::new(Sessions::new(secret.id(), config.rotation)),
            opened: Replays::new(MAX_OPENED),
            raw: Replays::new(MAX_OPENED),
            subscribers: BTreeMap::new(),
            responders: BTreeMap::new(),
            answering: Some(answering),
            counters: Counters::default(),
            closed: false,
        };
        let (own, clock, node) = (OwnKey::new(secret), node.clock().clone(), Arc::downgrade(node));
        let (state, carried, changed) = (Mutex::new(state), Mutex::default(), Event::new());
        Self(Arc::new(Shared { own, address, clock, config, node, state, to_answer, carried, changed }))
    }

    /// The relay of a node, if the node has started and runs one.
    pub fn of(node: &P2p) -> Option<Self> {
        node.instance_of::<PssNode>().map(|instance| instance.pss().clone())
    }

    /// The address of this node in the overlay: what a [`Prefix`] of a message to it is taken from.
    pub fn base_addr(&self) -> Address {
        self.0.address
    }

    /// The key that others seal messages to this node with: the node's id.
    pub fn public_key(&self) -> NodeId {
        self.0.own.id()
    }

    /// How many peers messages can be passed to.
    pub fn peers(&self) -> usize {
        self.lock().router.table().len()
    }

    /// Waits until messages can be passed to at least so many peers.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost when the future is dropped.
    pub async fn has_peers(&self, at_least: usize) {
        loop {
            let changed = self.0.changed.listen();
            if self.peers() >= at_least {
                return;
            }
            changed.await;
        }
    }

    /// What became of messages since the node started.
    pub fn counters(&self) -> Counters {
        self.lock().counters
    }

    /// Says where a node gets messages about a topic: as much of its address as messages shall show.
    ///
    /// # Errors
    ///
    /// When there are too many already.
    pub fn set_peer_public_key(&self, key: NodeId, topic: Topic, destination: Prefix) -> Result<(), TooManyKeys> {
        self.lock().keyring.set_peer(key, topic, destination)
    }

    /// Forgets what [`set_peer_public_key`](Self::set_peer_public_key) said; whether it was known.
    pub fn remove_peer_public_key(&self, key: NodeId, topic: Topic) -> bool {
        self.lock().keyring.remove_peer(key, topic)
    }

    /// Tries a shared key on messages about a topic from now on, and sends with it to `destination`. The same key about the same topic
    /// keeps its name.
    ///
    /// # Errors
    ///
    /// When there are too many about that topic.
    pub fn set_symmetric_key(
        &self,
        key: SymmetricKey,
        topic: Topic,
        destination: Prefix,
    ) -> Result<KeyId, TooManyKeys> {
        self.lock().keyring.share(key, topic, destination)
    }

    /// Forgets a shared key, or the name of a session; whether it was there.
    pub fn remove_key(&self, key: KeyId) -> bool {
        self.lock().keyring.remove(key)
    }

    /// Hears what is received about a topic, from now on. One that does not read loses the oldest, and is told how many.
    pub fn subscribe(&self, topic: Topic) -> Subscription<Received> {
        let (slot, subscription) = mailbox();
        let mut state = self.lock();
        if !state.closed {
            // Nobody says when a reader is gone: those of all topics are looked for now.
            state.subscribers.retain(|_, slots| {
                slots.retain(Slot::is_read);
                !slots.is_empty()
            });
            state.subscribers.entry(topic).or_default().push(slot);
        }
        subscription
    }

    /// Lets `respond` reply to every message about a topic, from now on, instead of what replied before; `None` is no reply.
    /// A reply goes the way of the message: sealed to its sender, under the same shared key, in the same session. Replies
    /// themselves are not replied to, so that two nodes that both do this never do it for ever.
    ///
    /// ```
    /// # use p2p_pss::{Pss, Topic};
    /// fn echo(pss: &Pss) {
    ///     pss.respond(Topic::of("echo"), async |message| Some(message.payload));
    /// }
    /// ```
    pub fn respond<F, R>(&self, topic: Topic, respond: F)
    where
        F: Fn(Received) -> R + Send + Sync + 'static,
        R: Future<Output = Option<Vec<u8>>> + Send + 'static,
    {
        let responder: Responder = Arc::new(move |message| respond(message).boxed());
        let mut state = self.lock();
        let before = if state.closed { Some(responder) } else { state.responders.insert(topic, responder) };
        drop(state);
        // The application's code, which may call this relay.
        drop(before);
    }

    /// Opens and takes channels over this relay from now on: [`dial`](Relay::dial) of a node's id is an encrypted, ordered and
    /// reliable channel to it, however many nodes are between. Both ends must have called this; a second call returns the same.
    ///
    /// # Errors
    ///
    /// When the node is not running.
    pub fn carry_channels(&self) -> std::result::Result<Relay, RelayedError> {
        let node = self.0.node.upgrade().ok_or(RelayedError::NotRunning)?;
        let mut carried = self.carried();
        if self.lock().closed {
            return Err(RelayedError::NotRunning);
        }
        // Two on one carrier would each refuse the connections of the other.
        if let Some(relay) = &*carried {
            return Ok(relay.clone());
        }
        let relay = node.relay_over(Arc::new(Datagrams::of(self)))?;
        *carried = Some(relay.clone());
        Ok(relay)
    }

    fn carried(&self) -> MutexGuard<'_, Option<Relay>> {
        self.0.carried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all subscriptions, those to come too.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let ended = (std::mem::take(&mut state.subscribers), std::mem::take(&mut state.responders));
        drop(state);
        // Both wake or end the application's code, which may call this relay; the relayed channels hold it.
        drop((ended, self.carried().take()));
    }

    /// What is to be replied to; once.
    pub(crate) fn take_answering(&self) -> Option<Subscription<(Responder, Received)>> {
        self.lock().answering.take()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> u64 {
        self.0.clock.unix_seconds()
    }
}

/// The relay, as an argument of handlers and jobs.
impl FromNode for Pss {
    fn from_node(node: &P2pPtr) -> Result<Self> {
        Self::of(node).ok_or_else(|| Error::msg("this node runs no relay: add `PssNode` and `PssLink`"))
    }
}

impl fmt::Debug for Pss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pss({:?})", self.0.address)
    }
}
