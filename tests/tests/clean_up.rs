//! After any number of connects and drops everything is back to where it was: tasks, sockets, memory.

use std::sync::Arc;
use std::time::Duration;

use p2p_net::disconnect::DisconnectReason as Reason;
use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::identity::SecretKey;
use p2p_net::message::Bytes;
use p2p_net::p2p::P2pPtr;
use p2p_net::testing::{Simulation, secret_of};
use p2p_net::transport::Transport;
use p2p_net::transport::tls::TlsTransport;
use p2p_net::{P2p, Settings};
use p2p_tests::meter::{Flat, alone, open_files};
use p2p_tests::plain::{Blob, Deaf, Note, office};
use p2p_tests::raw::{Raw, frame, run, start};

const ROUNDS: usize = 1000;

async fn next_drop(events: &mut PeerEvents) {
    while !matches!(events.next().await, Some(Seen::Event(PeerEvent::Drop { .. }))) {}
}

/// Ends a connection in one of the ways there are.
async fn drop_somehow(round: usize, sim: &Simulation, bob: &P2pPtr, mut raw: Raw) {
    let mallory = secret_of("mallory").id();
    // Until the node has accepted it.
    sim.clock().sleep(Duration::from_nanos(1)).await;
    match round % 4 {
        0 => drop(raw),
        1 => sim.network().reset("mallory", "bob"),
        2 => {
            if let Some(channel) = bob.channel(&mallory) {
                channel.close(Reason::Requested, "enough");
            }
        }
        _ => {
            // Half a message in parts, and a lot that nobody reads.
            let part = frame::<Blob>(p2p_net::message::frame::Kind::Part, &[0; 60_000]);
            raw.write(&part.repeat(3)).await.unwrap();
            if let Some(channel) = bob.channel(&mallory) {
                let _ = channel.send(&Blob { bytes: Bytes::from(vec![1; 1_000_000]) }).await;
            }
        }
    }
}

#[test]
fn a_thousand_connections_in_memory_leave_nothing() {
    let _alone = alone();
    let sim = Simulation::new(1);
    run(&sim, async {
        let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
        sim.clock().sleep(Duration::from_secs(5)).await;
        let (tasks, mut events) = (bob.task_count(), bob.subscribe_events());
        let mut flat = Flat::from_now();
        for round in 0..ROUNDS {
            if round == 50 {
                flat = Flat::from_now();
            }
            let raw = Raw::dial(&sim, "mallory", &bob).await;
            drop_somehow(round, &sim, &bob, raw).await;
            next_drop(&mut events).await;
        }
        sim.clock().sleep(Duration::from_secs(5)).await;
        assert_eq!((bob.task_count(), bob.peer_count(), bob.channels().len()), (tasks, 0, 0));
        assert_eq!(sim.network().live_connections(), 0);
        assert_eq!(bob.hosts().bans(), []);
        flat.check(1 << 20);
        bob.stop().await;
        assert_eq!(bob.task_count(), 0);
    });
    while sim.executor().try_tick() {}
    assert!(sim.executor().is_empty());
}

#[test]
fn nodes_that_stop_and_start_again_leave_nothing() {
    let _alone = alone();
    let sim = Simulation::new(2);
    run(&sim, async {
        let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
        sim.clock().sleep(Duration::from_secs(5)).await;
        let tasks = bob.task_count();
        for _ in 0..100 {
            let (alice, _) = start(&sim, "alice", office(), Settings::default()).await;
            alice.add_peer(&bob.advertised()[0]).await.unwrap();
            let channel = alice.channel(&bob.id()).unwrap();
            channel.send(&Note { text: "hello".to_owned() }).await.unwrap();
            alice.stop().await;
            assert_eq!(alice.task_count(), 0);
        }
        sim.clock().sleep(Duration::from_secs(5)).await;
        assert_eq!((bob.task_count(), bob.peer_count()), (tasks, 0));
        assert_eq!(sim.network().live_connections(), 0);
        bob.stop().await;
    });
}

#[test]
fn a_thousand_sockets_are_all_closed() {
    let _alone = alone();
    let executor = Arc::new(smol::Executor::new());
    smol::block_on(executor.run(async {
        let listen = vec!["tls://127.0.0.1:0".parse().unwrap()];
        let settings = Settings { listen, outbound_slots: 0, ..Settings::default() };
        // A handler that never ends would have its second after every connection.
        let bob =
            P2p::builder(settings).protocols(office().without::<Deaf>()).without_handshake().build().await.unwrap();
        bob.clone().start(executor.clone()).await.unwrap();
        let running = executor.spawn(bob.clone().run(executor.clone()));
        let (url, mut events) = (bob.advertised().remove(0), bob.subscribe_events());
        let secret = SecretKey::generate().unwrap();
        let transport = TlsTransport::new(&secret, bob.clock().clone());
        let (mut flat, mut files, mut tasks) = (Flat::from_now(), 0, 0);
        for round in 0..ROUNDS {
            let mut raw = Raw::new(transport.dial(&url).await.unwrap());
            while !matches!(events.next().await, Some(Seen::Event(PeerEvent::Add { .. }))) {}
            if round % 2 == 0 {
                bob.channel(&secret.id()).unwrap().close(Reason::Requested, "enough");
                assert_eq!(raw.close_reason().await, Some(Reason::Requested));
            }
            drop(raw);
            next_drop(&mut events).await;
            if round == 50 {
                // By now everything has been there once that stays.
                while bob.task_count() > 4 {
                    smol::future::yield_now().await;
                }
                (flat, files, tasks) = (Flat::from_now(), open_files(), bob.task_count());
            }
        }
        while bob.task_count() > tasks {
            smol::future::yield_now().await;
        }
        assert!(open_files() <= files, "{} files, {files} before", open_files());
        assert_eq!(bob.peer_count(), 0);
        flat.check(1 << 20);
        bob.stop().await;
        assert_eq!(bob.task_count(), 0);
        running.await.unwrap();
    }));
}
