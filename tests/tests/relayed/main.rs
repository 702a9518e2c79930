//! Channels over a relay: the protocols are those that run over direct ones, and do not know.

mod strangers;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, join};
use futures::{FutureExt, StreamExt};
use p2p_net::ProtocolSet;
use p2p_net::clock::Clock;
use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::hosts::UnixTime;
use p2p_net::hosts::bans::{Ban, Culprit};
use p2p_net::identity::SecretKey;
use p2p_net::prelude::*;
use p2p_net::relay::{Datagrams, Relay, RelayedError};
use p2p_net::settings::Limits;
use p2p_net::testing::{DatagramNetwork, Simulation, secret_of};
use p2p_protocols::address::ProtocolAddress;
use p2p_protocols::ping::ProtocolPing;
use p2p_protocols::version::ProtocolVersion;
use p2p_tests::wire::{show, vectors_of};

const SECOND: Duration = Duration::from_secs(1);

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

#[derive(Default)]
struct Heard(AtomicUsize);

struct Chat {
    heard: State<Heard>,
}

/// A protocol that says nothing of relays.
#[protocol]
impl Chat {
    fn init(heard: State<Heard>) -> Self {
        Self { heard }
    }

    #[on]
    async fn say(&self, _say: Say) {
        self.heard.0.fetch_add(1, Ordering::Relaxed);
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

#[derive(Message, Serialize, Deserialize)]
struct Near;

/// One that must not.
#[protocol(sessions = !RELAYED)]
async fn nearby(_near: Near) {}

fn set() -> ProtocolSet {
    let set = ProtocolSet::empty().with::<ProtocolVersion>().with::<ProtocolPing>().with::<ProtocolAddress>();
    set.with::<Chat>().with::<nearby>()
}

async fn start(sim: &Simulation, host: &str, settings: Settings) -> P2pPtr {
    let settings = Settings { outbound_slots: 0, ..settings };
    sim.start(sim.node(host, settings).protocols(set()).state(Heard::default())).await
}

fn carrier(sim: &Simulation, lost: f64) -> DatagramNetwork {
    let carrier = DatagramNetwork::new(sim.clock().clone(), 7);
    carrier.set_latency(Duration::from_millis(50), Duration::from_millis(20));
    carrier.set_loss(lost, lost / 2.0);
    carrier
}

fn over(carrier: &DatagramNetwork, node: &P2pPtr) -> Relay {
    node.relay_over(carrier.port(node.id())).unwrap()
}

/// Alice and bob, each with a relay, and nothing else between them.
async fn two(sim: &Simulation, carrier: &DatagramNetwork) -> ([P2pPtr; 2], [Relay; 2]) {
    let nodes = [start(sim, "alice", Settings::default()).await, start(sim, "bob", Settings::default()).await];
    let relays = [over(carrier, &nodes[0]), over(carrier, &nodes[1])];
    (nodes, relays)
}

async fn connected(clock: &Clock, node: &P2pPtr, many: usize) {
    while node.peer_count() != many {
        clock.sleep(Duration::from_millis(1)).await;
    }
}

/// Stops the nodes; nothing may be left.
async fn stop(nodes: &[P2pPtr], relays: &[Relay]) {
    for node in nodes {
        node.stop().await;
        assert_eq!(node.task_count(), 0);
    }
    assert!(relays.iter().all(|relay| relay.connections() == 0), "{relays:?}");
}

async fn next_drop(events: &mut PeerEvents) -> (DisconnectReason, Side, String) {
    loop {
        if let Some(Seen::Event(PeerEvent::Drop { reason, .. })) = events.next().await {
            return (reason.reason, reason.by, reason.detail);
        }
    }
}

#[test]
fn protocols_run_unchanged_over_a_relay_that_loses_datagrams() {
    for (seed, lost) in [(1, 0.0), (2, 0.02), (3, 0.2)] {
        let sim = Simulation::new(seed);
        sim.run(async {
            let carrier = carrier(&sim, lost);
            let (nodes, relays) = two(&sim, &carrier).await;
            let [alice, bob] = [&nodes[0], &nodes[1]];
            let channel = relays[0].dial(bob.id()).await.unwrap();
            assert_eq!((channel.session(), channel.peer_id()), (SessionFlags::RELAYED, bob.id()));
            connected(sim.clock(), bob, 1).await;
            let info = bob.peers().remove(0);
            assert_eq!((info.session.as_str(), info.remote.as_str(), info.inbound), ("relayed", "relay", true));
            assert_eq!((info.id, info.observed.as_str()), (alice.id(), "relay"));
            assert_eq!(info.protocols, ["address/1", "chat/1", "ping/1", "version/1"], "nearby is not run");
            assert!(!channel.supports::<Near>());

            for _ in 0..100 {
                channel.send(&Say("hello".to_owned())).await.unwrap();
            }
            let back = bob.channel(&alice.id()).unwrap();
            let rows: Vec<_> = back.stream(Rows(500)).map(Result::unwrap).collect().await;
            assert_eq!(rows, (0..500).map(Row).collect::<Vec<_>>());
            assert_eq!(bob.state_of::<Heard>().unwrap().0.load(Ordering::Relaxed), 100);
            if lost < 0.1 {
                let bytes: Vec<u8> = (0..1_u64 << 20).map(|n| ((n * n) >> 7) as u8).collect();
                let (expected, before) = (Sum(sum(&bytes)), sim.clock().now());
                let reply = channel.request(Blob(bytes)).within(300 * SECOND).await;
                assert_eq!(reply, Ok(expected));
                println!("1 MiB at a loss of {lost}: {:?}", sim.clock().now() - before);
            }
            // An hour of pings.
            sim.clock().sleep(3600 * SECOND).await;
            assert!(channel.disconnect().is_none() && back.disconnect().is_none());
            stop(&nodes, &relays).await;
        });
    }
}

#[test]
fn the_reason_for_the_end_arrives() {
    let sim = Simulation::new(4);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let (nodes, relays) = two(&sim, &carrier).await;
        let channel = relays[0].dial(nodes[1].id()).await.unwrap();
        connected(sim.clock(), &nodes[1], 1).await;
        let mut events = nodes[1].subscribe_events();
        channel.close(DisconnectReason::Requested, "good night");
        assert_eq!(next_drop(&mut events).await, (DisconnectReason::Requested, Side::Remote, "good night".to_owned()));
        sim.clock().sleep(30 * SECOND).await;
        assert_eq!((relays[0].connections(), relays[1].connections()), (0, 0), "nothing is left of it");
        stop(&nodes, &relays).await;
    });
}

/// Mallory gets what is meant for bob; she cannot be him.
#[test]
fn whoever_is_not_who_was_dialled_gets_no_channel() {
    struct Diverted(Arc<dyn Datagrams>, NodeId, NodeId);

    impl Datagrams for Diverted {
        fn max_datagram(&self) -> usize {
            self.0.max_datagram()
        }

        fn send<'a>(&'a self, to: &'a NodeId, datagram: Vec<u8>) -> futures::future::BoxFuture<'a, ()> {
            self.0.send(if *to == self.1 { &self.2 } else { to }, datagram)
        }

        fn receive(&self) -> futures::future::BoxFuture<'_, std::io::Result<(NodeId, Vec<u8>)>> {
            let got = self.0.receive();
            async { got.await.map(|(from, datagram)| (if from == self.2 { self.1 } else { from }, datagram)) }.boxed()
        }
    }

    let sim = Simulation::new(5);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let nodes =
            [start(&sim, "alice", Settings::default()).await, start(&sim, "mallory", Settings::default()).await];
        let bob = secret_of("bob").id();
        let diverted = Diverted(carrier.port(nodes[0].id()), bob, nodes[1].id());
        let relays = [nodes[0].relay_over(Arc::new(diverted)).unwrap(), over(&carrier, &nodes[1])];
        match relays[0].dial(bob).await {
            Err(RelayedError::Dial { peer, error }) => {
                assert_eq!(peer, bob);
                assert!(error.to_string().starts_with(&format!("expected node {bob}, but")), "{error}");
            }
            other => panic!("{other:?}"),
        }
        sim.clock().sleep(SECOND).await;
        assert_eq!((nodes[0].peer_count(), nodes[1].peer_count()), (0, 0));
        stop(&nodes, &relays).await;
    });
}

/// Mallory's datagrams say that they are from bob; the key she proves is her own.
#[test]
fn whoever_dials_in_anothers_name_gets_no_channel() {
    let sim = Simulation::new(6);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let (alice, mallory) =
            (start(&sim, "alice", Settings::default()).await, start(&sim, "mallory", Settings::default()).await);
        let relays = [over(&carrier, &alice), mallory.relay_over(carrier.port(secret_of("bob").id())).unwrap()];
        let refused = relays[1].dial(alice.id()).await.unwrap_err();
        assert!(matches!(refused, RelayedError::Refused { .. } | RelayedError::Dial { .. }), "{refused}");
        assert_eq!(alice.peer_count(), 0);
        stop(&[alice, mallory], &relays).await;
    });
}

#[test]
fn nobody_there_is_told_after_the_time_of_the_settings() {
    let sim = Simulation::new(7);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let limits = Limits { relayed_timeout: 20 * SECOND, ..Limits::default() };
        let alice = start(&sim, "alice", Settings { limits, ..Settings::default() }).await;
        let relay = over(&carrier, &alice);
        let (before, nobody) = (sim.clock().now(), SecretKey::from_bytes([9; 32]).id());
        let error = relay.dial(nobody).await.unwrap_err();
        let silent = matches!(error, RelayedError::TimedOut { .. } | RelayedError::Dial { .. });
        assert!(silent && sim.clock().now() - before == 20 * SECOND, "{error} {:?}", sim.clock().now() - before);
        assert!(matches!(relay.dial(alice.id()).await, Err(RelayedError::Itself)));
        stop(&[alice], &[relay]).await;
    });
}

#[test]
fn a_relay_that_dies_ends_the_channel_at_both_ends_and_costs_nobody_points() {
    let sim = Simulation::new(8);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let (nodes, relays) = two(&sim, &carrier).await;
        relays[0].dial(nodes[1].id()).await.unwrap();
        connected(sim.clock(), &nodes[1], 1).await;
        let mut events = [nodes[0].subscribe_events(), nodes[1].subscribe_events()];
        let cut = sim.clock().now();
        carrier.cut(true);
        for events in &mut events {
            let (reason, by, detail) = next_drop(events).await;
            // Whichever comes first: the ping that is not answered, or the silence.
            let fits = matches!(reason, DisconnectReason::NetworkError | DisconnectReason::Timeout);
            assert!(fits && by == Side::Local, "{reason} {by}: {detail}");
        }
        assert!(sim.clock().now() - cut <= 61 * SECOND);
        carrier.cut(false);
        let again = relays[0].dial(nodes[1].id()).await.unwrap();
        assert_eq!(again.peer_id(), nodes[1].id());
        assert!(nodes.iter().all(|node| node.hosts().bans().is_empty()));
        stop(&nodes, &relays).await;
    });
}

#[test]
fn a_carrier_that_fails_ends_its_channels_at_once() {
    let sim = Simulation::new(9);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let (nodes, relays) = two(&sim, &carrier).await;
        let channel = relays[0].dial(nodes[1].id()).await.unwrap();
        let before = sim.clock().now();
        carrier.fail();
        let end = channel.closed().await;
        assert_eq!((end.reason, sim.clock().now()), (DisconnectReason::NetworkError, before));
        assert_eq!(end.detail, "the carrier of relayed connections has failed");
        let error = relays[0].dial(secret_of("carol").id()).await.unwrap_err();
        assert!(matches!(error, RelayedError::Dial { .. }), "{error}");
        stop(&nodes, &relays).await;
    });
}

#[test]
fn two_that_dial_each_other_over_the_relay_keep_one_channel() {
    for seed in 0..30 {
        let sim = Simulation::new(seed);
        sim.run(async {
            let carrier = carrier(&sim, 0.05);
            let nodes = [
                start(&sim, &format!("a{seed}"), Settings::default()).await,
                start(&sim, &format!("b{seed}"), Settings::default()).await,
            ];
            let relays = [over(&carrier, &nodes[0]), over(&carrier, &nodes[1])];
            let (one, two) = join(relays[0].dial(nodes[1].id()), relays[1].dial(nodes[0].id())).await;
            assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
            sim.clock().sleep(30 * SECOND).await;
            let [here, there] = [0, 1].map(|n| nodes[n].channels().remove(0));
            assert_eq!((nodes[0].peer_count(), nodes[1].peer_count()), (1, 1));
            assert_ne!(here.dialled_by(), there.dialled_by(), "seed {seed}: both kept the same one");
            assert!(here.send(&Say("hello".to_owned())).await.is_ok());
            stop(&nodes, &relays).await;
        });
    }
}

#[test]
fn a_direct_channel_takes_the_place_of_a_relayed_one_and_no_relayed_one_is_opened_beside_it() {
    for dials in [0, 1] {
        let sim = Simulation::new(10);
        sim.run(async {
            let carrier = carrier(&sim, 0.0);
            let (nodes, relays) = two(&sim, &carrier).await;
            let relayed = relays[0].dial(nodes[1].id()).await.unwrap();
            connected(sim.clock(), &nodes[1], 1).await;
            assert_eq!(nodes[dials].add_peer(&nodes[1 - dials].advertised()[0]).await.unwrap(), nodes[1 - dials].id());
            assert_eq!(relayed.closed().await.reason, DisconnectReason::Replaced);
            sim.clock().sleep(30 * SECOND).await;
            for (node, other) in [(&nodes[0], &nodes[1]), (&nodes[1], &nodes[0])] {
                assert_eq!(node.peer_count(), 1);
                assert_ne!(node.channel(&other.id()).unwrap().session(), SessionFlags::RELAYED);
            }
            assert_eq!((relays[0].connections(), relays[1].connections()), (0, 0));
            let known = relays[1].dial(nodes[0].id()).await.unwrap();
            assert_ne!(known.session(), SessionFlags::RELAYED, "the one there is");
            assert_eq!(relays[1].connections(), 0);
            // When it goes, a relayed one may come again.
            nodes[dials].remove_peer(&nodes[1 - dials].id());
            known.closed().await;
            connected(sim.clock(), &nodes[0], 0).await;
            let again = relays[1].dial(nodes[0].id()).await.unwrap();
            assert_eq!(again.session(), SessionFlags::RELAYED);
            stop(&nodes, &relays).await;
        });
    }
}

#[test]
fn garbage_from_the_carrier_does_no_harm() {
    let sim = Simulation::new(13);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let (nodes, relays) = two(&sim, &carrier).await;
        let channel = relays[0].dial(nodes[1].id()).await.unwrap();
        let mut rng = fastrand::Rng::with_seed(1);
        let stranger = carrier.port(secret_of("stranger").id());
        for _ in 0..2_000 {
            let datagram: Vec<u8> = (0..rng.usize(..200)).map(|_| rng.u8(..4)).collect();
            stranger.send(&nodes[1].id(), datagram).await;
        }
        sim.clock().sleep(SECOND).await;
        channel.send(&Say("still here".to_owned())).await.unwrap();
        sim.clock().sleep(SECOND).await;
        assert_eq!(nodes[1].state_of::<Heard>().unwrap().0.load(Ordering::Relaxed), 1);
        stop(&nodes, &relays).await;
    });
}

#[test]
fn a_node_that_stops_tells_its_relayed_peers() {
    let sim = Simulation::new(14);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let (nodes, relays) = two(&sim, &carrier).await;
        let channel = relays[0].dial(nodes[1].id()).await.unwrap();
        connected(sim.clock(), &nodes[1], 1).await;
        let (before, end) = (sim.clock().now(), channel.closed());
        let (end, ()) = join(end, nodes[1].stop()).await;
        assert_eq!((end.reason, end.by), (DisconnectReason::Stopped, Side::Remote));
        assert!(sim.clock().now() - before <= 2 * SECOND, "{:?}", sim.clock().now() - before);
        assert!(matches!(relays[1].dial(nodes[0].id()).await, Err(RelayedError::NotRunning)));
        stop(&nodes, &relays).await;
    });
}

#[test]
fn datagrams_are_answered_as_written() {
    for vector in vectors_of("relayed") {
        let sim = Simulation::new(15);
        sim.run(async {
            let carrier = DatagramNetwork::new(sim.clock().clone(), 1);
            let hub = start(&sim, "hub", Settings::default()).await;
            let relay = over(&carrier, &hub);
            let stranger = carrier.port(secret_of("stranger").id());
            stranger.send(&hub.id(), vector.bytes("sent")).await;
            let (from, answer) = sim.clock().timeout(SECOND, stranger.receive()).await.unwrap().unwrap();
            assert_eq!((from, show(&answer)), (hub.id(), show(&vector.bytes("answer"))), "line {}", vector.line);
            stop(&[hub], &[relay]).await;
        });
    }
}
