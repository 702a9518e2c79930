//! Those who do not read: a subscriber costs its own lane, a peer its own channel, and nobody else waits.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::io::AsyncWrite;
use p2p_net::disconnect::{DisconnectReason as Reason, Side};
use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::identity::{NodeId, SecretKey};
use p2p_net::message::Bytes;
use p2p_net::message::frame::Kind;
use p2p_net::node_url::NodeUrl;
use p2p_net::settings::Limits;
use p2p_net::testing::{Simulation, secret_of};
use p2p_net::transport::memory::MemoryTransport;
use p2p_net::transport::tls::TlsTransport;
use p2p_net::transport::{Connection, DialError, ListenError, Listener, Transport};
use p2p_net::{P2p, ProtocolSet, Settings};
use p2p_tests::meter::{Flat, alone};
use p2p_tests::plain::{Ask, Blob, Bulk, Bulky, Calm, Count, Desk, Tick, Unread, office};
use p2p_tests::raw::{Raw, frame, run, start};

#[test]
fn a_subscriber_that_never_reads_stops_its_own_lane_and_no_other() {
    let _alone = alone();
    let sim = Simulation::new(1);
    run(&sim, async {
        let (bob, record) = start(&sim, "bob", office(), Settings::default()).await;
        let (alice, _) = start(&sim, "alice", office(), Settings::default()).await;
        alice.add_peer(&bob.advertised()[0]).await.unwrap();
        let channel = alice.channel(&bob.id()).unwrap();
        let unread = Unread { bytes: Bytes::from(vec![0; 1000]) };
        let flat = Flat::from_now();
        let mut sent = 0;
        while channel.send(&unread).await.is_ok() {
            sent += 1;
        }
        assert!((60..=64).contains(&sent), "one window of 64 KiB, in messages of 1 KiB: {sent}");
        let began = sim.clock().elapsed();
        for n in 0..20_000 {
            channel.send(&Count { n }).await.unwrap();
            channel.send(&Tick { n: 1 }).await.unwrap();
        }
        for n in 0..100 {
            channel.send(&Blob { bytes: Bytes::from(vec![7; 900_000]) }).await.unwrap();
            assert_eq!(channel.request(Ask { n: 100 + n }).await.unwrap().n, 101 + n);
        }
        assert_eq!(sim.clock().elapsed(), began, "nobody waited");
        sim.clock().sleep(Duration::from_millis(1)).await;
        assert_eq!(record.counts.load(Ordering::Relaxed), 20_000);
        assert_eq!(record.ticks.load(Ordering::Relaxed), 20_000);
        assert_eq!(record.blobs.load(Ordering::Relaxed), 100);
        flat.check(12 << 20);
        alice.stop().await;
        bob.stop().await;
    });
}

/// The peer ignores every window, and never reads: what it makes the node write must not gather in memory.
#[test]
fn a_peer_that_floods_and_never_reads_gathers_no_answers() {
    let _alone = alone();
    let sim = Simulation::new(2);
    run(&sim, async {
        let (bob, record) = start(&sim, "bob", office(), Settings::default()).await;
        let mut raw = Raw::dial(&sim, "mallory", &bob).await;
        let tick = frame::<Tick>(Kind::Message, &[7]).repeat(2);
        let flat = Flat::from_now();
        for _ in 0..500_000 {
            raw.write(&tick).await.unwrap();
            // Until the node has taken them: they are within the window.
            sim.clock().sleep(Duration::from_nanos(1)).await;
        }
        assert_eq!(record.ticks.load(Ordering::Relaxed), 1_000_000);
        flat.check(4 << 20);
        bob.stop().await;
    });
}

async fn drop_of(events: &mut PeerEvents, of: NodeId) -> (Reason, Side) {
    loop {
        match events.next().await {
            Some(Seen::Event(PeerEvent::Drop { peer, reason })) if peer == of => return (reason.reason, reason.by),
            Some(_) => {}
            None => panic!("the node is gone"),
        }
    }
}

#[test]
fn a_peer_behind_a_dead_link_is_dropped_after_the_stall_time_and_a_broadcast_goes_on() {
    let _alone = alone();
    let sim = Simulation::new(3);
    run(&sim, async {
        let set = || ProtocolSet::empty().with::<Bulky>().with::<Calm>().with::<Desk>();
        let limits = Limits { channel_memory: 64 << 20, send_timeout: Duration::from_secs(3600), ..Limits::default() };
        let settings = || Settings { limits: limits.clone(), ..Settings::default() };
        let (alice, _) = start(&sim, "alice", set(), settings()).await;
        let (bob, _) = start(&sim, "bob", set(), settings()).await;
        let (carol, record) = start(&sim, "carol", set(), settings()).await;
        for peer in [&bob, &carol] {
            alice.add_peer(&peer.advertised()[0]).await.unwrap();
        }
        sim.clock().sleep(Duration::from_millis(1)).await;
        let mut events = alice.subscribe_events();
        sim.network().cut("alice", "bob");
        let to_bob = alice.channel(&bob.id()).unwrap();
        to_bob.send(&Bulk { bytes: Bytes::from(vec![1; 1_000_000]) }).await.unwrap();
        let (stalled, began) = (drop_of(&mut events, bob.id()), sim.clock().elapsed());
        let broadcasts = async {
            for n in 0..2000 {
                let outcomes = alice.broadcast(&Count { n }).await;
                assert!(outcomes.iter().any(|(peer, sent)| *peer == carol.id() && sent.is_ok()));
                sim.clock().sleep(Duration::from_millis(1)).await;
            }
            sim.clock().elapsed() - began
        };
        let (took, end) = futures::join!(broadcasts, async { (stalled.await, sim.clock().elapsed() - began) });
        assert_eq!(end, ((Reason::WriteStall, Side::Local), Duration::from_secs(20)));
        assert!(took < Duration::from_millis(2_150), "a tenth of a second for bob in all, not each time: {took:?}");
        assert_eq!(record.counts.load(Ordering::Relaxed), 2000);
        assert_eq!(alice.hosts().bans(), [], "slow is no crime");
        for node in [alice, bob, carol] {
            node.stop().await;
        }
    });
}

/// Bob handles one message every 90 ms, which is within what a broadcast waits; the others do not go at his pace all the same.
#[test]
fn a_peer_that_is_slow_holds_broadcasts_up_once_and_no_longer_than_one_that_is_dead() {
    let _alone = alone();
    let sim = Simulation::new(5);
    run(&sim, async {
        let set = || ProtocolSet::empty().with::<Calm>();
        let (alice, _) = start(&sim, "alice", set(), Settings::default()).await;
        let (carol, record) = start(&sim, "carol", set(), Settings::default()).await;
        alice.add_peer(&carol.advertised()[0]).await.unwrap();
        let mut bob = Raw::dial(&sim, "bob", &alice).await;
        sim.clock().sleep(Duration::from_millis(1)).await;
        // That of one message and its header.
        let credit = frame::<Count>(Kind::Window, &11_u32.to_le_bytes());
        let slow = async {
            loop {
                sim.clock().sleep(Duration::from_millis(90)).await;
                bob.write(&credit).await.unwrap();
            }
        };
        let broadcasts = async {
            let began = sim.clock().elapsed();
            for n in 0..5_000 {
                let outcomes = alice.broadcast(&Count { n }).await;
                assert!(outcomes.iter().any(|(peer, sent)| *peer == carol.id() && sent.is_ok()), "{outcomes:?}");
                sim.clock().sleep(Duration::from_millis(1)).await;
            }
            sim.clock().elapsed() - began
        };
        let took = futures::select! {
            took = Box::pin(broadcasts.fuse()) => took,
            () = Box::pin(slow.fuse()) => unreachable!("it goes on for ever"),
        };
        assert!(took > Duration::from_millis(5_090), "bob was waited for: {took:?}");
        assert!(
            took < Duration::from_millis(5_250),
            "a tenth of a second for bob, and a little for what he takes: {took:?}"
        );
        assert_eq!(record.counts.load(Ordering::Relaxed), 5_000);
    });
}

/// The same with sockets, whose buffers and those of TLS take much before anybody notices.
#[test]
fn a_peer_that_never_reads_its_socket_is_dropped_after_the_stall_time() {
    let _alone = alone();
    let executor = Arc::new(smol::Executor::new());
    smol::block_on(executor.run(async {
        let stall = Duration::from_millis(300);
        let limits = Limits { write_stall: stall, channel_memory: 64 << 20, ..Limits::default() };
        let listen = vec!["tls://127.0.0.1:0".parse().unwrap()];
        let settings = Settings { listen, limits, outbound_slots: 0, ..Settings::default() };
        let set = ProtocolSet::empty().with::<Bulky>().with::<Calm>();
        let node = P2p::builder(settings).protocols(set).without_handshake().build().await.unwrap();
        node.clone().start(executor.clone()).await.unwrap();
        let running = executor.spawn(node.clone().run(executor.clone()));
        let mut events = node.subscribe_events();
        let secret = SecretKey::generate().unwrap();
        let transport = TlsTransport::new(&secret, node.clock().clone());
        let raw = Raw::new(transport.dial(&node.advertised()[0]).await.unwrap());
        while !matches!(events.next().await, Some(Seen::Event(PeerEvent::Add { .. }))) {}
        let channel = node.channel(&secret.id()).unwrap();
        // More than any socket buffers; it waits for credit that never comes.
        let flood =
            async { while channel.send(&Bulk { bytes: Bytes::from(vec![1; 1 << 20].split_off(16)) }).await.is_ok() {} };
        let (end, ()) = futures::join!(drop_of(&mut events, secret.id()), flood);
        assert_eq!(end, (Reason::WriteStall, Side::Local));
        drop(raw);
        node.stop().await;
        assert_eq!(node.task_count(), 0);
        running.await.unwrap();
    }));
}

/// A connection that takes every byte at once and never gets rid of one, as TLS does with the first 64 KiB.
struct Swallow(MemoryTransport);

struct Stuck;

impl AsyncWrite for Stuck {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl Transport for Swallow {
    fn scheme(&self) -> &'static str {
        "memory"
    }

    fn listen<'a>(&'a self, at: &'a NodeUrl) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        self.0.listen(at)
    }

    fn dial<'a>(&'a self, to: &'a NodeUrl) -> BoxFuture<'a, Result<Connection, DialError>> {
        async { Ok(Connection { writer: Box::new(Stuck), ..self.0.dial(to).await? }) }.boxed()
    }
}

#[test]
fn a_few_bytes_that_stay_in_the_transport_are_a_stall_as_well() {
    let _alone = alone();
    let sim = Simulation::new(4);
    run(&sim, async {
        let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
        let transport = Swallow(sim.network().transport("alice", &secret_of("alice")));
        let settings = Settings { outbound_slots: 0, ..Settings::default() };
        let alice = sim.node("alice", settings).protocols(office()).without_handshake().transport(transport);
        let alice = sim.start(alice).await;
        alice.add_peer(&bob.advertised()[0]).await.unwrap();
        let mut events = alice.subscribe_events();
        let began = sim.clock().elapsed();
        alice.channel(&bob.id()).unwrap().send(&Count { n: 1 }).await.unwrap();
        assert_eq!(drop_of(&mut events, bob.id()).await, (Reason::WriteStall, Side::Local));
        // The reason has its second to reach the peer before the drop is final.
        assert!(sim.clock().elapsed() - began <= Duration::from_secs(21));
        alice.stop().await;
        bob.stop().await;
    });
}
