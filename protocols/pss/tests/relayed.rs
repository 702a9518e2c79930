//! Channels over the relay: between nodes that have no connection, on virtual time.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and shows what it measured")]

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt};
use p2p_net::ProtocolSet;
use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::prelude::*;
use p2p_net::relay::{self, Relay, RelayedError};
use p2p_net::testing::{Network, TestNode, network};
use p2p_protocols::ping::ProtocolPing;
use p2p_protocols::version::ProtocolVersion;
use p2p_pss::outbox::MAX_WAITING;
use p2p_pss::{Datagrams, Envelope, Heard, Prefix, Pss, PssLink, PssNode, Topic};

const SECOND: Duration = Duration::from_secs(1);

/// Each way between two nodes.
const LATENCY: Duration = Duration::from_millis(25);

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Say(String);

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, stream = Row)]
struct Rows(u32);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Row(u32);

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 2_097_152, window = 4_194_304, reply = Sum)]
struct Blob(#[serde(with = "serde_bytes")] Vec<u8>);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Sum(u64);

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

/// 1 MiB.
fn blob() -> Vec<u8> {
    (0..1_u64 << 20).map(|n| ((n * n) >> 7) as u8).collect()
}

#[derive(Default)]
struct Said(AtomicUsize);

/// A protocol that says nothing of relays.
#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[on]
    async fn say(&self, _say: Say, said: State<Said>) {
        said.0.fetch_add(1, Ordering::Relaxed);
    }

    #[on]
    async fn rows(&self, Rows(many): Rows) -> impl Stream<Item = Row> {
        futures::stream::iter((0..many).map(Row))
    }

    #[on]
    async fn blob(&self, Blob(bytes): Blob) -> Sum {
        Sum(sum(&bytes))
    }
}

/// The relay's datagrams, some of which are lost and some doubled.
struct Lossy {
    carrier: Datagrams,
    chance: Mutex<Rng>,
    lost: f64,
}

impl relay::Datagrams for Lossy {
    fn max_datagram(&self) -> usize {
        self.carrier.max_datagram()
    }

    fn send<'a>(&'a self, to: &'a NodeId, datagram: Vec<u8>) -> BoxFuture<'a, ()> {
        let chance = self.chance.lock().unwrap().f64();
        async move {
            if chance < self.lost / 2.0 {
                relay::Datagrams::send(&self.carrier, to, datagram.clone()).await;
            }
            if chance < 1.0 - self.lost {
                relay::Datagrams::send(&self.carrier, to, datagram).await;
            }
        }
        .boxed()
    }

    fn receive(&self) -> BoxFuture<'_, io::Result<(NodeId, Vec<u8>)>> {
        self.carrier.receive()
    }
}

fn pss(node: &TestNode) -> Pss {
    Pss::of(node).expect("the node runs a relay")
}

fn lossy(node: &TestNode, seed: u64, lost: f64) -> Relay {
    let carrier = Lossy { carrier: Datagrams::of(&pss(node)), chance: Mutex::new(Rng::with_seed(seed)), lost };
    node.p2p().relay_over(Arc::new(carrier)).unwrap()
}

fn nodes<const N: usize>() -> Network<N> {
    let set = ProtocolSet::empty().with::<ProtocolVersion>().with::<ProtocolPing>();
    let set = set.with::<PssNode>().with::<PssLink>().with::<Chat>();
    network().protocols(set).state(Said::default).latency(LATENCY)
}

/// Parts the first node from the last; all others stay connected with both.
async fn part<const N: usize>(nodes: &[TestNode; N]) {
    let (first, last) = (&nodes[0], &nodes[N - 1]);
    first.cut(last);
    first.reset(last);
    for node in [first, last] {
        node.until(|node| node.peer_count() == N - 2 && pss(node).peers() == N - 2).await;
    }
}

/// A relayed channel from the first node to the last, and both relays.
async fn relayed<const N: usize>(nodes: &[TestNode; N], lost: f64) -> (Channel, [Relay; 2]) {
    part(nodes).await;
    let relays = [lossy(&nodes[0], 1, lost), lossy(&nodes[N - 1], 2, lost)];
    let channel = relays[0].dial(nodes[N - 1].id()).await.unwrap();
    assert_eq!((channel.session(), channel.peer_id()), (SessionFlags::RELAYED, nodes[N - 1].id()));
    nodes[N - 1].until(|last| last.channel(&nodes[0].id()).is_some()).await;
    (channel, relays)
}

#[test]
fn protocols_run_unchanged_over_the_relay_and_lose_nothing_of_what_it_loses() {
    for (seed, lost) in [(1, 0.0), (2, 0.02), (3, 0.1)] {
        nodes().seed(seed).run(async |nodes: [TestNode; 3]| {
            let (channel, _relays) = relayed(&nodes, lost).await;
            let [alice, bob, carol] = &nodes;
            assert!(!channel.supports::<Envelope>(), "the relay would carry itself");
            for _ in 0..100 {
                channel.send(&Say("hello".to_owned())).await.unwrap();
            }
            let back = carol.channel(&alice.id()).unwrap();
            let rows: Vec<_> = back.stream(Rows(500)).map(Result::unwrap).collect().await;
            assert_eq!(rows, (0..500).map(Row).collect::<Vec<_>>());
            carol.until(|carol| carol.state::<Said>().0.load(Ordering::Relaxed) == 100).await;
            assert_eq!(bob.state::<Said>().0.load(Ordering::Relaxed), 0);

            let (before, bytes) = (alice.clock().now(), blob());
            let expected = Sum(sum(&bytes));
            assert_eq!(channel.request(Blob(bytes)).within(300 * SECOND).await, Ok(expected));
            let took = alice.clock().now() - before;
            println!("1 MiB over 2 hops of 25 ms, {lost} lost: {took:?}");
            assert!(took < 60 * SECOND, "{took:?}");
            // An hour of pings.
            alice.clock().sleep(1800 * SECOND).await;
            assert!(channel.disconnect().is_none() && back.disconnect().is_none());
            assert_eq!((pss(bob).counters().received, pss(bob).counters().unopened), (0, 0));
        });
    }
}

#[test]
fn without_the_node_in_the_middle_the_channel_ends_at_both_ends_and_costs_nobody_points() {
    nodes().run(async |nodes: [TestNode; 3]| {
        let (channel, relays) = relayed(&nodes, 0.0).await;
        let [alice, bob, carol] = &nodes;
        let back = carol.channel(&alice.id()).unwrap();
        let waiting = channel.request(Blob(blob())).within(300 * SECOND);
        let crash = async {
            alice.clock().sleep(2 * LATENCY).await;
            bob.crash().await;
            alice.clock().now()
        };
        let (answer, crashed) = futures::join!(waiting, crash);
        assert!(answer.is_err(), "{answer:?}");
        for end in [channel.closed().await, back.closed().await] {
            // Whichever comes first: the ping that is not answered, bytes that nobody takes, or the silence.
            let lost = [DisconnectReason::NetworkError, DisconnectReason::Timeout, DisconnectReason::WriteStall];
            assert!(lost.contains(&end.reason) && end.by == Side::Local, "{end:?}");
        }
        let took = alice.clock().now() - crashed;
        assert!(took <= 61 * SECOND, "{took:?}");
        let error = relays[0].dial(carol.id()).await.unwrap_err();
        assert!(matches!(error, RelayedError::TimedOut { .. } | RelayedError::Dial { .. }), "{error}");
        assert!([alice, carol].iter().all(|node| node.hosts().bans().is_empty()));

        let bob = bob.restart().await;
        for end in [alice, carol] {
            end.connect(&bob).await;
            end.until(|end| pss(end).peers() == 1).await;
        }
        let again = relays[0].dial(carol.id()).await.unwrap();
        assert_eq!(again.request(Blob(vec![1])).await, Ok(Sum(sum(&[1]))));
    });
}

#[test]
fn a_channel_goes_on_by_another_path() {
    for seed in 0..4 {
        nodes().seed(seed).run(async |nodes: [TestNode; 4]| {
            let (channel, _relays) = relayed(&nodes, 0.0).await;
            let [alice, bob, _dave, _carol] = &nodes;
            let (bytes, before, bobs) = (blob(), alice.clock().now(), pss(bob));
            let (expected, passed_on) = (Sum(sum(&bytes)), bobs.counters().passed_on);
            let crash = async {
                alice.clock().sleep(6 * LATENCY).await;
                let by_bob = bobs.counters().passed_on - passed_on;
                assert!(by_bob > 4, "the stream goes by bob, too: {by_bob}");
                bob.crash().await;
            };
            let (answer, ()) = futures::join!(channel.request(Blob(bytes)).within(300 * SECOND), crash);
            assert_eq!(answer, Ok(expected));
            println!("1 MiB, and one of two paths gone: {:?}", alice.clock().now() - before);
            assert!(channel.disconnect().is_none());
        });
    }
}

#[test]
fn the_table_takes_no_relayed_channel_for_a_connection() {
    nodes().run(async |nodes: [TestNode; 3]| {
        // What the test connected is not brought back by itself.
        nodes[0].remove_peer(&nodes[2].id());
        let (relayed, _relays) = relayed(&nodes, 0.0).await;
        nodes[0].heal(&nodes[2]);
        assert_eq!(relayed.closed().await.reason, DisconnectReason::Replaced);
        let direct = nodes[0].channel(&nodes[2].id()).unwrap();
        assert_ne!(direct.session(), SessionFlags::RELAYED);
        nodes[0].until(|alice| pss(alice).peers() == 2).await;
    });
}

#[test]
fn streams_delay_no_message() {
    nodes().run(async |nodes: [TestNode; 3]| {
        let (channel, _relays) = relayed(&nodes, 0.0).await;
        let [alice, _, carol] = &nodes;
        let (sender, topic) = (pss(alice), Topic::of("bar"));
        let mut heard = pss(carol).subscribe(topic);
        sender.set_peer_public_key(carol.id(), topic, Prefix::full(&pss(carol).base_addr())).unwrap();
        let transfers = join_all((0..8).map(|_| channel.request(Blob(blob())).within(300 * SECOND)));
        let messages = async {
            let mut slowest = Duration::ZERO;
            for _ in 0..50 {
                let before = alice.clock().now();
                sender.send_asym(&carol.id(), topic, b"quick").unwrap();
                let Some(Heard::Message(message)) = heard.next().await else { panic!("a message is missing") };
                assert_eq!(message.payload, b"quick");
                slowest = slowest.max(alice.clock().now() - before);
            }
            slowest
        };
        let before = alice.clock().now();
        let (sums, slowest) = futures::join!(transfers, messages);
        assert!(sums.iter().all(Result::is_ok), "{sums:?}");
        println!("8 MiB in {:?}; a message beside them in {slowest:?} at most", alice.clock().now() - before);
        assert!(slowest < SECOND, "{slowest:?}");
    });
}

#[test]
fn a_flood_of_datagrams_takes_no_room_and_no_time_from_messages() {
    nodes().run(async |nodes: [TestNode; 3]| {
        part(&nodes).await;
        let [alice, _, carol] = &nodes;
        let (sender, topic, datagrams) = (pss(alice), Topic::of("bar"), Datagrams::of(&pss(alice)));
        let mut heard = pss(carol).subscribe(topic);
        sender.set_peer_public_key(carol.id(), topic, Prefix::full(&pss(carol).base_addr())).unwrap();
        let taken = (0..1_000).filter(|_| datagrams.send(&carol.id(), b"slow").is_ok()).count();
        assert_eq!(taken, MAX_WAITING);
        let before = alice.clock().now();
        sender.send_asym(&carol.id(), topic, b"quick").unwrap();
        let Some(Heard::Message(message)) = heard.next().await else { panic!("a message is missing") };
        let took = alice.clock().now() - before;
        assert!(message.payload == b"quick" && took < 4 * LATENCY, "{took:?}");
        assert!(sender.held().waiting > MAX_WAITING / 4, "the flood still waits: {:?}", sender.held());
    });
}

#[test]
fn carrying_channels_twice_is_carrying_them_once() {
    nodes().run(async |nodes: [TestNode; 3]| {
        part(&nodes).await;
        let [alice, _, carol] = &nodes;
        let [first, second] = [(); 2].map(|()| pss(alice).carry_channels().unwrap());
        let _carols = [(); 2].map(|()| pss(carol).carry_channels().unwrap());
        let channel = first.dial(carol.id()).await.unwrap();
        assert_eq!(channel.request(Blob(vec![1])).await, Ok(Sum(sum(&[1]))));
        assert_eq!(second.connections(), 1, "both are the same");
        let alices = pss(alice);
        alice.stop().await;
        assert!(matches!(alices.carry_channels(), Err(RelayedError::NotRunning)));
    });
}

#[test]
fn a_node_that_stops_says_so_over_the_relay() {
    nodes().run(async |nodes: [TestNode; 3]| {
        let (channel, _relays) = relayed(&nodes, 0.0).await;
        nodes[2].stop().await;
        let end = channel.closed().await;
        assert_eq!((end.reason, end.by), (DisconnectReason::Stopped, Side::Remote), "{end:?}");
    });
}
