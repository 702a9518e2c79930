//! A carrier of datagrams in memory, on virtual time: it loses, doubles, delays and reorders as it is told.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use event_listener::Event;
use fastrand::Rng;
use futures::FutureExt;
use futures::future::{BoxFuture, select};

use crate::clock::Clock;
use crate::identity::NodeId;
use crate::relay::Datagrams;

/// The most bytes of its datagrams.
const MAX_DATAGRAM: usize = 1024;

/// Datagrams between nodes, without anything between; clones share it.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
/// # #[protocol] async fn shout(_say: Say) {}
/// use p2p_net::testing::{DatagramNetwork, Simulation};
/// # use p2p_net::ProtocolSet;
///
/// let sim = Simulation::new(1);
/// let carrier = DatagramNetwork::new(sim.clock().clone(), 1);
/// sim.run(async {
///     let node = |host| sim.node(host, Settings::default()).protocols(ProtocolSet::empty().with::<shout>()).without_handshake();
///     let (alice, bob) = (sim.start(node("alice")).await, sim.start(node("bob")).await);
///     let relay = alice.relay_over(carrier.port(alice.id())).unwrap();
///     bob.relay_over(carrier.port(bob.id())).unwrap();
///     let channel = relay.dial(bob.id()).await.unwrap();
///     assert_eq!(channel.session(), SessionFlags::RELAYED);
///     channel.send(&Say("hello".to_owned())).await.unwrap();
///     alice.stop().await;
///     bob.stop().await;
/// });
/// ```
#[derive(Clone)]
pub struct DatagramNetwork(Arc<Hub>);

struct Hub {
    clock: Clock,
    state: Mutex<State>,
    changed: Event,
}

/// From whom, by arrival.
type Arrivals = BTreeMap<(Instant, u64), (NodeId, Vec<u8>)>;

struct State {
    rng: Rng,
    lost: f64,
    doubled: f64,
    latency: Duration,
    jitter: Duration,
    is_cut: bool,
    failed: bool,
    next: u64,
    /// By destination; then by arrival.
    flying: BTreeMap<NodeId, Arrivals>,
    carried: u64,
}

impl DatagramNetwork {
    /// A carrier that loses nothing and takes no time; `seed` decides its chance.
    pub fn new(clock: Clock, seed: u64) -> Self {
        let state = State {
            rng: Rng::with_seed(seed),
            lost: 0.0,
            doubled: 0.0,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            is_cut: false,
            failed: false,
            next: 0,
            flying: BTreeMap::new(),
            carried: 0,
        };
        Self(Arc::new(Hub { clock, state: Mutex::new(state), changed: Event::new() }))
    }

    /// Where the node `id` sends and receives.
    pub fn port(&self, id: NodeId) -> Arc<dyn Datagrams> {
        Arc::new(Port { id, hub: self.0.clone() })
    }

    /// So much of what is sent is lost, and so much comes twice; from 0 to 1.
    pub fn set_loss(&self, lost: f64, doubled: f64) {
        let mut state = self.0.lock();
        (state.lost, state.doubled) = (lost, doubled);
    }

    /// Every datagram takes `latency`, and what chance adds up to `jitter`: later ones may come earlier.
    pub fn set_latency(&self, latency: Duration, jitter: Duration) {
        let mut state = self.0.lock();
        (state.latency, state.jitter) = (latency, jitter);
    }

    /// Loses everything from now on, or no longer.
    pub fn cut(&self, is_cut: bool) {
        self.0.lock().is_cut = is_cut;
    }

    /// Fails for good: nothing is received any more, and the nodes are told.
    pub fn fail(&self) {
        self.0.lock().failed = true;
        self.0.changed.notify(usize::MAX);
    }

    /// How many datagrams were sent.
    pub fn carried(&self) -> u64 {
        self.0.lock().carried
    }
}

impl fmt::Debug for DatagramNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatagramNetwork({} carried)", self.carried())
    }
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One node's end of the carrier.
struct Port {
    id: NodeId,
    hub: Arc<Hub>,
}

impl Datagrams for Port {
    fn max_datagram(&self) -> usize {
        MAX_DATAGRAM
    }

    fn send<'a>(&'a self, to: &'a NodeId, datagram: Vec<u8>) -> BoxFuture<'a, ()> {
        async move {
            assert!(datagram.len() <= MAX_DATAGRAM, "a datagram of {} bytes", datagram.len());
            let (now, mut state) = (self.hub.clock.now(), self.hub.lock());
            state.carried += 1;
            let copies = if state.rng.f64() < state.doubled { 2 } else { 1 };
            for _ in 0..copies {
                if state.is_cut || state.rng.f64() < state.lost {
                    continue;
                }
                let at = now + state.latency + state.jitter.mul_f64(state.rng.f64());
                state.next += 1;
                let key = (at, state.next);
                state.flying.entry(*to).or_default().insert(key, (self.id, datagram.clone()));
            }
            drop(state);
            self.hub.changed.notify(usize::MAX);
        }
        .boxed()
    }

    fn receive(&self) -> BoxFuture<'_, io::Result<(NodeId, Vec<u8>)>> {
        async {
            loop {
                let (changed, now) = (self.hub.changed.listen(), self.hub.clock.now());
                let next = {
                    let mut state = self.hub.lock();
                    if state.failed {
                        return Err(io::Error::other("the carrier has failed"));
                    }
                    match state.flying.get_mut(&self.id).and_then(BTreeMap::first_entry) {
                        Some(first) if first.key().0 <= now => return Ok(first.remove()),
                        next => next.map(|first| first.key().0),
                    }
                };
                match next {
                    Some(at) => drop(select(changed, self.hub.clock.sleep_until(at)).await),
                    None => changed.await,
                }
            }
        }
        .boxed()
    }
}
