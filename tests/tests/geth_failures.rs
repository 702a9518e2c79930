//! What was measured on go-ethereum v1.17.5 and must not happen here, one test each.
//!
//! - A protocol that took 1 s a message raised another one's round trip from 0.1 ms to 1.95 s.
//! - One delivered message left unread starved the other protocols for good, while both sides called themselves connected.
//! - A subscriber to events that never read kept peers from starting.
//! - One protocol's return ended its siblings, and the redial came 35 s later.
//! - `admin_addPeer` answered true whatever happened.

#[path = "common/mod.rs"]
mod common;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use common::{local, on_threads, run};
use p2p_net::ProtocolSet;
use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::event::Seen;
use p2p_net::prelude::*;
use p2p_net::session::ConnectError;
use p2p_net::settings::Limits;
use p2p_net::testing::{self, Simulation, secret_of};
use p2p_net::transport::DialError;
use p2p_protocols::version::ProtocolVersion;

const LINK: Duration = Duration::from_millis(1);

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Echo)]
struct Call(u32);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Echo(u32);

/// The one that must not suffer.
#[protocol]
async fn echoes(Call(n): Call) -> Echo {
    Echo(n)
}

/// The longest of many round trips.
async fn slowest_of(many: u32, channel: &Channel) -> Duration {
    let mut slowest = Duration::ZERO;
    for n in 0..many {
        let (echo, took) = channel.request(Call(n)).timed().await.unwrap();
        assert_eq!(echo, Echo(n));
        slowest = slowest.max(took);
    }
    slowest
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 1024, window = 65_536)]
struct Work(#[serde(with = "serde_bytes")] Vec<u8>);

#[test]
fn a_protocol_that_takes_a_second_a_message_costs_another_one_nothing() {
    /// How much was done.
    #[derive(Default)]
    struct Done(AtomicUsize);

    #[protocol]
    async fn slow(_work: Work, node: P2pPtr, done: State<Done>) {
        node.clock().sleep(Duration::from_secs(1)).await;
        done.0.fetch_add(1, Ordering::Relaxed);
    }

    let network = testing::pair().with::<slow>().with::<echoes>().state(Done::default);
    network.latency(LINK).run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        assert_eq!(slowest_of(10, &channel).await, 2 * LINK);
        for _ in 0..50 {
            channel.send(&Work(vec![0; 1000])).await.unwrap();
        }
        assert_eq!(slowest_of(5_000, &channel).await, 2 * LINK, "a round trip, for ten seconds");
        let done = bob.state::<Done>().0.load(Ordering::Relaxed);
        assert!((8..=12).contains(&done), "the slow one is at it: {done} done");
    });
}

#[test]
fn a_protocol_that_computes_leaves_the_other_threads_to_the_others() {
    /// Where a computation is, and what is told when it may end.
    #[derive(Default)]
    struct Desk(Mutex<Computes>, Condvar);

    #[derive(Default, PartialEq, Debug)]
    enum Computes {
        #[default]
        NotYet,
        Still,
        MayEnd,
        Done,
    }

    /// Keeps its thread until it may end; for a minute, if nobody says so.
    #[protocol]
    async fn computes(_work: Work, at: State<Desk>) -> Result<()> {
        let mut now = at.0.lock().map_err(|_| Error::msg("poisoned"))?;
        *now = Computes::Still;
        let waited = at.1.wait_timeout_while(now, Duration::from_secs(60), |now| *now == Computes::Still);
        let (mut now, waited) = waited.map_err(|_| Error::msg("poisoned"))?;
        assert!(!waited.timed_out(), "nothing went on meanwhile");
        *now = Computes::Done;
        Ok(())
    }

    on_threads(2, async |ex| {
        let work = Arc::new(Desk::default());
        let set = || ProtocolSet::empty().with::<ProtocolVersion>().with::<computes>().with::<echoes>();
        let node = async || P2p::builder(local()).protocols(set()).shared_state(work.clone()).build().await.unwrap();
        let (alice, bob) = (node().await, node().await);
        let tasks = [run(&alice, &ex).await, run(&bob, &ex).await];
        alice.add_peer(&bob.advertised()[0]).await.unwrap();
        let (channel, work) = (alice.channel(&bob.id()).unwrap(), work.clone());
        // In a task of its own, as which thread it is that computes is nobody's choice.
        let meanwhile = ex.spawn(async move {
            channel.send(&Work(Vec::new())).await.unwrap();
            while *work.0.lock().unwrap() != Computes::Still {
                smol::future::yield_now().await;
            }
            slowest_of(200, &channel).await;
            *work.0.lock().unwrap() = Computes::MayEnd;
            work.1.notify_all();
            while *work.0.lock().unwrap() != Computes::Done {
                smol::future::yield_now().await;
            }
            slowest_of(1, &channel).await;
            assert_eq!(channel.disconnect(), None);
        });
        meanwhile.await;
        for node in [&alice, &bob] {
            node.stop().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_message_that_is_never_taken_starves_nobody() {
    #[protocol]
    async fn stuck(_work: Work) {
        pending().await
    }

    testing::pair().with::<stuck>().with::<echoes>().latency(LINK).run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        // Until its window is full, and one more that waits for room.
        let mut sent = 0;
        while channel.send(&Work(vec![0; 1000])).await.is_ok() {
            sent += 1;
        }
        assert!(sent > 60, "{sent}");
        assert_eq!(slowest_of(1_000, &channel).await, 2 * LINK);
        alice.clock().sleep(Duration::from_secs(600)).await;
        assert_eq!(slowest_of(1_000, &channel).await, 2 * LINK, "nor later");
        assert_eq!(slowest_of(10, &bob.to(&alice)).await, 2 * LINK, "nor the other way");
    });
}

#[test]
fn a_subscriber_that_never_reads_keeps_no_peer_from_starting() {
    let sim = Simulation::new(1);
    sim.run(async {
        let set = || ProtocolSet::empty().with::<ProtocolVersion>().with::<echoes>();
        let limits = Limits { event_queue: 2, ..Limits::default() };
        let settings = Settings { outbound_slots: 0, limits, ..Settings::default() };
        let hub = sim.start(sim.node("hub", settings.clone()).protocols(set())).await;
        let (mut peers, mut all) = (hub.subscribe_events(), hub.subscribe_message_events());
        let mut nodes = Vec::new();
        for n in 0..20 {
            let node = sim.start(sim.node(&format!("node{n}"), settings.clone()).protocols(set())).await;
            let before = sim.clock().now();
            node.add_peer(&hub.advertised()[0]).await.unwrap();
            let channel = node.channel(&hub.id()).unwrap();
            assert_eq!(channel.request(Call(n)).await, Ok(Echo(n)));
            assert_eq!(sim.clock().now(), before, "in no time");
            nodes.push(node);
        }
        assert_eq!(hub.peer_count(), 20);
        // It loses the oldest, and is told how many.
        for events in [&mut peers, &mut all] {
            assert!(matches!(events.next().await, Some(Seen::Lost(lost)) if lost >= 18));
        }
        for node in nodes.iter().chain([&hub]) {
            node.stop().await;
        }
    });
}

#[test]
fn a_protocol_that_returns_ends_none_of_its_siblings() {
    #[derive(Default)]
    struct Brief;

    /// Does one thing and returns.
    #[protocol(name = "brief")]
    impl Brief {
        #[job]
        async fn once(&self) -> Result<()> {
            Ok(())
        }
    }

    /// Ends itself at the first message.
    #[protocol]
    async fn done(_work: Work) -> Result<()> {
        Err(Error::leave("done"))
    }

    let network = testing::pair().with::<ProtocolVersion>().with::<Brief>().with::<done>().with::<echoes>();
    network.latency(LINK).run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        channel.send(&Work(Vec::new())).await.unwrap();
        alice.until(|alice| alice.peers_with::<done>().is_empty()).await;
        assert_eq!(slowest_of(1_000, &channel).await, 2 * LINK);
        alice.clock().sleep(Duration::from_secs(60)).await;
        assert_eq!(slowest_of(10, &channel).await, 2 * LINK, "on the same connection, which nobody had to dial again");
        assert_eq!((alice.peers_with::<echoes>(), channel.disconnect()), (vec![bob.id()], None));
    });
}

#[test]
fn adding_a_peer_says_connected_refused_unreachable_or_somebody_else() {
    let sim = Simulation::new(2);
    sim.run(async {
        let quiet = |max_peers| Settings { outbound_slots: 0, max_peers, ..Settings::default() };
        let node = |host, max| sim.node(host, quiet(max)).protocols(ProtocolSet::empty().with::<ProtocolVersion>());
        let (alice, bob) = (sim.start(node("alice", 64)).await, sim.start(node("bob", 64)).await);
        let full = sim.start(node("full", 0)).await;
        let to_bob = bob.advertised().remove(0);

        let unreachable = alice.add_peer(&"memory://nobody:1".parse().unwrap()).await;
        assert!(matches!(unreachable, Err(ConnectError::Dial { error: DialError::Connect { .. }, .. })));
        sim.network().cut("alice", "bob");
        assert!(matches!(alice.add_peer(&to_bob).await, Err(ConnectError::TimedOut { .. })), "nor behind a cut");
        sim.network().heal("alice", "bob");
        let other = alice.add_peer(&to_bob.with_id(secret_of("mallory").id())).await;
        assert!(matches!(other, Err(ConnectError::Dial { error: DialError::UnexpectedIdentity { .. }, .. })));
        match alice.add_peer(&full.advertised()[0]).await {
            Err(ConnectError::Refused { reason, .. }) => {
                assert_eq!((reason.reason, reason.by), (DisconnectReason::TooManyPeers, Side::Remote));
            }
            answer => panic!("{answer:?}"),
        }
        assert_eq!(alice.peer_count(), 0);
        assert_eq!(alice.add_peer(&to_bob).await.unwrap(), bob.id());
        assert_eq!(alice.peer_count(), 1);
        assert_eq!(alice.add_peer(&to_bob).await.unwrap(), bob.id(), "as it is");
        assert_eq!(bob.add_peer(&alice.advertised()[0]).await.unwrap(), alice.id(), "whoever dialled");
        for node in [alice, bob, full] {
            node.stop().await;
        }
    });
}
