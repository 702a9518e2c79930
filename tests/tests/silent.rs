//! Connections that say nothing: each costs a place for the handshake timeout, and nobody waits for one.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use p2p_net::clock::Clock;
use p2p_net::disconnect::DisconnectReason as Reason;
use p2p_net::p2p::P2pPtr;
use p2p_net::testing::Simulation;
use p2p_net::transport::memory::Link;
use p2p_net::{P2p, Settings};
use p2p_tests::plain::{Ask, Greeter, office};
use p2p_tests::raw::{Raw, run, start};
use smol::Executor;

async fn tls_node(executor: &Arc<Executor<'static>>, listen: bool) -> P2pPtr {
    let listen = listen.then(|| "tls://127.0.0.1:0".parse().unwrap()).into_iter().collect();
    let settings = Settings { listen, outbound_slots: 0, ..Settings::default() };
    let node = P2p::builder(settings).protocols(office()).without_handshake().build().await.unwrap();
    node.clone().start(executor.clone()).await.unwrap();
    executor.spawn(node.clone().run(executor.clone())).detach();
    node
}

/// Honest nodes connect to a listener that `silent` connections reached first.
fn honest_nodes_connect_beside(silent: usize) {
    let executor = Arc::new(Executor::new());
    smol::block_on(executor.run(async {
        let bob = tls_node(&executor, true).await;
        let url = bob.advertised().remove(0);
        let at = (url.ip().unwrap(), url.port());
        let connections: Vec<_> = (0..silent).map(|_| TcpStream::connect(at).unwrap()).collect();
        let honest: Vec<_> = {
            let mut honest = Vec::new();
            for _ in 0..3 {
                honest.push(tls_node(&executor, false).await);
            }
            honest
        };
        let clock = Clock::real();
        let began = clock.now();
        for node in &honest {
            assert_eq!(node.add_peer(&url).await.unwrap(), bob.id());
            let channel = node.channel(&bob.id()).unwrap();
            assert_eq!(channel.request(Ask { n: 1 }).await.unwrap().n, 2);
        }
        let took = clock.now() - began;
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert_eq!(bob.peer_count(), 3);
        drop(connections);
        for node in honest.iter().chain([&bob]) {
            node.stop().await;
            assert_eq!(node.task_count(), 0);
        }
    }));
}

#[test]
fn honest_nodes_connect_beside_a_silent_connection() {
    honest_nodes_connect_beside(1);
}

#[test]
fn honest_nodes_connect_beside_a_hundred_silent_connections() {
    honest_nodes_connect_beside(100);
}

/// The first byte of a connection takes longer than the handshake may.
#[test]
fn who_says_nothing_is_dropped_at_the_handshake_timeout() {
    let sim = Simulation::new(1);
    run(&sim, async {
        let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
        sim.clock().sleep(Duration::from_secs(1)).await;
        let tasks = bob.task_count();
        sim.network().set_link("mallory", "bob", Link::with_latency(Duration::from_secs(100)));
        let dials: Vec<_> = (0..50)
            .map(|_| {
                let (bob, sim) = (bob.clone(), &sim);
                async move { Raw::dial(sim, "mallory", &bob).await }
            })
            .collect();
        let dials = futures::future::join_all(dials);
        let watch = async {
            sim.clock().sleep(Duration::from_secs(101)).await;
            assert_eq!(bob.task_count(), tasks + 50, "each in a task of its own");
            sim.clock().sleep(Duration::from_secs(3)).await;
            assert_eq!(bob.task_count(), tasks + 50, "within the timeout of 5 s");
            sim.clock().sleep(Duration::from_millis(1001)).await;
            assert_eq!(bob.task_count(), tasks, "and not longer");
        };
        let (mut raws, ()) = futures::join!(dials, watch);
        assert_eq!(raws[0].close_reason().await, None);
        drop(raws);
        assert_eq!((bob.hosts().bans(), bob.peer_count()), (vec![], 0));
        bob.stop().await;
    });
    assert_eq!(sim.network().live_connections(), 0);
}

/// Who proves a key and then does not greet has no more time than the silent.
#[test]
fn who_does_not_greet_is_told_so_at_the_handshake_timeout() {
    let sim = Simulation::new(2);
    run(&sim, async {
        let set = || office().with::<Greeter>();
        let (bob, _) = start(&sim, "bob", set(), Settings::default()).await;
        let (alice, _) = start(&sim, "alice", set(), Settings::default()).await;
        let began = sim.clock().elapsed();
        let mut raw = Raw::dial(&sim, "mallory", &bob).await;
        alice.add_peer(&bob.advertised()[0]).await.unwrap();
        assert_eq!(alice.channel(&bob.id()).unwrap().request(Ask { n: 1 }).await.unwrap().n, 2);
        assert_eq!(raw.close_reason().await, Some(Reason::HandshakeTimeout));
        assert_eq!(sim.clock().elapsed() - began, Duration::from_secs(5));
        assert_eq!((bob.hosts().bans(), bob.peer_count()), (vec![], 1));
        alice.stop().await;
        bob.stop().await;
    });
}

/// More silent ones than there are places: the one that has been silent longest gives way, the newcomer gets its turn.
#[test]
fn silent_connections_without_end_never_lock_the_door() {
    let sim = Simulation::new(3);
    run(&sim, async {
        let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
        let (alice, _) = start(&sim, "alice", office(), Settings::default()).await;
        sim.network().set_link("mallory", "bob", Link::with_latency(Duration::from_secs(100)));
        let dial = |after: u64| {
            let (bob, sim) = (bob.clone(), &sim);
            async move {
                sim.clock().sleep(Duration::from_millis(after)).await;
                Raw::dial(sim, "mallory", &bob).await
            }
        };
        // One a millisecond: some 5,000 at once, were there no bound.
        let flood = futures::future::join_all((0..3000).map(dial));
        let honest = async {
            sim.clock().sleep(Duration::from_secs(102)).await;
            assert!(bob.task_count() < 80, "{}", bob.task_count());
            alice.add_peer(&bob.advertised()[0]).await.unwrap()
        };
        let (raws, connected) = futures::join!(flood, honest);
        assert_eq!((raws.len(), connected), (3000, bob.id()));
        drop(raws);
        alice.stop().await;
        bob.stop().await;
    });
}
