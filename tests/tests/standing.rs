//! How a peer stands with a node: trusted ones are admitted however many there are, static ones are kept, and a share of the
//! places is for each of those who dial and those who are dialled.

use std::time::Duration;

use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::hosts::UnixTime;
use p2p_net::hosts::bans::{Ban, Culprit};
use p2p_net::prelude::*;
use p2p_net::session::ConnectError;
use p2p_net::testing::{Simulation, secret_of};
use p2p_net::transport::DialError;
use p2p_net::{P2pPtr, ProtocolSet};
use p2p_protocols::version::ProtocolVersion;

const SECOND: Duration = Duration::from_secs(1);

async fn start(sim: &Simulation, host: &str, settings: Settings) -> P2pPtr {
    sim.start(sim.node(host, settings).protocols(ProtocolSet::empty().with::<ProtocolVersion>())).await
}

fn quiet() -> Settings {
    Settings { outbound_slots: 0, ..Settings::default() }
}

/// Dials `to`, and says what came of it without the words.
async fn dial(from: &P2pPtr, to: &P2pPtr) -> Result<NodeId, (DisconnectReason, Side)> {
    from.add_peer(&to.advertised()[0]).await.map_err(|error| match error {
        ConnectError::Refused { reason, .. } => (reason.reason, reason.by),
        other => panic!("{other}"),
    })
}

async fn stop(nodes: &[&P2pPtr]) {
    for node in nodes {
        node.stop().await;
    }
}

async fn dropped(events: &mut PeerEvents) -> (NodeId, DisconnectReason) {
    loop {
        if let Seen::Event(PeerEvent::Drop { peer, reason }) = events.next().await.expect("the node runs") {
            return (peer, reason.reason);
        }
    }
}

#[test]
fn a_trusted_peer_is_admitted_above_the_limit_whoever_dials() {
    let sim = Simulation::new(1);
    sim.run(async {
        let full = Settings { max_peers: 1, trusted: vec![secret_of("carol").id()], ..quiet() };
        let alice = start(&sim, "alice", full).await;
        let [bob, carol, dave, erin] = [
            start(&sim, "bob", quiet()).await,
            start(&sim, "carol", quiet()).await,
            start(&sim, "dave", quiet()).await,
            start(&sim, "erin", quiet()).await,
        ];
        assert_eq!(dial(&bob, &alice).await, Ok(alice.id()));
        assert_eq!(dial(&carol, &alice).await, Ok(alice.id()), "the settings trust carol");
        let refused = Err((DisconnectReason::TooManyPeers, Side::Remote));
        assert_eq!(dial(&dave, &alice).await, refused);
        assert!(alice.trust(dave.id()) && !alice.trust(dave.id()));
        assert_eq!(dial(&dave, &alice).await, Ok(alice.id()), "trusted at run time");
        assert_eq!(dial(&alice, &erin).await, Err((DisconnectReason::TooManyPeers, Side::Local)));
        alice.trust(erin.id());
        assert_eq!(dial(&alice, &erin).await, Ok(erin.id()), "nor when alice dials");
        assert_eq!(alice.peer_count(), 4);
        let stands = |peer: &P2pPtr| {
            let info = alice.peers().into_iter().find(|info| info.id == peer.id()).expect("connected");
            (info.trusted, info.is_static, info.inbound)
        };
        assert_eq!((stands(&bob), stands(&dave)), ((false, false, true), (true, false, true)));
        assert_eq!(stands(&erin), (true, true, false));

        assert!(alice.distrust(&dave.id()) && !alice.distrust(&dave.id()));
        assert_eq!((stands(&dave), alice.peer_count()), ((false, false, true), 4), "it stays connected");
        dave.remove_peer(&alice.id());
        sim.clock().sleep(SECOND).await;
        assert_eq!(dial(&dave, &alice).await, refused, "but does not come back");
        stop(&[&alice, &bob, &carol, &dave, &erin]).await;
    });
}

#[test]
fn a_ban_holds_for_a_trusted_peer_too() {
    let sim = Simulation::new(2);
    sim.run(async {
        let (alice, bob) = (start(&sim, "alice", quiet()).await, start(&sim, "bob", quiet()).await);
        alice.trust(bob.id());
        let until = UnixTime(sim.clock().unix_seconds() + 60);
        alice.hosts().ban(Ban { who: Culprit::Key(bob.id()), until });
        assert_eq!(dial(&bob, &alice).await, Err((DisconnectReason::Banned, Side::Remote)));
        stop(&[&alice, &bob]).await;
    });
}

#[test]
fn those_who_dial_never_take_the_places_of_those_who_are_dialled() {
    let sim = Simulation::new(3);
    sim.run(async {
        // A third of six places is for two peers of alice's own choice.
        let alice = start(&sim, "alice", Settings { max_peers: 6, outbound_slots: 4, ..Settings::default() }).await;
        let mut others = Vec::new();
        for n in 0..6 {
            // None of them tells where it listens, so that alice dials nobody by herself.
            let nowhere = vec![format!("memory://nowhere{n}:1").parse().unwrap()];
            others.push(start(&sim, &format!("node{n}"), Settings { external: nowhere, ..quiet() }).await);
        }
        for other in &others[..4] {
            assert_eq!(dial(other, &alice).await, Ok(alice.id()));
        }
        assert_eq!(dial(&others[4], &alice).await, Err((DisconnectReason::TooManyPeers, Side::Remote)));
        let own = "memory://node5:1".parse().unwrap();
        assert_eq!(alice.add_peer(&own).await.unwrap(), others[5].id(), "a place was kept");
        alice.trust(others[4].id());
        assert_eq!(dial(&others[4], &alice).await, Ok(alice.id()));
        stop(&[&alice]).await;
        stop(&others.iter().collect::<Vec<_>>()).await;
    });
}

#[test]
fn no_more_slots_are_filled_than_the_dial_ratio_leaves() {
    let sim = Simulation::new(4);
    sim.run(async {
        let mut others = Vec::new();
        for n in 0..8 {
            others.push(start(&sim, &format!("node{n}"), quiet()).await);
        }
        let settings = |dial_ratio| Settings { max_peers: 8, dial_ratio, ..Settings::default() };
        for (host, ratio, filled) in [("alice", 2, 4), ("bob", 1, 8), ("carol", 4, 2), ("dave", 100, 1)] {
            let node = start(&sim, host, settings(ratio)).await;
            for other in &others {
                let url = other.advertised().remove(0);
                node.hosts().reached(&url, other.id()).unwrap();
            }
            sim.clock().sleep(30 * SECOND).await;
            assert_eq!((node.session_outbound().connected(), node.peer_count()), (filled, filled), "1 in {ratio}");
            node.stop().await;
        }
        stop(&others.iter().collect::<Vec<_>>()).await;
    });
}

#[test]
fn adding_a_peer_says_what_came_of_it() {
    let sim = Simulation::new(5);
    sim.run(async {
        let (alice, bob) = (start(&sim, "alice", quiet()).await, start(&sim, "bob", quiet()).await);
        let to_bob = bob.advertised().remove(0);
        let nobody = alice.add_peer(&"memory://nobody:1".parse().unwrap()).await.unwrap_err();
        assert!(matches!(nobody, ConnectError::Dial { error: DialError::Connect { .. }, .. }), "{nobody:?}");
        let mallory = secret_of("mallory").id();
        let wrong = alice.add_peer(&to_bob.with_id(mallory)).await.unwrap_err();
        assert!(matches!(wrong, ConnectError::Dial { error: DialError::UnexpectedIdentity { .. }, .. }), "{wrong:?}");
        let full = start(&sim, "full", Settings { max_peers: 0, ..quiet() }).await;
        assert_eq!(dial(&alice, &full).await, Err((DisconnectReason::TooManyPeers, Side::Remote)));
        assert_eq!(alice.peer_count(), 0);
        assert_eq!(dial(&alice, &bob).await, Ok(bob.id()));
        for again in [to_bob.clone(), to_bob.without_id()] {
            assert_eq!(alice.add_peer(&again).await.unwrap(), bob.id(), "connected already");
        }
        stop(&[&alice, &bob, &full]).await;
        let stopped = alice.add_peer(&to_bob).await.unwrap_err();
        assert!(matches!(stopped, ConnectError::NotRunning), "{stopped:?}");
    });
}

/// Bob, who dialled, is as good as dialled; and alice keeps him from then on.
#[test]
fn adding_a_peer_that_is_connected_by_its_own_dial_keeps_it() {
    for with_id in [true, false] {
        let sim = Simulation::new(6);
        sim.run(async {
            let (alice, bob) = (start(&sim, "alice", quiet()).await, start(&sim, "bob", quiet()).await);
            assert_eq!(dial(&bob, &alice).await, Ok(alice.id()));
            let to_bob = bob.advertised().remove(0);
            let to_bob = if with_id { to_bob } else { to_bob.without_id() };
            assert_eq!(alice.add_peer(&to_bob).await.unwrap(), bob.id());
            sim.clock().sleep(SECOND).await;
            let info = alice.peers().remove(0);
            assert_eq!((info.is_static, info.inbound), (true, true), "his connection, kept as one of hers");
            // He will not dial again: she does.
            let mut events = alice.subscribe_events();
            bob.remove_peer(&alice.id());
            assert_eq!(dropped(&mut events).await, (bob.id(), DisconnectReason::Requested));
            sim.clock().sleep(5 * SECOND).await;
            let info = alice.peers().remove(0);
            assert_eq!((info.is_static, info.inbound), (true, false), "with an id: {with_id}");
            stop(&[&alice, &bob]).await;
        });
    }
}

#[test]
fn a_peer_that_is_removed_is_not_dialled_again() {
    let sim = Simulation::new(7);
    sim.run(async {
        let bob = start(&sim, "bob", quiet()).await;
        let alice = start(&sim, "alice", Settings { peers: bob.advertised(), ..quiet() }).await;
        sim.clock().sleep(SECOND).await;
        assert!(alice.peers()[0].is_static);
        let mut events = bob.subscribe_events();
        assert!(alice.remove_peer(&bob.id()));
        assert_eq!(dropped(&mut events).await, (alice.id(), DisconnectReason::Requested));
        sim.clock().sleep(600 * SECOND).await;
        assert_eq!(bob.peer_count(), 0);
        assert!(!alice.remove_peer(&bob.id()), "neither kept nor connected");
        assert_eq!(dial(&alice, &bob).await, Ok(bob.id()), "until it is added again");
        stop(&[&alice, &bob]).await;
    });
}
