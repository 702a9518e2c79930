//! What sessions do about time: when they dial, dial again, refill, ask, give up, and notice that a peer is gone.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::logs;
use futures::future::BoxFuture;
use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::hosts::{Source, State};
use p2p_net::node_url::NodeUrl;
use p2p_net::prelude::*;
use p2p_net::rate::Rate;
use p2p_net::settings::Limits;
use p2p_net::testing::{Simulation, secret_of};
use p2p_net::transport::memory::{Link, MemoryTransport};
use p2p_net::transport::{Connection, DialError, ListenError, Listener, Transport};
use p2p_protocols::address::GetAddresses;

const SECOND: Duration = Duration::from_secs(1);

fn url(host: &str) -> NodeUrl {
    format!("memory://{host}:1").parse().unwrap()
}

/// A node that dials nobody by itself.
fn quiet() -> Settings {
    Settings { outbound_slots: 0, ..Settings::default() }
}

/// The memory transport, with a note of when it dialled.
struct Noting {
    inner: MemoryTransport,
    sim: Arc<Simulation>,
    dials: Arc<Mutex<Vec<Duration>>>,
}

impl Transport for Noting {
    fn scheme(&self) -> &'static str {
        self.inner.scheme()
    }

    fn listen<'a>(&'a self, at: &'a NodeUrl) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        self.inner.listen(at)
    }

    fn dial<'a>(&'a self, to: &'a NodeUrl) -> BoxFuture<'a, Result<Connection, DialError>> {
        self.dials.lock().unwrap().push(self.sim.clock().elapsed());
        self.inner.dial(to)
    }
}

/// The waits between the first dials of a manual slot whose peer is not there, then the one after it was there.
fn waits(seed: u64) -> (Vec<Duration>, Duration) {
    let sim = Arc::new(Simulation::new(seed));
    let dials = Arc::new(Mutex::new(Vec::new()));
    let inner = sim.network().transport("alice", &secret_of("alice"));
    let noting = Noting { inner, sim: sim.clone(), dials: dials.clone() };
    let times = || std::mem::take(&mut *dials.lock().unwrap());
    sim.run(async {
        let settings = Settings { peers: vec![url("bob")], ..quiet() };
        let alice = sim.start(sim.node("alice", settings).transport(noting)).await;
        sim.clock().sleep(3_600 * SECOND).await;
        let waits = times().windows(2).map(|two| two[1] - two[0]).collect();
        let bob = sim.start(sim.node("bob", quiet())).await;
        sim.clock().sleep(600 * SECOND).await;
        assert_eq!(alice.peer_count(), 1, "a peer that comes back is found");
        times();
        bob.stop().await;
        let gone = sim.clock().elapsed();
        sim.clock().sleep(2 * SECOND).await;
        let after = times()[0] - gone;
        alice.stop().await;
        (waits, after)
    })
}

#[test]
fn a_manual_slot_waits_twice_as_long_each_time_with_jitter() {
    let mut all = Vec::new();
    for seed in 0..10 {
        let (waits, after) = waits(seed);
        assert!(waits.len() > 15, "{waits:?}");
        for (wait, power) in waits.iter().zip(0..) {
            let most = (SECOND * (1 << power.min(10))).min(300 * SECOND);
            assert!(*wait >= most / 2 && *wait <= most, "attempt {power} after {wait:?}, not {most:?}");
        }
        assert!(after >= SECOND / 2 && after <= SECOND, "a success starts over: {after:?}");
        all.push(waits[8]);
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 10, "nodes that lost the same peer do not come back as one");
}

#[test]
fn an_outbound_slot_is_refilled_when_its_peer_goes() {
    let sim = Simulation::new(2);
    sim.run(async {
        let seed = sim.start(sim.node("seed", quiet())).await;
        let mut others = Vec::new();
        for n in 0..4 {
            let settings = Settings { seeds: vec![url("seed")], ..quiet() };
            others.push(sim.start(sim.node(&format!("other{n}"), settings)).await);
        }
        // The seed tells only whom it has visited itself.
        sim.clock().sleep(300 * SECOND).await;
        let settings = Settings { seeds: vec![url("seed")], outbound_slots: 2, ..Settings::default() };
        let alice = sim.start(sim.node("alice", settings)).await;
        sim.clock().sleep(10 * SECOND).await;
        for _ in 0..3 {
            assert_eq!(alice.session_outbound().connected(), 2);
            let peer = alice.peers().into_iter().find(|peer| peer.id != seed.id()).unwrap().id;
            let gone = others.iter().position(|other| other.id() == peer).unwrap();
            others.remove(gone).stop().await;
            sim.clock().sleep(10 * SECOND).await;
        }
        for node in others.iter().chain([&alice, &seed]) {
            node.stop().await;
        }
    });
}

#[test]
fn a_node_that_knows_nobody_goes_back_to_its_seed() {
    let sim = Simulation::new(3);
    sim.run(async {
        // Nobody can dial this seed but those who know its address already.
        let seed = sim.start(sim.node("seed", Settings { external: vec![url("nowhere")], ..quiet() })).await;
        let settings = |slots| Settings { seeds: vec![url("seed")], outbound_slots: slots, ..Settings::default() };
        let alice = sim.start(sim.node("alice", settings(1))).await;
        sim.clock().sleep(30 * SECOND).await;
        assert_eq!(alice.session_outbound().connected(), 0, "there is nobody");
        let bob = sim.start(sim.node("bob", settings(0))).await;
        sim.clock().sleep(900 * SECOND).await;
        assert_eq!(alice.peers().iter().map(|peer| peer.id).collect::<Vec<_>>(), [bob.id()]);
        for node in [&alice, &bob, &seed] {
            node.stop().await;
        }
    });
}

#[test]
fn a_node_that_runs_dry_asks_its_peers() {
    let sim = Simulation::new(4);
    sim.run(async {
        let hub = sim.start(sim.node("hub", quiet())).await;
        let settings = Settings { outbound_slots: 2, peers: vec![url("hub")], ..Settings::default() };
        let alice = sim.start(sim.node("alice", settings)).await;
        sim.clock().sleep(60 * SECOND).await;
        assert_eq!(alice.peer_count(), 1);
        let bob = sim.start(sim.node("bob", Settings { peers: vec![url("hub")], ..quiet() })).await;
        sim.clock().sleep(600 * SECOND).await;
        assert!(alice.peers().iter().any(|peer| peer.id == bob.id()));
        for node in [&alice, &bob, &hub] {
            node.stop().await;
        }
    });
}

#[test]
fn start_returns_when_every_seed_is_visited_or_lost() {
    let (sim, log) = (Simulation::new(5), logs::capture());
    sim.run(async {
        let good = sim.start(sim.node("good", quiet())).await;
        good.hosts().reached(&url("friend"), secret_of("friend").id()).unwrap();
        // One takes the connection and says nothing; one swallows everything; one is not there.
        let silent = sim.network().transport("silent", &secret_of("silent"));
        let listener = silent.listen(&url("silent")).await.unwrap();
        sim.network().cut("alice", "swallowed");
        let seeds = ["refused", "silent", "good", "swallowed"].map(url).to_vec();
        let alice = sim.start(sim.node("alice", Settings { seeds, ..quiet() })).await;
        assert_eq!(sim.clock().elapsed(), Limits::default().connect_timeout, "the longest of all");
        assert!(alice.hosts().list().iter().any(|(place, _)| *place == url("friend")));
        for (seed, why) in [("refused", "refused"), ("silent", "handshake took too long"), ("swallowed", "within 10s")]
        {
            let told = |line: &&String| line.starts_with("WARN net seed") && line.contains(seed);
            assert!(log.lines().iter().filter(told).any(|line| line.contains(why)), "{seed}: {:?}", log.lines());
        }
        drop(listener);
        alice.stop().await;
        good.stop().await;
    });
    assert_eq!(sim.network().live_connections(), 0);
}

#[test]
fn sessions_that_are_not_configured_say_so_and_return() {
    let (sim, log) = (Simulation::new(6), logs::capture());
    sim.run(async {
        let alice = sim.start(sim.node("alice", quiet())).await;
        sim.clock().sleep(SECOND).await;
        assert_eq!(sim.clock().elapsed(), SECOND, "start waited for nobody");
        alice.stop().await;
    });
    for what in ["with seeds", "for manual connections", "for outbound connections"] {
        let line = format!("INFO net Not configured {what}.");
        assert!(log.lines().contains(&line), "{line}");
    }
}

#[test]
fn the_round_trip_is_that_of_the_link_and_a_cut_is_a_timeout() {
    let sim = Simulation::new(7);
    sim.network().set_default_link(Link::with_latency(Duration::from_millis(40)));
    sim.run(async {
        let alice = sim.start(sim.node("alice", quiet())).await;
        let bob = sim.start(sim.node("bob", quiet())).await;
        alice.add_peer(&bob.advertised()[0]).await.unwrap();
        sim.clock().sleep(100 * SECOND).await;
        for node in [&alice, &bob] {
            assert_eq!(node.peers()[0].rtt, Some(Duration::from_millis(80)));
        }
        let mut events = [alice.subscribe_events(), bob.subscribe_events()];
        sim.network().cut("alice", "bob");
        let cut = sim.clock().elapsed();
        for events in &mut events {
            match events.next().await {
                Some(Seen::Event(PeerEvent::Drop { reason, .. })) => {
                    assert_eq!((reason.reason, reason.by), (DisconnectReason::Timeout, Side::Local));
                }
                other => panic!("{other:?}"),
            }
        }
        let Limits { heartbeat_interval, request_timeout, .. } = Limits::default();
        assert!(
            sim.clock().elapsed() - cut <= heartbeat_interval + request_timeout,
            "{:?}",
            sim.clock().elapsed() - cut
        );
        alice.stop().await;
        bob.stop().await;
    });
}

#[test]
fn an_answer_holds_only_what_was_reached_and_a_bounded_part_of_it() {
    let sim = Simulation::new(8);
    sim.run(async {
        let hub = sim.start(sim.node("hub", quiet())).await;
        let alice = sim.start(sim.node("alice", quiet())).await;
        alice.add_peer(&hub.advertised()[0]).await.unwrap();
        for n in 0..200 {
            // Whoever visits a rumour to see what is in it gets no answer for a while.
            sim.network().cut("hub", &format!("rumour{n}"));
            hub.hosts().hear(&url(&format!("rumour{n}")), Source::Operator).unwrap();
            hub.hosts().reached(&url(&format!("far{n}")), secret_of(&format!("far{n}")).id()).unwrap();
        }
        let channel = alice.channel(&hub.id()).unwrap();
        let mut sizes = Vec::new();
        for _ in 0..10 {
            let answer = channel.request(GetAddresses { most: u16::MAX }).await.unwrap();
            assert!(answer.known.iter().all(|url| url.id().is_some() && !url.host().starts_with("rumour")));
            assert!(answer.known.iter().all(|url| url.id() != Some(alice.id())), "who asks knows itself");
            sizes.push(answer.known.len());
        }
        assert_eq!(sizes, [64, 64, 64, 64, 64, 64, 64, 64, 0, 0], "at most 64, and a ninth time only later");
        sim.clock().sleep(5 * SECOND).await;
        assert_eq!(channel.request(GetAddresses { most: 3 }).await.unwrap().known.len(), 3);
        assert_eq!(channel.request(GetAddresses { most: 3 }).await.unwrap().known.len(), 0);
        assert!(alice.channel(&hub.id()).is_some(), "asking too often is no offence");
        alice.stop().await;
        hub.stop().await;
    });
}

#[test]
fn what_one_peer_may_tell_is_bounded_over_all_its_connections() {
    let sim = Simulation::new(9);
    sim.run(async {
        let hub = sim.start(sim.node("hub", quiet())).await;
        for n in 0..60 {
            hub.hosts().reached(&url(&format!("far{n}")), secret_of(&format!("far{n}")).id()).unwrap();
        }
        let limits = Limits { addresses_per_peer: Rate::new(1, 3_600 * SECOND, 5), ..Limits::default() };
        let settings = Settings { outbound_slots: 1, limits, peers: vec![url("hub")], ..Settings::default() };
        let alice = sim.start(sim.node("alice", settings)).await;
        let mut told = std::collections::BTreeSet::new();
        for _ in 0..4 {
            for _ in 0..10 {
                sim.clock().sleep(Duration::from_millis(500)).await;
                let heard = |state| matches!(state, State::Heard { from: Source::Peer(peer) } if peer == hub.id());
                let places = alice.hosts().list().into_iter().filter(|(_, entry)| heard(entry.state()));
                told.extend(places.map(|(place, _)| place));
            }
            sim.network().reset("alice", "hub");
        }
        assert!((4..=5).contains(&told.len()), "{told:?}");
        alice.stop().await;
        hub.stop().await;
    });
}

/// Whichever of the two has the lower id: a peer that comes back without its old connection is not kept out by its ghost.
#[test]
fn a_peer_that_lost_its_connection_takes_its_own_place() {
    for (lost, keeps) in [("alice", "bob"), ("bob", "alice")] {
        let sim = Simulation::new(9);
        sim.run(async {
            let (ghost, other) = (sim.start(sim.node(lost, quiet())).await, sim.start(sim.node(keeps, quiet())).await);
            ghost.add_peer(&url(keeps)).await.unwrap();
            sim.clock().sleep(6 * SECOND).await;
            // As a power cut looks from the other end: nothing.
            sim.network().cut(lost, keeps);
            let secret = secret_of(lost);
            let transport = sim.network().transport("elsewhere", &secret);
            let back = sim.node("elsewhere", quiet()).identity(secret).transport(transport);
            let back = sim.start(back).await;
            assert_eq!(back.add_peer(&url(keeps)).await.unwrap(), other.id());
            sim.clock().sleep(SECOND).await;
            let channel = other.channel(&back.id()).unwrap();
            assert_eq!((channel.remote().to_string(), other.peer_count()), ("elsewhere".to_owned(), 1));
            for node in [&ghost, &back, &other] {
                node.stop().await;
            }
        });
    }
}
