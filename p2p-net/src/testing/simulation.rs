//! Nodes, a network in memory and a clock of their own, run in the calling thread.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use smol::Executor;

use crate::clock::Clock;
use crate::identity::SecretKey;
use crate::p2p::{P2p, P2pBuilder, P2pPtr};
use crate::settings::Settings;
use crate::transport::memory::MemoryNetwork;

/// A network in memory with a clock of its own, run in the calling thread.
///
/// ```
/// use p2p_net::testing::Simulation;
/// use p2p_net::{ProtocolSet, Settings};
///
/// let sim = Simulation::new(7);
/// let alice = sim.node("alice", Settings::default()).protocols(ProtocolSet::empty()).without_handshake();
/// let bob = sim.node("bob", Settings::default()).protocols(ProtocolSet::empty()).without_handshake();
/// sim.run(async {
///     let (alice, bob) = (sim.start(alice).await, sim.start(bob).await);
///     let peer = alice.add_peer(&bob.advertised()[0]).await;
///     assert_eq!(peer.ok(), Some(bob.id()));
///     alice.stop().await;
///     bob.stop().await;
/// });
/// ```
pub struct Simulation {
    seed: u64,
    executor: Arc<Executor<'static>>,
    clock: Clock,
    network: MemoryNetwork,
    /// Those that were started, to be asked for panics.
    nodes: Mutex<Vec<P2pPtr>>,
}

impl Simulation {
    /// An empty network; `seed` decides everything that chance decides.
    pub fn new(seed: u64) -> Self {
        let clock = Clock::simulated();
        let network = MemoryNetwork::new(clock.clone(), seed);
        Self { seed, executor: Arc::new(Executor::new()), clock, network, nodes: Mutex::default() }
    }

    /// The executor of all its nodes.
    pub fn executor(&self) -> &Arc<Executor<'static>> {
        &self.executor
    }

    /// The clock of all its nodes.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The network, to delay, cut, heal and crash.
    ///
    /// ```
    /// use p2p_net::testing::Simulation;
    ///
    /// let sim = Simulation::new(1);
    /// sim.network().cut("alice", "bob");
    /// sim.network().heal("alice", "bob");
    /// ```
    pub fn network(&self) -> &MemoryNetwork {
        &self.network
    }

    /// A node in the making on `host`, with an identity made of the host's name, the simulation's clock, the memory
    /// transport, and, unless the settings say otherwise, listening at port 1 and seeded by this simulation.
    pub fn node(&self, host: &str, mut settings: Settings) -> P2pBuilder {
        let secret = secret_of(host);
        settings.transports = vec!["memory".to_owned()];
        if settings.listen.is_empty() {
            settings.listen = format!("memory://{host}:1").parse().into_iter().collect();
        }
        // Folded together before the shift: it must not make one of two neighbouring seeds.
        settings.random_seed.get_or_insert(fold(&format!("{}/{}", self.seed, secret.id())) >> 1);
        let transport = self.network.transport(host, &secret);
        P2p::builder(settings).identity(secret).transport(transport).clock(self.clock.clone())
    }

    /// Builds a node, starts it and lets it run.
    ///
    /// # Panics
    ///
    /// When it cannot be built or started.
    pub async fn start(&self, node: P2pBuilder) -> P2pPtr {
        let node = node.build().await.unwrap_or_else(|error| panic!("{error}"));
        self.launch(&node).await;
        node
    }

    /// Starts a node that is built already and lets it run; from here on a panic of a task of it is a panic of
    /// [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub async fn launch(&self, node: &P2pPtr) {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).push(node.clone());
        let started = node.clone().start(self.executor.clone()).await;
        started.unwrap_or_else(|error| panic!("{error}"));
        // What it returns is looked at after every `run`, whether or not the test stops the node.
        self.executor.spawn(node.clone().run(self.executor.clone())).detach();
    }

    /// Runs the network until `future` is done.
    ///
    /// # Panics
    ///
    /// When nothing can happen any more and `future` is not done, or a task of a node panicked.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        loop {
            if woken.0.swap(false, Ordering::Relaxed)
                && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                self.check();
                return output;
            }
            if woken.0.load(Ordering::Relaxed) || self.executor.try_tick() {
                continue;
            }
            assert!(self.clock.advance(Duration::MAX), "everything waits for something that cannot happen any more");
        }
    }

    /// A panic in a task ends that task alone; a test must not pass with it.
    fn check(&self) {
        for node in &*self.nodes.lock().unwrap_or_else(PoisonError::into_inner) {
            if let Some(text) = node.first_panic() {
                panic!("a task of node {} panicked: {text}", node.id().short());
            }
        }
    }

    /// Lets `duration` pass.
    ///
    /// ```
    /// use std::time::Duration;
    /// use p2p_net::testing::Simulation;
    ///
    /// let sim = Simulation::new(1);
    /// sim.run_for(Duration::from_secs(3600));
    /// assert_eq!(sim.clock().elapsed(), Duration::from_secs(3600));
    /// ```
    pub fn run_for(&self, duration: Duration) {
        self.run(self.clock.sleep(duration));
    }

    /// A hash of every byte the network carried and of when.
    ///
    /// ```
    /// use p2p_net::testing::Simulation;
    ///
    /// assert_eq!(Simulation::new(1).trace_hash(), Simulation::new(2).trace_hash(), "nothing was said yet");
    /// ```
    pub fn trace_hash(&self) -> u64 {
        self.network.trace_hash()
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Simulation(seed {}, {:?} in)", self.seed, self.clock.elapsed())
    }
}

/// The identity of a host in a simulation: made of its name, and worth as little.
pub fn secret_of(host: &str) -> SecretKey {
    let mut bytes = [0; 32];
    for (at, chunk) in bytes.chunks_mut(8).enumerate() {
        chunk.copy_from_slice(&fold(&format!("{host}/{at}")).to_le_bytes());
    }
    SecretKey::from_bytes(bytes)
}

fn fold(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
