//! A node as a test holds it.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use super::Trace;
use super::lab::Lab;
use super::trace::Drops;
use crate::channel::Channel;
use crate::disconnect::Disconnect;
use crate::p2p::{P2p, P2pPtr};
use crate::protocol::State;
use crate::transport::memory::Link;

/// How long a condition is waited for, in virtual time: longer than any timeout of the default settings.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// A node of a [`Network`](super::Network): everything a [`P2p`] is, and what a test asks in one word.
///
/// What is not there is a panic that names it: in a test, that is the failure.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
/// # #[protocol] async fn shout(_say: Say) {}
/// # testing::pair().with::<shout>().run(async |[alice, bob]| {
/// alice.to(&bob).send(&Say("hello".to_owned())).await.unwrap();
/// assert_eq!(bob.peer_count(), 1); // what a `P2p` can do, it can
/// # });
/// ```
#[derive(Clone)]
pub struct TestNode {
    lab: Rc<Lab>,
    number: usize,
    host: String,
    node: P2pPtr,
    drops: Drops,
    trace: Option<Trace>,
}

impl TestNode {
    pub(super) fn new(lab: Rc<Lab>, number: usize, node: P2pPtr, trace: Option<Trace>) -> Self {
        let (host, drops) = (lab.name(&node.id()), Drops::of(&node, lab.sim.executor()));
        Self { lab, number, host, node, drops, trace }
    }

    /// The host it runs on: `alice`, `bob`, `carol`, `dave`, `node4` and so on.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The node itself, for code that takes one.
    pub fn p2p(&self) -> &P2pPtr {
        &self.node
    }

    /// The channel to `other`.
    ///
    /// # Panics
    ///
    /// When the two are not connected.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.to(&bob).peer_id(), bob.id());
    /// # });
    /// ```
    #[track_caller]
    pub fn to(&self, other: &Self) -> Channel {
        let channel = self.node.channel(&other.id());
        channel.unwrap_or_else(|| panic!("{} has no channel to {}", self.host, other.host))
    }

    /// The state of type `T` that this node was given.
    ///
    /// # Panics
    ///
    /// When it was given none.
    ///
    /// ```
    /// use p2p_net::testing;
    ///
    /// testing::pair().state(|| 7_u32).run(async |[alice, _bob]| assert_eq!(*alice.state::<u32>(), 7));
    /// ```
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(&self) -> State<T> {
        let none = || panic!("this node has no `State<{}>`: give it one with `.state(..)`", std::any::type_name::<T>());
        self.node.state_of().unwrap_or_else(none)
    }

    /// What this node saw.
    ///
    /// # Panics
    ///
    /// When the network is not [traced](super::Network::traced).
    #[track_caller]
    pub fn trace(&self) -> &Trace {
        self.trace.as_ref().expect("nothing is recorded here: make the network with `.traced()`")
    }

    /// Dials `other` and waits until both ends have the channel.
    ///
    /// # Panics
    ///
    /// When they do not come together.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the two may be connected or not.
    pub async fn connect(&self, other: &Self) {
        if let Err(error) = self.node.add_peer(&other.advertised()[0]).await {
            panic!("{} cannot connect to {}: {error}", self.host, other.host);
        }
        self.until(|_| self.is_connected(other) && other.is_connected(self)).await;
    }

    /// Whether this node has a channel to `other`.
    pub fn is_connected(&self, other: &Self) -> bool {
        self.node.channel(&other.id()).is_some()
    }

    /// Waits until the channel to `other` has ended, or looks back when it has; why it did. Whichever of the two dialled may be
    /// dialling again already.
    ///
    /// # Panics
    ///
    /// When there never was one.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing but the wait is lost.
    pub async fn parted(&self, other: &Self) -> Disconnect {
        let reason = match self.node.channel(&other.id()) {
            Some(channel) => channel.closed().await,
            None => self.drops.last(&other.id()).unwrap_or_else(|| panic!("{} never met {}", self.host, other.host)),
        };
        self.until(|node| node.channel(&other.id()).is_none_or(|new| new.disconnect().is_none())).await;
        reason
    }

    /// Bytes between this node and `other` take as long as `link` says, both ways and from now on.
    pub fn set_link(&self, other: &Self, link: Link) {
        self.lab.sim.network().set_link(&self.host, &other.host, link);
        self.lab.sim.network().set_link(&other.host, &self.host, link);
    }

    /// Parts this node from `other`: nothing passes, and neither is told.
    pub fn cut(&self, other: &Self) {
        self.lab.sim.network().cut(&self.host, &other.host);
    }

    /// Joins what was [cut](Self::cut): all that was withheld arrives.
    pub fn heal(&self, other: &Self) {
        self.lab.sim.network().heal(&self.host, &other.host);
    }

    /// Breaks the connection to `other`, as a middlebox does that has forgotten it: both ends see it at once.
    pub fn reset(&self, other: &Self) {
        self.lab.sim.network().reset(&self.host, &other.host);
    }

    /// Ends this node as a power cut does: its connections are reset, and nobody is told why.
    ///
    /// # Cancel safety
    ///
    /// The node is gone in any case.
    pub async fn crash(&self) {
        self.lab.sim.network().crash(&self.host);
        self.node.stop().await;
    }

    /// The same host again, with the same identity and nothing in memory: states are made anew, and no peer is known.
    ///
    /// # Panics
    ///
    /// When the node still runs: [`crash`](Self::crash) or stop it first.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the node may run or not.
    pub async fn restart(&self) -> Self {
        self.lab.start(self.number).await
    }

    /// Waits until `condition` holds, in virtual time.
    ///
    /// # Panics
    ///
    /// When it does not hold within ten virtual minutes; the panic shows the node's trace, if it is recorded.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing but the wait is lost.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// bob.stop().await;
    /// alice.until(|alice| alice.peer_count() == 0).await;
    /// # });
    /// ```
    pub async fn until(&self, condition: impl FnMut(&Self) -> bool) {
        if !self.holds_within(PATIENCE, condition).await {
            let trace = self.trace.as_ref().map(|trace| trace.text(|id| self.lab.name(id)));
            let seen = trace.map_or_else(String::new, |trace| format!("; {} saw:\n{trace}", self.host));
            panic!("the condition did not come to hold in {PATIENCE:?}{seen}");
        }
    }

    /// Whether `condition` holds now or comes to hold while `limit` passes.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing but the wait is lost.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// use std::time::Duration;
    ///
    /// assert!(!alice.holds_within(Duration::from_secs(60), |alice| alice.peer_count() == 2).await);
    /// assert!(alice.holds_within(Duration::from_secs(60), |alice| alice.channel(&bob.id()).is_some()).await);
    /// # });
    /// ```
    pub async fn holds_within(&self, limit: Duration, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let clock = self.node.clock();
        let deadline = clock.now() + limit;
        while !condition(self) {
            if clock.now() >= deadline {
                return false;
            }
            clock.sleep(LOOK).await;
        }
        true
    }
}

impl Deref for TestNode {
    type Target = P2p;

    fn deref(&self) -> &P2p {
        &self.node
    }
}

impl fmt::Debug for TestNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}
