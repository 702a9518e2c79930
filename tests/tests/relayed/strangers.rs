//! Who opens relayed connections and says no more, or may not: bounded places for a bounded time, and nobody else waits.

use super::*;

#[test]
fn relayed_channels_are_bounded_and_banned_peers_get_none() {
    let sim = Simulation::new(11);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let limits = Limits { relayed_channels: 2, ..Limits::default() };
        let hub = start(&sim, "hub", Settings { limits, max_peers: 3, ..Settings::default() }).await;
        let mut relays = vec![over(&carrier, &hub)];
        let mut nodes = vec![hub.clone()];
        for n in 0..4 {
            let node = start(&sim, &format!("node{n}"), Settings::default()).await;
            relays.push(over(&carrier, &node));
            nodes.push(node);
        }
        for relay in &relays[1..3] {
            relay.dial(hub.id()).await.unwrap();
        }
        match relays[3].dial(hub.id()).await {
            Err(RelayedError::Refused { reason, .. }) => assert_eq!(reason.reason, DisconnectReason::TooManyPeers),
            other => panic!("{other:?}"),
        }
        assert_eq!(nodes[3].add_peer(&hub.advertised()[0]).await.unwrap(), hub.id(), "there is room for a direct one");
        let full = nodes[4].add_peer(&hub.advertised()[0]).await.unwrap_err().to_string();
        assert!(full.contains("too many peers"), "relayed ones are peers, too: {full}");
        let until = UnixTime(sim.clock().unix_seconds() + 3600);
        hub.hosts().ban(Ban { who: Culprit::Key(nodes[4].id()), until });
        let banned = relays[4].dial(hub.id()).await.unwrap_err();
        assert!(matches!(banned, RelayedError::Dial { .. }), "{banned}");
        stop(&nodes, &relays).await;
    });
}

/// Strangers open connections and say nothing more: they cost a bounded number of places for a bounded time.
#[test]
fn connections_that_are_never_finished_are_bounded() {
    let sim = Simulation::new(12);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let hub = start(&sim, "hub", Settings::default()).await;
        let relay = over(&carrier, &hub);
        // Version 1, OPEN, a number; no payload.
        let open = |number: u8| [&[1, 1, number][..], &[0; 28]].concat();
        let ports: Vec<_> = (0..40).map(|n| carrier.port(secret_of(&format!("stranger{n}")).id())).collect();
        for port in &ports {
            for number in 0..20 {
                port.send(&hub.id(), open(number)).await;
            }
        }
        sim.clock().sleep(SECOND).await;
        assert_eq!(relay.connections(), 16);
        sim.clock().sleep(20 * SECOND).await;
        assert_eq!((relay.connections(), hub.peer_count()), (0, 0));
        stop(&[hub], &[relay]).await;
    });
}

#[test]
fn strangers_that_open_connections_and_say_no_more_keep_nobody_out() {
    let sim = Simulation::new(16);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let (nodes, relays) = two(&sim, &carrier).await;
        let open = |number: u8| [&[1, 1, number][..], &[0; 28]].concat();
        let ports: Vec<_> = (0..16).map(|n| carrier.port(secret_of(&format!("stranger{n}")).id())).collect();
        // Twenty in a second, of which each would have a place.
        let strangers = async {
            for number in 0..100 {
                ports[usize::from(number) % 16].send(&nodes[1].id(), open(number)).await;
                sim.clock().sleep(SECOND / 20).await;
            }
        };
        let honest = async {
            sim.clock().sleep(2 * SECOND).await;
            assert!(relays[1].connections() >= 16, "all places are taken");
            relays[0].dial(nodes[1].id()).await
        };
        let ((), honest) = join(strangers, honest).await;
        assert_eq!(honest.unwrap().peer_id(), nodes[1].id());
        stop(&nodes, &relays).await;
    });
}

#[test]
fn a_stranger_that_proves_nothing_is_forgotten_at_once() {
    let sim = Simulation::new(17);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let hub = start(&sim, "hub", Settings::default()).await;
        let relay = over(&carrier, &hub);
        let stranger = carrier.port(secret_of("stranger").id());
        // Room for what is said, and what is no TLS.
        let head = [&[1, 1, 9][..], &[0; 23], &[0, 0, 1, 0, 0]].concat();
        stranger.send(&hub.id(), [&head[..], b"this is no handshake"].concat()).await;
        sim.clock().sleep(SECOND).await;
        assert_eq!(relay.connections(), 0, "nobody waits for what would still be said to it");
        stop(&[hub], &[relay]).await;
    });
}

/// A carrier that takes nothing for one node, however long it is waited for.
struct Stuck(Arc<dyn Datagrams>, NodeId);

impl Datagrams for Stuck {
    fn max_datagram(&self) -> usize {
        self.0.max_datagram()
    }

    fn send<'a>(&'a self, to: &'a NodeId, datagram: Vec<u8>) -> BoxFuture<'a, ()> {
        if *to == self.1 { futures::future::pending().boxed() } else { self.0.send(to, datagram) }
    }

    fn receive(&self) -> BoxFuture<'_, io::Result<(NodeId, Vec<u8>)>> {
        self.0.receive()
    }
}

#[test]
fn who_is_refused_holds_up_nobody() {
    let sim = Simulation::new(18);
    sim.run(async {
        let carrier = carrier(&sim, 0.0);
        let (alice, bob) =
            (start(&sim, "alice", Settings::default()).await, start(&sim, "bob", Settings::default()).await);
        let stranger = secret_of("stranger").id();
        let stuck = Stuck(carrier.port(bob.id()), stranger);
        let relays = [over(&carrier, &alice), bob.relay_over(Arc::new(stuck)).unwrap()];
        let unknown = [&[1, 0, 9][..], &[0; 28]].concat();
        for _ in 0..3 {
            carrier.port(stranger).send(&bob.id(), unknown.clone()).await;
        }
        sim.clock().sleep(SECOND).await;
        let channel = sim.clock().timeout(5 * SECOND, relays[0].dial(bob.id())).await.expect("bob hears").unwrap();
        assert_eq!(channel.peer_id(), bob.id());
        stop(&[alice, bob], &relays).await;
    });
}
