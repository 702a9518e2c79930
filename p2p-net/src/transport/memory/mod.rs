//! The `memory` transport: a whole network inside one process, for tests and simulations.
//!
//! A test makes one [`MemoryNetwork`], gives each node a [transport](MemoryNetwork::transport) on a named host, and then
//! delays, cuts, heals, resets and crashes as it likes. Under a simulated clock and one thread every run with one seed is
//! the same: maps are ordered, chance is seeded, no task is spawned and no thread started. Identity is proven by
//! construction: the network tells each end whose transport the other is. It never loses or reorders bytes within a
//! connection, and it encrypts nothing.
//!
//! How it differs from a real network: a reset or a crash is noticed by the other end at once, even across a cut, and
//! a dial to a host that does not exist is refused as if the host were there without a listener.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_listener::Event;

use crate::clock::Clock;
use crate::identity::{NodeId, SecretKey};
use crate::node_url::NodeUrl;
use crate::transport::Incoming;

mod pipe;
mod trace;
mod transport;

use pipe::Pipe;
pub use pipe::{Link, PIPE_BYTES};
use trace::Trace;
pub use transport::MemoryTransport;

/// The scheme of its URLs.
const SCHEME: &str = "memory";
/// How many connections wait at a listener to be accepted; more are refused.
const BACKLOG: usize = 128;

/// A network in memory; clones share it.
#[derive(Clone)]
pub struct MemoryNetwork(Arc<Hub>);

impl MemoryNetwork {
    /// A network without hosts and without latency; `seed` decides its jitter.
    pub fn new(clock: Clock, seed: u64) -> Self {
        let state = State {
            rng: fastrand::Rng::with_seed(seed),
            link: Link::default(),
            links: BTreeMap::new(),
            cuts: BTreeSet::new(),
            listeners: BTreeMap::new(),
            connections: BTreeMap::new(),
            next: 0,
        };
        Self(Arc::new(Hub { clock, trace: Trace::default(), healed: Event::new(), state: Mutex::new(state) }))
    }

    /// The transport of the node that owns `secret`, on `host`; several nodes may share a host, on different ports.
    ///
    /// # Panics
    ///
    /// When `host` cannot stand in a URL.
    pub fn transport(&self, host: &str, secret: &SecretKey) -> MemoryTransport {
        let url = NodeUrl::new(SCHEME, host, 0).unwrap_or_else(|error| panic!("{error}"));
        MemoryTransport::new(self.0.clone(), url.host().to_owned(), secret.id())
    }

    /// Bytes between all hosts without a [link of their own](Self::set_link) take as long as `link` says.
    pub fn set_default_link(&self, link: Link) {
        self.0.lock().link = link;
        self.0.apply_links();
    }

    /// Bytes on the way from one host to another, not those coming back, take as long as `link` says.
    pub fn set_link(&self, from: &str, to: &str, link: Link) {
        self.0.lock().links.insert((name(from), name(to)), link);
        self.0.apply_links();
    }

    /// Parts two hosts: bytes on their way and those written later are withheld, and dials hang, as in a black hole.
    ///
    /// A writer waits once [`PIPE_BYTES`] are withheld. Nobody is told anything.
    pub fn cut(&self, a: &str, b: &str) {
        self.0.lock().cuts.insert(unordered(a, b));
        self.0.between(a, b).iter().for_each(|pipe| pipe.set_cut(true));
    }

    /// Joins two hosts again: all that was withheld arrives at once, and dials that hung go on.
    pub fn heal(&self, a: &str, b: &str) {
        self.0.lock().cuts.remove(&unordered(a, b));
        self.0.between(a, b).iter().for_each(|pipe| pipe.set_cut(false));
        self.0.healed.notify(usize::MAX);
    }

    /// Resets all connections between two hosts: both ends get [`ErrorKind::ConnectionReset`], bytes on their way are lost.
    pub fn reset(&self, a: &str, b: &str) {
        self.0.between(a, b).iter().for_each(|pipe| pipe.reset());
    }

    /// Stops a host as a power cut does: its connections are reset, and its listeners vanish and fail.
    ///
    /// The host may be used again at once, like a machine that restarts.
    pub fn crash(&self, host: &str) {
        let host = name(host);
        let gone: Vec<_> = self.0.lock().listeners.extract_if(.., |(at, _), _| *at == host).collect();
        drop(gone);
        self.0.pipes(|live| live.hosts.contains(&host)).iter().for_each(|pipe| pipe.reset());
    }

    /// A hash of every byte written so far and of when: equal for two runs in one thread exactly when they were the same.
    pub fn trace_hash(&self) -> u64 {
        self.0.trace.hash()
    }

    /// How many connections have at least one end left, for tests that look for leaks.
    pub fn live_connections(&self) -> usize {
        self.0.lock().connections.len()
    }
}

impl fmt::Debug for MemoryNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryNetwork({} connections)", self.live_connections())
    }
}

/// Host names are compared as URLs write them.
fn name(host: &str) -> String {
    host.to_ascii_lowercase()
}

fn unordered(a: &str, b: &str) -> (String, String) {
    let (a, b) = (name(a), name(b));
    if a <= b { (a, b) } else { (b, a) }
}

/// What all parts of the network share. Its lock comes before that of a pipe, and no waker runs under either.
struct Hub {
    clock: Clock,
    trace: Trace,
    healed: Event,
    state: Mutex<State>,
}

struct State {
    rng: fastrand::Rng,
    link: Link,
    links: BTreeMap<(String, String), Link>,
    cuts: BTreeSet<(String, String)>,
    listeners: BTreeMap<(String, u16), Listening>,
    connections: BTreeMap<u64, Live>,
    /// The next number of a connection or a listener.
    next: u64,
}

struct Listening {
    number: u64,
    id: NodeId,
    arrivals: smol::channel::Sender<Incoming>,
}

/// A connection with at least one end left.
struct Live {
    /// The dialer's host, the listener's host.
    hosts: [String; 2],
    /// From the dialer, to the dialer.
    pipes: [Arc<Pipe>; 2],
    ends: u8,
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn link(&self, from: &str, to: &str) -> Link {
        self.links.get(&(from.to_owned(), to.to_owned())).copied().unwrap_or(self.link)
    }

    /// The port asked for if it is free, or the first free one for 0.
    fn free_port(&self, host: &str, asked: u16) -> io::Result<u16> {
        let free = |port: &u16| !self.listeners.contains_key(&(host.to_owned(), *port));
        let wanted = if asked == 0 { 1..=u16::MAX } else { asked..=asked };
        wanted.into_iter().find(free).ok_or_else(|| ErrorKind::AddrInUse.into())
    }
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pipes of some connections, to be changed without our lock.
    fn pipes(&self, which: impl Fn(&Live) -> bool) -> Vec<Arc<Pipe>> {
        self.lock().connections.values().filter(|live| which(live)).flat_map(|live| live.pipes.clone()).collect()
    }

    fn between(&self, a: &str, b: &str) -> Vec<Arc<Pipe>> {
        let pair = unordered(a, b);
        self.pipes(|live| unordered(&live.hosts[0], &live.hosts[1]) == pair)
    }

    /// Tells all pipes what links there are now.
    fn apply_links(&self) {
        let pipes: Vec<_> = {
            let state = self.lock();
            let ways = |live: &Live| {
                let ([dialer, listener], [there, back]) = (&live.hosts, live.pipes.clone());
                [(there, state.link(dialer, listener)), (back, state.link(listener, dialer))]
            };
            state.connections.values().flat_map(ways).collect()
        };
        pipes.into_iter().for_each(|(pipe, link)| pipe.set_link(link));
    }

    /// Waits as long as a packet takes from one host to another: for ever, while the two are parted.
    async fn travel(&self, from: &str, to: &str) {
        let delay = {
            let mut state = self.lock();
            let link = state.link(from, to);
            link.delay(&mut state.rng)
        };
        self.clock.sleep(delay).await;
        loop {
            let healed = self.healed.listen();
            if !self.lock().cuts.contains(&unordered(from, to)) {
                return;
            }
            healed.await;
        }
    }
}

#[cfg(test)]
mod tests;
