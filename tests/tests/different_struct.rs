//! Two nodes with one protocol, one version, and another struct: the protocol does not run, both ends are told both
//! fingerprints, and what they do share goes on. Never garbage.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::{local, logs, on_threads, run};
use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::message::MessageSpec;
use p2p_net::p2p::P2pBuilder;
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_net::{P2p, ProtocolSet};
use p2p_protocols::version::ProtocolVersion;

/// What handlers of the protocol that differs were given.
#[derive(Default)]
struct Garbage(AtomicUsize);

/// One protocol as it was, and as somebody changed it without another version.
macro_rules! build {
    ($module:ident { $($field:ident: $type:ty),* }) => {
        mod $module {
            use super::Garbage;
            use p2p_net::prelude::*;
            use std::sync::atomic::Ordering;

            #[derive(Default, Message, Serialize, Deserialize)]
            #[message(max_bytes = 1024, reply = Heard)]
            pub struct Say { $(pub $field: $type),* }

            #[derive(Debug, Message, Serialize, Deserialize)]
            #[message(max_bytes = 16)]
            pub struct Heard;

            #[derive(Message, Serialize, Deserialize)]
            #[message(max_bytes = 16)]
            pub struct Wave;

            #[derive(Default)]
            pub struct Chat;

            #[protocol]
            impl Chat {
                #[on]
                async fn say(&self, _say: Say, garbage: State<Garbage>) -> Heard {
                    garbage.0.fetch_add(1, Ordering::Relaxed);
                    Heard
                }

                #[on]
                async fn wave(&self, _wave: Wave, garbage: State<Garbage>) {
                    garbage.0.fetch_add(1, Ordering::Relaxed);
                }
            }

            #[derive(Message, Serialize, Deserialize)]
            #[message(max_bytes = 1024)]
            pub struct Knock { $($field: $type),* }

            #[derive(Default)]
            pub struct Door;

            #[protocol(phase = handshake)]
            impl Door {
                #[on]
                async fn knock(&self, _knock: Knock, garbage: State<Garbage>) {
                    garbage.0.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
}
build!(old { amount: u32, text: String });
build!(new { text: String, amount: u32 });

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Doubled)]
struct Double(u32);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Doubled(u32);

/// What both have.
#[protocol]
async fn doubles(Double(number): Double) -> Doubled {
    Doubled(number * 2)
}

fn shared() -> ProtocolSet {
    ProtocolSet::empty().with::<ProtocolVersion>().with::<doubles>()
}

fn print<M: Message>() -> String {
    format!("{:016x}", MessageSpec::of::<M>().terms())
}

/// What says at one end that `chat` does not run.
fn why(here: &str, there: &str) -> String {
    format!(
        "protocol chat/1 is not run: message `say` (its fields, max_bytes, window or rate) is {here} here and {there} there; \
         give the changed protocol a new version"
    )
}

/// What holds of two connected nodes, of which one has the old `Say` and the other the new.
async fn differ(old: &P2p, new: &P2p) {
    let (of_old, of_new) = (print::<old::Say>(), print::<new::Say>());
    assert_ne!(of_old, of_new);
    let (at_old, at_new) = (old.channel(&new.id()).unwrap(), new.channel(&old.id()).unwrap());
    for (channel, why) in [(&at_old, why(&of_old, &of_new)), (&at_new, why(&of_new, &of_old))] {
        let agreement = channel.agreement().unwrap();
        assert_eq!(agreement.names(), ["doubles/1", "version/1"]);
        let refused: Vec<_> = agreement.refused().iter().map(ToString::to_string).collect();
        assert_eq!(refused, [why]);
    }
    assert!(!at_old.supports::<old::Say>() && !at_new.supports::<new::Say>());
    // Whoever sends is told, for each message of the protocol: the one that differs and its siblings.
    let here = format!("the peer does not take message `say`: {}", why(&of_old, &of_new));
    assert_eq!(at_old.send(&old::Say::default()).await.unwrap_err().to_string(), here);
    assert_eq!(at_old.request(old::Say::default()).await.unwrap_err().to_string(), here);
    let there = format!("the peer does not take message `wave`: {}", why(&of_new, &of_old));
    assert_eq!(at_new.send(&new::Wave).await.unwrap_err().to_string(), there);
    // What they share goes on, both ways.
    assert_eq!(at_old.request(Double(21)).await, Ok(Doubled(42)));
    assert_eq!(at_new.request(Double(4)).await, Ok(Doubled(8)));
    for node in [old, new] {
        assert_eq!(node.state_of::<Garbage>().unwrap().0.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn in_the_simulator_the_protocol_does_not_run_and_both_ends_say_both_fingerprints() {
    let (sim, log) = (Simulation::new(1), logs::capture());
    sim.run(async {
        let start = async |host: &str, set: ProtocolSet| {
            let settings = Settings { outbound_slots: 0, ..Settings::default() };
            sim.start(sim.node(host, settings).protocols(set).state(Garbage::default())).await
        };
        let old = start("alice", shared().with::<old::Chat>()).await;
        let new = start("bob", shared().with::<new::Chat>()).await;
        old.add_peer(&new.advertised()[0]).await.unwrap();
        while new.channel(&old.id()).is_none() {
            sim.clock().sleep(std::time::Duration::from_millis(1)).await;
        }
        differ(&old, &new).await;
        for (peer, ours, theirs) in
            [(&new, print::<old::Say>(), print::<new::Say>()), (&old, print::<new::Say>(), print::<old::Say>())]
        {
            let line = format!("{}: {}", peer.id().short(), why(&ours, &theirs));
            assert!(log.lines().iter().any(|logged| logged.contains(&line)), "{line}");
        }
        old.stop().await;
        new.stop().await;
    });
}

#[test]
fn over_tls_the_protocol_does_not_run_and_both_ends_say_both_fingerprints() {
    on_threads(2, async |ex| {
        let node = |set| P2p::builder(local()).protocols(set).state(Garbage::default()).build();
        let old = node(shared().with::<old::Chat>()).await.unwrap();
        let new = node(shared().with::<new::Chat>()).await.unwrap();
        let runs = [run(&old, &ex).await, run(&new, &ex).await];
        old.add_peer(&new.advertised()[0]).await.unwrap();
        while new.channel(&old.id()).is_none() {
            smol::future::yield_now().await;
        }
        differ(&old, &new).await;
        old.stop().await;
        new.stop().await;
        for run in runs {
            run.await.unwrap();
        }
    });
}

/// Why the next connection to this node ended before its handshake was done.
async fn refused(events: &mut p2p_net::event::PeerEvents) -> p2p_net::disconnect::Disconnect {
    loop {
        match events.next().await {
            Some(Seen::Event(PeerEvent::Refused { reason, .. })) => break reason,
            Some(_) => {}
            None => panic!("the node is gone"),
        }
    }
}

/// Two nodes whose handshake itself differs never meet.
async fn never_meet(old: &P2p, new: &P2p) {
    let mut events = [old.subscribe_events(), new.subscribe_events()];
    let error = old.add_peer(&new.advertised()[0]).await.unwrap_err().to_string();
    let (of_old, of_new) = (print::<old::Knock>(), print::<new::Knock>());
    assert!(error.contains(&of_old) && error.contains(&of_new), "{error}");
    let mut sides = Vec::new();
    for events in &mut events {
        let end = refused(events).await;
        assert_eq!(end.reason, DisconnectReason::IncompatibleVersion, "{end}");
        let names_both = end.detail.contains(&of_old) && end.detail.contains(&of_new);
        assert!(names_both && end.detail.contains("protocol door/1"), "{end}");
        sides.push(end.by);
    }
    assert!(sides.contains(&Side::Local), "{sides:?}");
    assert_eq!((old.peer_count(), new.peer_count()), (0, 0));
    for node in [old, new] {
        assert_eq!(node.state_of::<Garbage>().unwrap().0.load(Ordering::Relaxed), 0);
    }
}

fn with_door(node: P2pBuilder, set: ProtocolSet) -> P2pBuilder {
    node.protocols(set).state(Garbage::default())
}

#[test]
fn in_the_simulator_a_handshake_that_differs_refuses_the_peer() {
    let sim = Simulation::new(2);
    sim.run(async {
        let settings = || Settings { outbound_slots: 0, ..Settings::default() };
        let old = sim.start(with_door(sim.node("alice", settings()), shared().with::<old::Door>())).await;
        let new = sim.start(with_door(sim.node("bob", settings()), shared().with::<new::Door>())).await;
        never_meet(&old, &new).await;
        old.stop().await;
        new.stop().await;
    });
}

#[test]
fn over_tls_a_handshake_that_differs_refuses_the_peer() {
    on_threads(2, async |ex| {
        let old = with_door(P2p::builder(local()), shared().with::<old::Door>()).build().await.unwrap();
        let new = with_door(P2p::builder(local()), shared().with::<new::Door>()).build().await.unwrap();
        let runs = [run(&old, &ex).await, run(&new, &ex).await];
        never_meet(&old, &new).await;
        old.stop().await;
        new.stop().await;
        for run in runs {
            run.await.unwrap();
        }
    });
}
