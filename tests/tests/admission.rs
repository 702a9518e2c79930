//! Who is let in: both ends of a connection say the same of why it ended, and the same of who is who.

mod common;

use std::time::Duration;

use common::{local, on_threads, run};
use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::hosts::UnixTime;
use p2p_net::hosts::bans::{Ban, Culprit};
use p2p_net::node_url::NodeUrl;
use p2p_net::p2p::P2pBuilder;
use p2p_net::prelude::*;
use p2p_net::session::ConnectError;
use p2p_net::testing::{Simulation, secret_of};
use p2p_net::transport::DialError;
use p2p_net::{P2p, P2pPtr, ProtocolSet};
use p2p_protocols::ping::ProtocolPing;
use p2p_protocols::version::ProtocolVersion;

const SECOND: Duration = Duration::from_secs(1);

/// Version and ping.
fn set() -> ProtocolSet {
    ProtocolSet::empty().with::<ProtocolVersion>().with::<ProtocolPing>()
}

/// A handshake protocol, of which there are two versions that have nothing in common.
#[derive(Default)]
struct GateOne;

#[derive(Default)]
struct GateTwo;

#[derive(Message, Serialize, Deserialize)]
struct Knock;

#[protocol(name = "gate", version = 1, phase = handshake)]
impl GateOne {
    #[on]
    async fn knock(&self, _knock: Knock) {}
}

#[protocol(name = "gate", version = 2, phase = handshake)]
impl GateTwo {
    #[on]
    async fn knock(&self, _knock: Knock) {}
}

/// The end of the next connection that is refused.
async fn refused(events: &mut PeerEvents) -> (NodeId, DisconnectReason, Side) {
    loop {
        match events.next().await {
            Some(Seen::Event(PeerEvent::Refused { peer, reason, .. })) => return (peer, reason.reason, reason.by),
            Some(_) => {}
            None => panic!("nobody was refused"),
        }
    }
}

/// What the dialer is told.
fn told(outcome: Result<NodeId, ConnectError>) -> (DisconnectReason, Side) {
    match outcome {
        Err(ConnectError::Refused { reason, .. }) => (reason.reason, reason.by),
        other => panic!("{other:?}"),
    }
}

fn simulated(sim: &Simulation, host: &str, settings: Settings) -> P2pBuilder {
    sim.node(host, Settings { outbound_slots: 0, ..settings }).protocols(set())
}

/// Bob dials alice once they are prepared; both must give `reason`, and nobody may have been added.
fn both_say(
    reason: DisconnectReason,
    by: impl Fn(&P2pPtr, &P2pPtr) -> Option<(Side, Side)>,
    make: impl Fn(&Simulation) -> (P2pBuilder, P2pBuilder),
    prepare: impl Fn(&P2pPtr, &P2pPtr),
) {
    for seed in 0..3 {
        let sim = Simulation::new(seed);
        sim.run(async {
            let (alice, bob) = make(&sim);
            let (alice, bob) = (sim.start(alice).await, sim.start(bob).await);
            prepare(&alice, &bob);
            let (mut at_alice, mut at_bob) = (alice.subscribe_events(), bob.subscribe_events());
            let dialer = told(bob.add_peer(&alice.advertised()[0]).await);
            let (peer, why, side) = sim.clock().timeout(SECOND, refused(&mut at_alice)).await.unwrap();
            assert_eq!((peer, why, dialer.0), (bob.id(), reason, reason));
            assert_eq!(refused(&mut at_bob).await, (alice.id(), dialer.0, dialer.1));
            if let Some(sides) = by(&alice, &bob) {
                assert_eq!((side, dialer.1), sides);
            }
            assert_eq!((alice.peer_count(), bob.peer_count()), (0, 0));
            alice.stop().await;
            bob.stop().await;
        });
        assert_eq!(sim.network().live_connections(), 0);
    }
}

const BY_ALICE: Option<(Side, Side)> = Some((Side::Local, Side::Remote));
const BY_BOB: Option<(Side, Side)> = Some((Side::Remote, Side::Local));

fn two(sim: &Simulation, alice: Settings, bob: Settings) -> (P2pBuilder, P2pBuilder) {
    (simulated(sim, "alice", alice), simulated(sim, "bob", bob))
}

#[test]
fn another_network_is_refused() {
    let other = || Settings { network: "other".to_owned(), ..Settings::default() };
    both_say(DisconnectReason::NetworkMismatch, |_, _| None, |sim| two(sim, Settings::default(), other()), |_, _| ());
}

#[test]
fn a_handshake_that_differs_is_an_incompatible_version() {
    let make = |sim: &Simulation| {
        let (alice, bob) = two(sim, Settings::default(), Settings::default());
        (alice.protocols(set().with::<GateOne>()), bob.protocols(set().with::<GateTwo>()))
    };
    both_say(DisconnectReason::IncompatibleVersion, |_, _| None, make, |_, _| ());
}

#[test]
fn a_full_node_refuses_and_dials_nobody() {
    let full = || Settings { max_peers: 0, ..Settings::default() };
    let reason = DisconnectReason::TooManyPeers;
    both_say(reason, |_, _| BY_ALICE, |sim| two(sim, full(), Settings::default()), |_, _| ());
    both_say(reason, |_, _| BY_BOB, |sim| two(sim, Settings::default(), full()), |_, _| ());
}

#[test]
fn a_banned_peer_is_refused_whoever_dials() {
    let ban = |at: &P2pPtr, who: NodeId| {
        at.hosts().ban(Ban { who: Culprit::Key(who), until: UnixTime(at.clock().unix_seconds() + 3_600) });
    };
    let make = |sim: &Simulation| two(sim, Settings::default(), Settings::default());
    both_say(DisconnectReason::Banned, |_, _| BY_ALICE, make, |alice, bob| ban(alice, bob.id()));
    both_say(DisconnectReason::Banned, |_, _| BY_BOB, make, |alice, bob| ban(bob, alice.id()));
}

#[test]
fn a_third_peer_is_one_too_many_for_two() {
    let sim = Simulation::new(3);
    sim.run(async {
        let alice = sim.start(simulated(&sim, "alice", Settings { max_peers: 2, ..Settings::default() })).await;
        let mut events = alice.subscribe_events();
        let mut others = Vec::new();
        for host in ["bob", "carol", "dave"] {
            others.push(sim.start(simulated(&sim, host, Settings::default())).await);
        }
        for other in &others[..2] {
            assert_eq!(other.add_peer(&alice.advertised()[0]).await.unwrap(), alice.id());
        }
        let third = told(others[2].add_peer(&alice.advertised()[0]).await);
        assert_eq!(third, (DisconnectReason::TooManyPeers, Side::Remote));
        let mut seen = (alice.id(), DisconnectReason::Probe, Side::Local);
        while seen.0 != others[2].id() {
            // The others may visit alice's address once more, to see whether it is hers.
            seen = refused(&mut events).await;
        }
        assert_eq!(seen, (others[2].id(), DisconnectReason::TooManyPeers, Side::Local));
        assert_eq!((alice.peer_count(), others[2].peer_count()), (2, 0));
        // A place that gets free is given again.
        others[0].stop().await;
        sim.clock().sleep(SECOND).await;
        assert_eq!(others[2].add_peer(&alice.advertised()[0]).await.unwrap(), alice.id());
        for node in others.iter().chain([&alice]) {
            node.stop().await;
        }
    });
}

#[test]
fn whoever_proves_another_key_than_the_urls_gets_no_channel() {
    on_threads(2, async |ex| {
        let mut nodes = Vec::new();
        let mut runs = Vec::new();
        for _ in 0..2 {
            let node = P2p::builder(local()).protocols(set()).build().await.unwrap();
            runs.push(run(&node, &ex).await);
            nodes.push(node);
        }
        let [alice, bob] = [&nodes[0], &nodes[1]];
        let (mut at_alice, mut at_bob) = (alice.subscribe_events(), bob.subscribe_events());
        let mallory = secret_of("mallory").id();
        let wrong = alice.advertised()[0].with_id(mallory);
        match bob.add_peer(&wrong).await {
            Err(ConnectError::Dial { error: DialError::UnexpectedIdentity { expected, found }, .. }) => {
                assert_eq!((expected, found), (mallory, alice.id()));
            }
            other => panic!("{other:?}"),
        }
        // Without an id, the one that is proven is learnt.
        let learnt = bob.add_peer(&alice.advertised()[0].without_id()).await.unwrap();
        assert_eq!(learnt, alice.id());
        for (events, peer, by) in [(&mut at_bob, alice.id(), Side::Local), (&mut at_alice, bob.id(), Side::Remote)] {
            let first = loop {
                match events.next().await {
                    // A visit to the address the other has just told of may overtake the end of the handshake.
                    Some(Seen::Event(PeerEvent::Refused { reason, .. }))
                        if matches!(reason.reason, DisconnectReason::Probe | DisconnectReason::AlreadyConnected) => {}
                    other => break other,
                }
            };
            assert_eq!(first, Some(Seen::Event(PeerEvent::Add { peer, dialled_by: by })), "nothing came before");
        }
        for (node, run) in nodes.iter().zip(runs) {
            node.stop().await;
            run.await.unwrap();
        }
    });
}

#[test]
fn a_node_that_dials_itself_by_any_name_notices() {
    on_threads(2, async |ex| {
        let any: NodeUrl = "tls://127.0.0.1:0".parse().unwrap();
        let settings = Settings { listen: vec![any.clone(), any], ..local() };
        let node = P2p::builder(settings).protocols(set()).build().await.unwrap();
        let running = run(&node, &ex).await;
        let ports: Vec<_> = node.node_info().listen.iter().map(NodeUrl::port).collect();
        assert!(ports[0] != ports[1] && !ports.contains(&0));
        let mut events = node.subscribe_events();
        for port in ports {
            for host in ["localhost", "127.0.0.1"] {
                let url = NodeUrl::new("tls", host, port).unwrap();
                assert_eq!(told(node.add_peer(&url).await).0, DisconnectReason::SelfConnection, "{url}");
                for _ in 0..2 {
                    let (peer, reason, _) = refused(&mut events).await;
                    assert_eq!((peer, reason), (node.id(), DisconnectReason::SelfConnection));
                }
            }
        }
        assert_eq!((node.peer_count(), node.hosts().list().len()), (0, 0));
        node.stop().await;
        running.await.unwrap();
    });
}

#[test]
fn nodes_and_peers_say_who_and_where_they_are() {
    on_threads(2, async |ex| {
        let mut nodes = Vec::new();
        let mut runs = Vec::new();
        for name in ["alice", "bob"] {
            let settings = Settings { name: name.to_owned(), app_version: "1.2.3".to_owned(), ..local() };
            let node = P2p::builder(settings).protocols(set()).build().await.unwrap();
            runs.push(run(&node, &ex).await);
            nodes.push(node);
        }
        let [alice, bob] = [&nodes[0], &nodes[1]];
        let url = alice.advertised()[0].clone();
        assert!(url.port() != 0 && url.id() == Some(alice.id()));
        bob.add_peer(&url).await.unwrap();
        // Both have pinged by the time both know how far away the other is.
        while nodes.iter().any(|node| node.peers().iter().all(|peer| peer.rtt.is_none())) {
            smol::future::yield_now().await;
        }
        let agent = |name| format!("{name}/v1.2.3/{}/rust{}", std::env::consts::OS, env!("CARGO_PKG_RUST_VERSION"));
        let (of_alice, of_bob) = (bob.peers().remove(0), alice.peers().remove(0));
        for (info, node, name) in [(&of_alice, alice, "alice"), (&of_bob, bob, "bob")] {
            assert_eq!((info.id, info.name.clone()), (node.id(), agent(name)));
            assert_eq!(info.listen, node.node_info().listen);
            assert_eq!(info.protocols, ["ping/1", "version/1"]);
            assert!(info.rtt.is_some_and(|rtt| rtt > Duration::ZERO && rtt < SECOND));
        }
        assert_eq!((of_alice.url, of_bob.url), (Some(url.clone()), None));
        assert_eq!((of_alice.inbound, of_bob.inbound), (false, true));
        assert_eq!((of_alice.session.as_str(), of_bob.session.as_str()), ("manual", "inbound"));
        assert_eq!(of_alice.remote, format!("127.0.0.1:{}", url.port()));
        assert_eq!(of_alice.observed, of_bob.remote, "alice sees bob where bob is told he is");
        assert_eq!(of_bob.observed, of_alice.remote);
        let info = alice.node_info();
        assert_eq!((info.id, info.name, info.peers), (alice.id(), agent("alice"), 1));
        assert_eq!((info.url, info.listen), (Some(url.clone()), vec![url]));
        assert_eq!(info.protocols, ["version/1", "ping/1"]);
        for (node, run) in nodes.iter().zip(runs) {
            node.stop().await;
            run.await.unwrap();
        }
    });
}
