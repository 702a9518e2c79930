//! Nodes that are connected before the test begins.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::lab::Lab;
use super::{Simulation, TestNode};
use crate::p2p::P2pBuilder;
use crate::protocol::{Configure, Protocol, ProtocolSet};
use crate::settings::Settings;
use crate::transport::memory::Link;

/// What hosts are called, as far as the names reach.
const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// How long a test may take, in virtual time, unless it says otherwise.
const LIMIT: Duration = Duration::from_secs(3600);

/// Two nodes that are connected; [`with`](Network::with) says what they speak.
///
/// ```
/// use p2p_net::prelude::*;
/// use p2p_net::testing;
/// use smol::channel::{Receiver, Sender};
///
/// #[derive(Message, Serialize, Deserialize)]
/// #[message(max_bytes = 64)]
/// struct Say(String);
///
/// #[protocol]
/// async fn shout(Say(text): Say, heard: State<Sender<String>>) -> Result<()> {
///     Ok(heard.send(text).await?)
/// }
///
/// let (sender, heard): (_, Receiver<String>) = smol::channel::bounded(1);
/// testing::pair().with::<shout>().state(move || sender.clone()).run(async |[alice, bob]| {
///     alice.to(&bob).send(&Say("hello".to_owned())).await?;
///     assert_eq!(heard.recv().await?, "hello");
///     Ok::<_, Error>(())
/// })?;
/// # Ok::<_, Error>(())
/// ```
pub fn pair() -> Network<2> {
    network()
}

/// `N` nodes, each connected to every other; `N` is what the test takes, or said: `network::<50>()`.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// use p2p_net::prelude::*;
/// use p2p_net::testing;
///
/// #[derive(Message, Serialize, Deserialize)]
/// #[message(max_bytes = 16)]
/// struct Vote(u32);
///
/// #[protocol]
/// async fn count(Vote(weight): Vote, sum: State<AtomicU32>) {
///     sum.fetch_add(weight, Ordering::Relaxed);
/// }
///
/// testing::network().with::<count>().state(AtomicU32::default).run(async |[alice, bob, carol]| {
///     alice.broadcast(&Vote(1)).await;
///     bob.broadcast(&Vote(2)).await;
///     carol.until(|carol| carol.state::<AtomicU32>().load(Ordering::Relaxed) == 3).await;
/// });
/// ```
pub fn network<const N: usize>() -> Network<N> {
    Network {
        seed: 0,
        limit: LIMIT,
        link: Link::default(),
        traced: false,
        protocols: ProtocolSet::empty(),
        settings: Settings { outbound_slots: 0, ..Settings::default() },
        prepare: Vec::new(),
    }
}

/// A network in the making; see [`pair`] and [`network()`].
///
/// Without [`with`](Self::with) or [`linked`](Self::linked) its nodes speak nothing, and no handshake is needed.
///
/// ```
/// use std::time::Duration;
/// use p2p_net::{Settings, testing};
///
/// let settings = Settings { network: "test".to_owned(), outbound_slots: 0, ..Settings::default() };
/// testing::network().settings(settings).seed(7).limit(Duration::from_secs(60)).run(async |[alice, bob, carol]| {
///     assert_eq!((alice.peer_count(), bob.peer_count(), carol.peer_count()), (2, 2, 2));
/// });
/// ```
#[must_use = "nothing happens until `run`"]
pub struct Network<const N: usize> {
    seed: u64,
    limit: Duration,
    link: Link,
    traced: bool,
    protocols: ProtocolSet,
    settings: Settings,
    prepare: Vec<Box<dyn Fn(P2pBuilder) -> P2pBuilder>>,
}

impl<const N: usize> Network<N> {
    /// The nodes run `P` too.
    pub fn with<P: Protocol>(mut self) -> Self {
        self.protocols = self.protocols.with::<P>();
        self
    }

    /// The nodes run every protocol that is linked into the test, instead of what was said before.
    pub fn linked(self) -> Self {
        self.protocols(ProtocolSet::linked())
    }

    /// The nodes run `set`, instead of what was said before.
    pub fn protocols(mut self, set: ProtocolSet) -> Self {
        self.protocols = set;
        self
    }

    /// The nodes run `P` with another config; see [`ProtocolSet::configure`].
    pub fn configure<P: Configure>(mut self, change: impl FnOnce(&mut P::Config)) -> Self {
        self.protocols = self.protocols.configure::<P>(change);
        self
    }

    /// Gives every node a state of its own, which `make` makes: `.state(Log::default)`.
    pub fn state<T: Send + Sync + 'static>(self, make: impl Fn() -> T + 'static) -> Self {
        self.prepare(move |node| node.state(make()))
    }

    /// The settings of every node, instead of the defaults without outbound slots.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Decides what chance decides, 0 unless said; the same seed is the same run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Lets the test take this much virtual time instead of an hour: a test that waits in vain ends then.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Every byte takes this long from one node to another, instead of no time at all.
    pub fn latency(self, latency: Duration) -> Self {
        self.link(Link::with_latency(latency))
    }

    /// Bytes take as long as `link` says from one node to another.
    pub fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// Every node records what it sees, for [`TestNode::trace`]; a test that fails while it waits prints it.
    pub fn traced(mut self) -> Self {
        self.traced = true;
        self
    }

    /// Does to every node's builder what no other method does.
    pub fn prepare(mut self, step: impl Fn(P2pBuilder) -> P2pBuilder + 'static) -> Self {
        self.prepare.push(Box::new(step));
        self
    }

    /// Connects the nodes, runs `test` with channels open at both ends of every connection, and stops the nodes.
    ///
    /// # Panics
    ///
    /// When a node cannot be made, or two do not connect; when a task of a node panicked; when `test` is not done
    /// within its [limit](Self::limit).
    pub fn run<T>(self, test: impl AsyncFnOnce([TestNode; N]) -> T) -> T {
        let (limit, traced, sim) = (self.limit, self.traced, Simulation::new(self.seed));
        sim.network().set_default_link(self.link);
        let lab = Rc::new(Lab::new(sim, traced, move |sim, number| self.node(sim, number)));
        lab.sim.run(async {
            let mut nodes = Vec::with_capacity(N);
            for number in 0..N {
                nodes.push(lab.start(number).await);
            }
            connect(&nodes).await;
            let all = std::array::from_fn(|number| nodes[number].clone());
            let outcome = lab.sim.clock().timeout(limit, test(all)).await;
            let outcome = outcome.unwrap_or_else(|_| panic!("the test is not done after {limit:?} of virtual time"));
            lab.stop().await;
            outcome
        })
    }

    fn node(&self, sim: &Simulation, number: usize) -> P2pBuilder {
        let host = NAMES.get(number).map_or_else(|| format!("node{number}"), |name| (*name).to_owned());
        let node = sim.node(&host, self.settings.clone()).protocols(self.protocols.clone()).without_handshake();
        self.prepare.iter().fold(node, |node, step| step(node))
    }
}

/// Each node dials those before it, and waits until both ends have the channel.
async fn connect(nodes: &[TestNode]) {
    for (at, node) in nodes.iter().enumerate() {
        for known in &nodes[..at] {
            known.connect(node).await;
        }
    }
}

impl<const N: usize> fmt::Debug for Network<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({N} nodes, seed {}, {:?})", self.seed, self.protocols)
    }
}
