//! What one protocol's failure costs: its own work, or the channel, as `protocol/jobs.rs` says, and never a sibling's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use p2p_net::clock::Clock;
use p2p_net::disconnect::DisconnectReason as Reason;
use p2p_net::node_url::NodeUrl;
use p2p_net::p2p::P2pPtr;
use p2p_net::protocol::{Construct, Context, Phase, Protocol, ProtocolBase, ProtocolDescriptor};
use p2p_net::testing::Simulation;
use p2p_net::transport::{Connection, DialError, Incoming, ListenError, Listener, Transport};
use p2p_net::{Channel, ProtocolSet, Result, SessionFlags, Settings};
use p2p_tests::plain::{Ask, Calm, Count, Desk, Note, Record, office};
use p2p_tests::raw::{run, start};

async fn pair(sim: &Simulation, of_bob: ProtocolSet) -> (P2pPtr, P2pPtr, Arc<Record>) {
    let (bob, record) = start(sim, "bob", of_bob, Settings::default()).await;
    let (alice, _) = start(sim, "alice", office(), Settings::default()).await;
    alice.add_peer(&bob.advertised()[0]).await.unwrap();
    (alice, bob, record)
}

async fn note(channel: &Channel, text: &str) {
    channel.send(&Note { text: text.to_owned() }).await.unwrap();
}

/// Counts to `n` through a window that holds a few hundred of them.
async fn count(channel: &Channel, n: usize) {
    for _ in 0..n {
        channel.send(&Count { n: 1 }).await.unwrap();
    }
}

#[test]
fn a_handler_that_panics_ends_its_protocol_on_that_channel_and_nothing_else() {
    let sim = Simulation::new(1);
    run(&sim, async {
        let (alice, bob, record) = pair(&sim, office()).await;
        let (carol, _) = start(&sim, "carol", office(), Settings::default()).await;
        carol.add_peer(&bob.advertised()[0]).await.unwrap();
        let channel = alice.channel(&bob.id()).unwrap();
        note(&channel, "panic").await;
        count(&channel, 10_000).await;
        // Nobody reads the protocol's messages any more, and nobody is held up: what arrives is dropped.
        for _ in 0..1000 {
            note(&channel, &"x".repeat(4000)).await;
        }
        sim.clock().sleep(Duration::from_secs(1)).await;
        assert_eq!((record.counts.load(Ordering::Relaxed), record.notes().len()), (10_000, 0));
        assert!(channel.disconnect().is_none());
        note(&carol.channel(&bob.id()).unwrap(), "still here").await;
        assert_eq!(carol.channel(&bob.id()).unwrap().request(Ask { n: 1 }).await.unwrap().n, 2);
        assert_eq!(record.notes(), ["still here"], "the protocol lives on every other channel");
        for node in [alice, carol, bob] {
            node.stop().await;
        }
    });
}

/// A job that panics at its third second, and one that counts seconds beside it.
struct Twins;

static SECONDS: AtomicUsize = AtomicUsize::new(0);

impl Protocol for Twins {
    const DESCRIPTOR: &'static ProtocolDescriptor = &ProtocolDescriptor {
        name: "twins",
        version: 1,
        sessions: SessionFlags::ALL,
        phase: Phase::Main,
        handlers: &[],
        requires: &[],
        construct: Construct::Channel(|_| async { Ok(Arc::new(Twins) as Arc<dyn ProtocolBase>) }.boxed()),
        at: concat!(file!(), ":", line!()),
        module: module_path!(),
        docs: "",
    };
}

impl ProtocolBase for Twins {
    fn name(&self) -> &'static str {
        "twins"
    }

    fn start(self: Arc<Self>, context: Context) -> BoxFuture<'static, Result<()>> {
        let second = |clock: Clock| async move { clock.sleep(Duration::from_secs(1)).await };
        let clock = context.node().clock().clone();
        context.jobs().spawn(async move {
            loop {
                second(clock.clone()).await;
                SECONDS.fetch_add(1, Ordering::Relaxed);
            }
        });
        let clock = context.node().clock().clone();
        context.jobs().spawn(async move {
            clock.sleep(Duration::from_millis(3500)).await;
            panic!("a job that panics")
        });
        async { Ok(()) }.boxed()
    }
}

#[test]
fn a_job_that_panics_takes_the_other_jobs_of_its_protocol_with_it() {
    let sim = Simulation::new(8);
    run(&sim, async {
        let (alice, bob, _) = pair(&sim, office().with::<Twins>()).await;
        sim.clock().sleep(Duration::from_secs(60)).await;
        assert_eq!(SECONDS.load(Ordering::Relaxed), 3);
        assert_eq!(alice.channel(&bob.id()).unwrap().request(Ask { n: 1 }).await.unwrap().n, 2);
        alice.stop().await;
        bob.stop().await;
    });
}

#[test]
fn a_handler_that_fails_ends_the_channel_and_the_peer_is_told_which() {
    let sim = Simulation::new(2);
    run(&sim, async {
        let (alice, bob, _) = pair(&sim, office()).await;
        let channel = alice.channel(&bob.id()).unwrap();
        note(&channel, "error").await;
        let end = channel.closed().await;
        assert_eq!((end.reason, end.detail.as_str()), (Reason::HandlerFailed, "desk"));
        assert_eq!(bob.hosts().bans(), []);
        alice.stop().await;
        bob.stop().await;
    });
}

#[test]
fn a_handler_that_sleeps_for_ever_holds_up_its_own_lanes_and_no_other() {
    let sim = Simulation::new(3);
    run(&sim, async {
        let (alice, bob, record) = pair(&sim, office()).await;
        let channel = alice.channel(&bob.id()).unwrap();
        note(&channel, "sleep").await;
        count(&channel, 10_000).await;
        sim.clock().sleep(Duration::from_secs(1)).await;
        assert_eq!(record.counts.load(Ordering::Relaxed), 10_000);
        let mut taken = 0;
        let error = loop {
            match channel.send(&Note { text: "x".repeat(4000) }).await {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(taken, 16, "a window of 64 KiB and not a byte more");
        assert_eq!(error.to_string(), "the peer took no `note` for 20s");
        assert!(channel.disconnect().is_none(), "slow is no crime");
        alice.stop().await;
        bob.stop().await;
        assert_eq!(bob.task_count(), 0, "stopping does not wait for it");
    });
}

#[test]
fn a_handler_that_refuses_a_request_says_so_and_goes_on() {
    let sim = Simulation::new(4);
    run(&sim, async {
        let (alice, bob, _) = pair(&sim, office()).await;
        let channel = alice.channel(&bob.id()).unwrap();
        let error = channel.request(Ask { n: 13 }).await.unwrap_err();
        assert_eq!(error.to_string(), "the peer could not answer `ask`: not that number");
        assert_eq!(channel.request(Ask { n: 14 }).await.unwrap().n, 15);
        alice.stop().await;
        bob.stop().await;
    });
}

/// Panics before it has started anything, in a constructor or in `start`.
macro_rules! clumsy {
    ($name:ident, $phase:ident, $construct:expr) => {
        struct $name;

        impl Protocol for $name {
            const DESCRIPTOR: &'static ProtocolDescriptor = &ProtocolDescriptor {
                name: stringify!($name),
                version: 1,
                sessions: SessionFlags::ALL,
                phase: Phase::$phase,
                handlers: &[],
                requires: &[],
                construct: Construct::Channel($construct),
                at: concat!(file!(), ":", line!()),
                module: module_path!(),
                docs: "",
            };
        }

        impl ProtocolBase for $name {
            fn name(&self) -> &'static str {
                stringify!($name)
            }

            fn start(self: Arc<Self>, _: Context) -> BoxFuture<'static, Result<()>> {
                panic!("a start that panics")
            }
        }
    };
}

clumsy!(Stillborn, Main, |_| panic!("a constructor that panics"));
clumsy!(Stumbles, Main, |_| async { Ok(Arc::new(Stumbles) as Arc<dyn ProtocolBase>) }.boxed());
clumsy!(Rude, Handshake, |_| async { Ok(Arc::new(Rude) as Arc<dyn ProtocolBase>) }.boxed());

#[test]
fn a_protocol_that_panics_when_it_starts_ends_alone() {
    let sim = Simulation::new(5);
    run(&sim, async {
        let (alice, bob, record) = pair(&sim, office().with::<Stumbles>()).await;
        let channel = alice.channel(&bob.id()).unwrap();
        count(&channel, 1000).await;
        assert_eq!(channel.request(Ask { n: 1 }).await.unwrap().n, 2);
        sim.clock().sleep(Duration::from_secs(1)).await;
        assert_eq!(record.counts.load(Ordering::Relaxed), 1000);
        alice.stop().await;
        bob.stop().await;
    });
}

#[test]
fn a_constructor_or_a_handshake_that_panics_ends_the_channel_and_no_session() {
    for protocols in [office().with::<Stillborn>(), office().with::<Rude>()] {
        let sim = Simulation::new(6);
        run(&sim, async {
            let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
            let settings = Settings { peers: bob.advertised(), ..Settings::default() };
            let (alice, _) = start(&sim, "alice", protocols.clone(), settings).await;
            let dialled = sim.trace_hash();
            sim.clock().sleep(Duration::from_secs(60)).await;
            let tried = sim.trace_hash();
            sim.clock().sleep(Duration::from_secs(3600)).await;
            assert!(dialled != tried && tried != sim.trace_hash(), "the slot goes on trying");
            assert_eq!(bob.hosts().bans(), []);
            alice.stop().await;
            bob.stop().await;
        });
    }
}

#[test]
#[should_panic(expected = "a task of node")]
fn a_panic_in_a_task_of_the_node_fails_the_simulation() {
    let sim = Simulation::new(7);
    run(&sim, async {
        let settings = Settings { outbound_slots: 0, ..Settings::default() };
        let set = ProtocolSet::empty().with::<Desk>().with::<Calm>();
        let node = sim.node("alice", settings).protocols(set).without_handshake();
        let node = node.transport(Faulty).build().await.unwrap();
        sim.launch(&node).await;
        let _ = node.add_peer(&"memory://bob:1".parse().unwrap()).await;
    });
}

/// A transport with a fault of the kind that a task of the node itself could have.
struct Faulty;

impl Transport for Faulty {
    fn scheme(&self) -> &'static str {
        "memory"
    }

    fn listen<'a>(&'a self, _: &'a NodeUrl) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        async { Ok(Box::new(Nobody) as Box<dyn Listener>) }.boxed()
    }

    fn dial<'a>(&'a self, _: &'a NodeUrl) -> BoxFuture<'a, Result<Connection, DialError>> {
        panic!("a transport that panics")
    }
}

/// Nobody ever arrives.
struct Nobody;

impl Listener for Nobody {
    fn url(&self) -> NodeUrl {
        "memory://alice:1".parse().unwrap()
    }

    fn accept(&self) -> BoxFuture<'_, std::io::Result<Incoming>> {
        futures::future::pending().boxed()
    }
}

#[test]
fn a_send_that_waits_for_space_and_is_never_looked_at_again_holds_up_nobody() {
    let sim = Simulation::new(1);
    run(&sim, async {
        let (alice, bob, record) = pair(&sim, office()).await;
        let channel = alice.channel(&bob.id()).unwrap();
        let large = Note { text: "x".repeat(4000) };
        let forgotten = loop {
            let mut sending = channel.send(&large).boxed();
            if (&mut sending).now_or_never().is_none() {
                break sending;
            }
        };
        let begun = sim.clock().now();
        let notes = async {
            for _ in 0..1000 {
                channel.send(&large).await.unwrap();
            }
        };
        futures::join!(notes, count(&channel, 10_000), count(&channel, 10_000));
        assert!(sim.clock().now() - begun < Duration::from_secs(1), "nobody waited until its time was over");
        drop(forgotten);
        channel.request(Ask { n: 1 }).await.unwrap();
        assert_eq!(record.counts.load(Ordering::Relaxed), 20_000);
        for node in [alice, bob] {
            node.stop().await;
        }
    });
}
