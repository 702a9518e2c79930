//! Two nodes that dial each other at once keep one connection, and both the same.

mod common;

use std::sync::Mutex;
use std::time::Duration;

use common::{local, on_threads, run};
use futures::future::join;
use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_net::transport::memory::Link;
use p2p_net::{P2p, P2pPtr, ProtocolSet, State};
use p2p_protocols::ping::ProtocolPing;
use p2p_protocols::version::ProtocolVersion;

#[derive(Default)]
struct Log(Mutex<Vec<u32>>);

struct Numbers {
    log: State<Log>,
}

#[derive(Message, Serialize, Deserialize)]
struct Number(u32);

#[protocol]
impl Numbers {
    async fn init(log: State<Log>) -> Result<Self> {
        Ok(Self { log })
    }

    #[on]
    async fn number(&self, number: Number) {
        self.log.0.lock().unwrap().push(number.0);
    }
}

fn set() -> ProtocolSet {
    ProtocolSet::empty().with::<ProtocolVersion>().with::<ProtocolPing>().with::<Numbers>()
}

fn numbers(node: &P2pPtr) -> Vec<u32> {
    std::mem::take(&mut *node.state_of::<Log>().unwrap().0.lock().unwrap())
}

/// How many connections were added and dropped; how many are left must be one.
fn balance(events: &mut PeerEvents) -> (usize, usize) {
    let (mut added, mut dropped) = (0, 0);
    while let Some(event) = futures::FutureExt::now_or_never(events.next()) {
        match event.expect("the node runs") {
            Seen::Event(PeerEvent::Add { .. }) => added += 1,
            Seen::Event(PeerEvent::Drop { .. }) => dropped += 1,
            Seen::Event(_) => {}
            Seen::Lost(lost) => panic!("{lost} events in a storm"),
        }
    }
    (added, dropped)
}

/// Each end sends over the channel it has; both must arrive.
async fn talk(alice: &P2pPtr, bob: &P2pPtr) {
    for (from, to, number) in [(alice, bob, 1), (bob, alice, 2)] {
        from.channel(&to.id()).expect("connected").send(&Number(number)).await.expect("the channel lives");
    }
}

/// Both dial; how many connections were added at each end.
fn both_dial(seed: u64, there: Duration, back: Duration, later: Duration) -> [usize; 2] {
    let sim = Simulation::new(seed);
    // The names decide the ids, and the ids which of the two decides.
    let (a, b) = (format!("a{seed}"), format!("b{seed}"));
    let jitter = there / 2;
    sim.network().set_link(&a, &b, Link { latency: there, jitter, ..Link::default() });
    sim.network().set_link(&b, &a, Link { latency: back, jitter, ..Link::default() });
    let added = sim.run(async {
        let mut nodes = Vec::new();
        for host in [&a, &b] {
            let settings = Settings { outbound_slots: 0, ..Settings::default() };
            nodes.push(sim.start(sim.node(host, settings).protocols(set()).state(Log::default())).await);
        }
        let [alice, bob] = [&nodes[0], &nodes[1]];
        let mut events = [alice.subscribe_events(), bob.subscribe_events()];
        let (to_alice, to_bob) = (alice.advertised().remove(0), bob.advertised().remove(0));
        let second = async {
            sim.clock().sleep(later).await;
            bob.add_peer(&to_alice).await
        };
        let (one, two) = join(alice.add_peer(&to_bob), second).await;
        assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
        sim.clock().sleep(Duration::from_secs(30)).await;
        let first = events.each_mut().map(balance);
        for ((added, dropped), node) in first.iter().zip(&nodes) {
            assert_eq!((added - dropped, node.peer_count(), node.channels().len()), (1, 1, 1), "seed {seed}");
        }
        let [ours, theirs] = [alice, bob].map(|node| node.channels().remove(0).dialled_by());
        assert_ne!(ours, theirs, "seed {seed}: both kept the same one");
        talk(alice, bob).await;
        sim.clock().sleep(Duration::from_secs(600)).await;
        assert_eq!((numbers(alice), numbers(bob)), (vec![2], vec![1]));
        assert_eq!(events.each_mut().map(balance), [(0, 0); 2], "seed {seed}: nothing is reconnected afterwards");
        alice.stop().await;
        bob.stop().await;
        first.map(|(added, _)| added)
    });
    assert_eq!(sim.network().live_connections(), 0);
    added
}

#[test]
fn two_nodes_that_dial_each_other_at_once_keep_one_connection() {
    let mut most = 0;
    for seed in 0..1_000 {
        let milliseconds = |n: u64| Duration::from_millis(n % 50);
        let (there, back) = (milliseconds(seed / 4), milliseconds(seed / 2));
        let added = both_dial(seed, there, back, milliseconds(seed * 7 % 11 * (seed % 3)));
        most = most.max(added[0]).max(added[1]);
    }
    println!("at most {most} connections were added at one end");
    assert!(most <= 2, "one, and at most one that replaced it");
}

#[test]
fn two_nodes_that_dial_each_other_over_tls_keep_one_connection() {
    for round in 0..30 {
        on_threads(2, async |ex| {
            let mut nodes = Vec::new();
            let mut runs = Vec::new();
            for _ in 0..2 {
                let node = P2p::builder(local()).protocols(set()).state(Log::default()).build().await.unwrap();
                runs.push(run(&node, &ex).await);
                nodes.push(node);
            }
            let [alice, bob] = [&nodes[0], &nodes[1]];
            let mut events = [alice.subscribe_events(), bob.subscribe_events()];
            let (to_alice, to_bob) = (alice.advertised().remove(0), bob.advertised().remove(0));
            let (one, two) = join(alice.add_peer(&to_bob), bob.add_peer(&to_alice)).await;
            assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
            let connected = alice.clock().timeout(Duration::from_secs(5), async {
                while alice.peer_count() + bob.peer_count() < 2 {
                    smol::future::yield_now().await;
                }
            });
            assert!(connected.await.is_ok(), "round {round}: one end has no channel");
            talk(alice, bob).await;
            let arrived = alice.clock().timeout(Duration::from_secs(5), async {
                let (mut at_alice, mut at_bob) = (Vec::new(), Vec::new());
                while at_alice.is_empty() || at_bob.is_empty() {
                    at_alice.extend(numbers(alice));
                    at_bob.extend(numbers(bob));
                    smol::future::yield_now().await;
                }
                (at_alice, at_bob)
            });
            assert_eq!(arrived.await, Ok((vec![2], vec![1])), "round {round}");
            for ((added, dropped), node) in events.each_mut().map(balance).iter().zip(&nodes) {
                assert_eq!((added - dropped, node.peer_count()), (1, 1), "round {round}");
            }
            let [ours, theirs] = [alice, bob].map(|node| node.channels().remove(0).dialled_by());
            assert_ne!(ours, theirs, "round {round}: both kept the same one");
            for (node, run) in nodes.iter().zip(runs) {
                node.stop().await;
                run.await.unwrap();
            }
        });
    }
}
