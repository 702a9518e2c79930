//! What a connection takes of memory: little while nothing is said on it, and as little again after a burst. Both its ends,
//! with TLS and the three plugins that ship, on sockets; an allocator counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use p2p_net::clock::Clock;
use p2p_net::message::Bytes;
use p2p_net::prelude::*;
use p2p_net::{P2pPtr, ProtocolSet};
use p2p_protocols::address::ProtocolAddress;
use p2p_protocols::ping::{Ping, Pong, ProtocolPing};
use p2p_protocols::version::ProtocolVersion;
use p2p_tests::meter;
use peak_alloc::PeakAlloc;
use smol::Executor;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The most an idle connection may take, both ends, in bytes.
const ALLOWED: usize = 40 << 10;

/// What a burst may leave behind, in bytes: lists that have grown by some entries.
const LEFT_BEHIND: usize = 1024;

/// Connections that are measured together.
const CONNECTIONS: usize = 16;

/// Nodes on sockets, in this thread, on a clock that stands still: no beat comes in between.
struct Lab {
    executor: Arc<Executor<'static>>,
    clock: Clock,
    protocols: ProtocolSet,
    /// Bytes that have arrived in messages of the tests.
    carried: Arc<AtomicUsize>,
}

impl Lab {
    fn new(protocols: ProtocolSet) -> Self {
        Self { executor: Arc::default(), clock: Clock::simulated(), protocols, carried: Arc::default() }
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let outcome = smol::block_on(self.executor.run(future));
        while self.executor.try_tick() {}
        outcome
    }

    /// Lets time pass, as far as anybody waits for it.
    fn pass(&self, time: Duration) {
        let until = self.clock.elapsed() + time;
        while self.clock.advance(until) {
            while self.executor.try_tick() {}
        }
    }

    async fn node(&self, listens: bool) -> P2pPtr {
        let listen = listens.then(|| "tls://127.0.0.1:0".parse().unwrap()).into_iter().collect();
        let settings = Settings { listen, outbound_slots: 0, max_peers: 1000, ..Settings::default() };
        let node = P2p::builder(settings).protocols(self.protocols.clone()).clock(self.clock.clone());
        let node = node.shared_state(self.carried.clone()).build().await.unwrap();
        node.clone().start(self.executor.clone()).await.unwrap();
        self.executor.spawn(node.clone().run(self.executor.clone())).detach();
        node
    }
}

/// Connects and asks each way once, so that both ends have done all that comes before idleness.
async fn connect(alice: &P2p, bob: &P2p) -> [Channel; 2] {
    let peer = alice.add_peer(&bob.advertised()[0]).await.unwrap();
    let here = alice.channel(&peer).unwrap();
    let Pong = here.request(Ping).await.unwrap();
    let there = bob.channel(&alice.id()).unwrap();
    let Pong = there.request(Ping).await.unwrap();
    [here, there]
}

fn shipped() -> ProtocolSet {
    ProtocolSet::empty().with::<ProtocolVersion>().with::<ProtocolPing>().with::<ProtocolAddress>()
}

#[test]
fn an_idle_connection_takes_little_memory() {
    let _alone = meter::alone();
    let lab = Lab::new(shipped());
    let bob = lab.run(lab.node(true));
    let dialers: Vec<_> = (0..=CONNECTIONS).map(|_| lab.run(lab.node(true))).collect();
    // What only the first costs is no part of a connection.
    let (first, others) = dialers.split_first().unwrap();
    let mut channels = vec![lab.run(connect(first, &bob))];
    channels.reserve(CONNECTIONS);
    let before = HEAP.current_usage();
    for dialer in others {
        channels.push(lab.run(connect(dialer, &bob)));
    }
    let each = (HEAP.current_usage() - before) / CONNECTIONS;
    println!("{each} bytes a connection");
    assert!(each <= ALLOWED, "an idle connection takes {each} bytes, {ALLOWED} are allowed");
}

/// Small and large, many at a time.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 300_064, window = 1 << 20)]
struct Load {
    body: Bytes,
}

#[protocol]
async fn carry(load: Load, carried: State<AtomicUsize>) {
    carried.fetch_add(load.body.len(), Ordering::Relaxed);
}

/// Fills the window each way some times over, with messages of every kind of size.
async fn burst(lab: &Lab, channels: &[Channel; 2]) {
    let before = lab.carried.load(Ordering::Relaxed);
    let all = async |channel: &Channel| {
        let mut sent = 0;
        for len in [100, 3_000, 300_000, 20, 65_000].into_iter().cycle().take(200) {
            channel.send(&Load { body: vec![7; len].into() }).await.unwrap();
            sent += len;
        }
        sent
    };
    let (there, back) = futures::join!(all(&channels[0]), all(&channels[1]));
    while lab.carried.load(Ordering::Relaxed) < before + there + back {
        smol::future::yield_now().await;
    }
}

#[test]
fn after_a_burst_a_connection_takes_no_more_than_before_and_in_it_no_more_than_its_ceiling() {
    let _alone = meter::alone();
    let lab = Lab::new(shipped().with::<carry>());
    let bob = lab.run(lab.node(true));
    // They listen nowhere: nobody visits them while this one looks at memory.
    let (alice, carol) = (lab.run(lab.node(false)), lab.run(lab.node(false)));
    // What threads keep for all connections is there after one of them.
    let first = lab.run(connect(&alice, &bob));
    lab.run(burst(&lab, &first));
    lab.pass(Duration::from_secs(3));
    let second = lab.run(connect(&carol, &bob));
    lab.pass(Duration::from_secs(3));
    let idle = HEAP.current_usage();
    HEAP.reset_peak_usage();
    lab.run(burst(&lab, &second));
    let (most, ceiling) = (HEAP.peak_usage() - idle, bob.channel_ceiling());
    assert!(most > 256 << 10, "a burst that took {most} bytes tests nothing");
    assert!(most <= 2 * ceiling, "{most} bytes, of at most {ceiling} at each end");
    lab.pass(Duration::from_secs(3));
    let left = HEAP.current_usage().saturating_sub(idle);
    println!("{most} bytes in a burst, {left} bytes after it");
    assert!(left <= LEFT_BEHIND, "{left} bytes are left of a burst, {LEFT_BEHIND} are allowed");
}
