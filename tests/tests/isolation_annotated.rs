//! What one protocol written by annotation does to itself, it does to no other.

mod common;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{local, logs, on_threads, run};
use p2p_net::channel::{RequestError, SendError};
use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_net::{P2p, P2pPtr, ProtocolSet, State};
use p2p_protocols::ping::ProtocolPing;
use p2p_protocols::version::ProtocolVersion;

const SECOND: Duration = Duration::from_secs(1);

/// What handlers have seen.
#[derive(Default)]
struct Witness {
    troubles: AtomicUsize,
    blocks: AtomicUsize,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 4, reply = Echo)]
struct Call(u32);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
struct Echo(u32);

/// The well-behaved sibling.
#[derive(Default)]
struct Echoes;

#[protocol]
impl Echoes {
    #[on]
    async fn call(&self, call: Call) -> Echo {
        Echo(call.0)
    }
}

#[derive(Clone, Copy, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 4, window = 65_536)]
enum Trouble {
    None,
    Panic,
    Fail,
    Sleep,
}

/// Does whatever it is told.
struct Troubles {
    seen: State<Witness>,
}

#[protocol]
impl Troubles {
    async fn init(seen: State<Witness>) -> Result<Self> {
        Ok(Self { seen })
    }

    #[on]
    async fn trouble(&self, trouble: Trouble) -> Result<()> {
        self.seen.troubles.fetch_add(1, Ordering::Relaxed);
        match trouble {
            Trouble::None => Ok(()),
            Trouble::Panic => panic!("on purpose"),
            Trouble::Fail => Err(Error::msg("a secret of this node")),
            Trouble::Sleep => pending().await,
        }
    }
}

const MEGABYTE: usize = 1 << 20;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 1_100_000)]
struct Block(Bytes);

/// Takes megabytes and counts them.
struct Blocks {
    seen: State<Witness>,
}

#[protocol]
impl Blocks {
    async fn init(seen: State<Witness>) -> Result<Self> {
        Ok(Self { seen })
    }

    #[on]
    async fn block(&self, block: Block) {
        assert_eq!(block.0.len(), MEGABYTE);
        self.seen.blocks.fetch_add(1, Ordering::Relaxed);
    }
}

fn set() -> ProtocolSet {
    let shipped = ProtocolSet::empty().with::<ProtocolVersion>().with::<ProtocolPing>();
    shipped.with::<Echoes>().with::<Troubles>().with::<Blocks>()
}

fn troubles(node: &P2pPtr) -> usize {
    node.state_of::<Witness>().unwrap().troubles.load(Ordering::Relaxed)
}

/// Bob, and others connected to him.
async fn around_bob(sim: &Simulation, others: &[&str]) -> (P2pPtr, Vec<P2pPtr>) {
    let start = async |host: &str| {
        let settings = Settings { outbound_slots: 0, ..Settings::default() };
        sim.start(sim.node(host, settings).protocols(set()).state(Witness::default())).await
    };
    let bob = start("bob").await;
    let mut nodes = Vec::new();
    for host in others {
        let node = start(host).await;
        node.add_peer(&bob.advertised()[0]).await.unwrap();
        nodes.push(node);
    }
    (bob, nodes)
}

async fn echoes(from: &P2pPtr, to: &P2pPtr) -> Result<Echo, RequestError> {
    from.channel(&to.id()).expect("connected").request(Call(7)).await
}

#[test]
fn a_handler_that_panics_ends_its_protocol_on_that_channel_and_nothing_else() {
    let (sim, log) = (Simulation::new(1), logs::capture());
    sim.run(async {
        let (bob, others) = around_bob(&sim, &["alice", "carol"]).await;
        let [alice, carol] = [&others[0], &others[1]];
        let channel = alice.channel(&bob.id()).unwrap();
        channel.send(&Trouble::None).await.unwrap();
        channel.send(&Trouble::Panic).await.unwrap();
        channel.send(&Trouble::None).await.unwrap();
        // The siblings and the ping go on for minutes, and so does the protocol itself with somebody else.
        sim.clock().sleep(300 * SECOND).await;
        assert_eq!(troubles(&bob), 2, "nothing after the panic");
        assert_eq!(channel.disconnect(), None, "the channel is still the first");
        assert_eq!(echoes(alice, &bob).await, Ok(Echo(7)));
        carol.channel(&bob.id()).unwrap().send(&Trouble::None).await.unwrap();
        sim.clock().sleep(SECOND).await;
        assert_eq!((troubles(&bob), bob.peer_count()), (3, 2));
        let told = |line: &&String| line.contains("`troubles`") || line.contains("protocol troubles");
        let lines: Vec<_> = log.lines().into_iter().filter(|line| told(&line)).collect();
        assert!(
            lines.iter().any(|line| line.contains(&alice.id().short()) && line.contains("on purpose")),
            "{lines:?}"
        );
        for node in others.iter().chain([&bob]) {
            node.stop().await;
        }
    });
    assert_eq!(sim.network().live_connections(), 0);
}

#[test]
fn a_handler_that_fails_ends_the_channel_and_the_peer_is_told() {
    let sim = Simulation::new(2);
    sim.run(async {
        let (bob, others) = around_bob(&sim, &["alice", "carol"]).await;
        let [alice, carol] = [&others[0], &others[1]];
        let mut events = [alice.subscribe_events(), bob.subscribe_events()];
        alice.channel(&bob.id()).unwrap().send(&Trouble::Fail).await.unwrap();
        for (events, by) in events.iter_mut().zip([Side::Remote, Side::Local]) {
            let reason = loop {
                match events.next().await {
                    Some(Seen::Event(PeerEvent::Drop { reason, .. })) => break reason,
                    Some(_) => {}
                    None => panic!("no drop"),
                }
            };
            assert_eq!((reason.reason, reason.by), (DisconnectReason::HandlerFailed, by));
            assert_eq!(reason.detail, "troubles", "the protocol's name, and not what is nobody's business");
        }
        assert_eq!(echoes(carol, &bob).await, Ok(Echo(7)), "others notice nothing");
        for node in others.iter().chain([&bob]) {
            node.stop().await;
        }
    });
    assert_eq!(sim.network().live_connections(), 0);
}

#[test]
fn a_handler_that_sleeps_for_ever_stops_its_own_lane_and_no_other() {
    let sim = Simulation::new(3);
    sim.run(async {
        let (bob, others) = around_bob(&sim, &["alice"]).await;
        let alice = &others[0];
        let channel = alice.channel(&bob.id()).unwrap();
        let stuck = loop {
            if let Err(error) = channel.send(&Trouble::Sleep).await {
                break error;
            }
        };
        assert!(matches!(stuck, SendError::TimedOut { lane: "trouble", .. }), "{stuck}");
        assert_eq!(troubles(&bob), 1);
        // Long enough for many pings; any of them unanswered would have ended the channel.
        for _ in 0..100 {
            assert_eq!(echoes(alice, &bob).await, Ok(Echo(7)));
            assert_eq!(echoes(&bob, alice).await, Ok(Echo(7)));
            sim.clock().sleep(3 * SECOND).await;
        }
        assert_eq!(channel.disconnect(), None, "the channel is still the first");
        alice.stop().await;
        bob.stop().await;
    });
    assert_eq!(sim.network().live_connections(), 0);
}

#[test]
fn a_small_request_passes_megabytes_and_a_sleeper_within_fifty_milliseconds() {
    const CALLS: usize = 300;
    on_threads(2, async |ex| {
        let mut nodes = Vec::new();
        let mut runs = Vec::new();
        for _ in 0..2 {
            let builder = P2p::builder(local()).protocols(set()).state(Witness::default());
            let node = builder.build().await.unwrap();
            runs.push(run(&node, &ex).await);
            nodes.push(node);
        }
        let [alice, bob] = [&nodes[0], &nodes[1]];
        alice.add_peer(&bob.advertised()[0]).await.unwrap();
        let channel = alice.channel(&bob.id()).unwrap();
        channel.send(&Trouble::Sleep).await.unwrap();
        let flood = channel.clone();
        let flood = ex.spawn(async move {
            let block = Block(Bytes::from(vec![7; MEGABYTE]));
            while flood.send(&block).await.is_ok() {}
        });
        let clock = alice.clock();
        let mut times = Vec::new();
        for _ in 0..CALLS {
            let asked = clock.now();
            assert_eq!(channel.request(Call(7)).await, Ok(Echo(7)));
            times.push(clock.now() - asked);
            clock.sleep(Duration::from_millis(1)).await;
        }
        let blocks = bob.state_of::<Witness>().unwrap().blocks.load(Ordering::Relaxed);
        times.sort();
        println!("{blocks} MiB passed; round trips: median {:?}, longest {:?}", times[CALLS / 2], times[CALLS - 1]);
        assert!(blocks > 20, "{blocks} MiB are no flood");
        assert!(times[CALLS * 95 / 100] < Duration::from_millis(50), "{:?}", &times[CALLS * 9 / 10..]);
        for (node, run) in nodes.iter().zip(runs) {
            node.stop().await;
            run.await.unwrap();
        }
        flood.await;
    });
}
