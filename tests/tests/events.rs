//! What watchers of a node are told, and that they slow nobody.

use std::time::Duration;

use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_net::{P2pPtr, ProtocolSet};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Chat;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 1000)]
struct Say {
    text: String,
}

/// Encoded, its size is known: a length and the text.
fn say(n: usize) -> Say {
    Say { text: format!("{n:09}") }
}
const SIZE: usize = 10;

#[protocol]
impl Chat {
    #[on]
    async fn say(&self, _say: Say) {}
}

async fn pair(sim: &Simulation) -> [P2pPtr; 2] {
    let mut nodes = Vec::new();
    for host in ["alice", "bob"] {
        let node = sim.node(host, Settings::default()).protocols(ProtocolSet::empty().with::<Chat>());
        nodes.push(sim.start(node.without_handshake()).await);
    }
    nodes[0].add_peer(&nodes[1].advertised()[0]).await.unwrap();
    sim.clock().sleep(SECOND).await;
    nodes.try_into().unwrap()
}

/// The next event that is about a message.
async fn next_message(events: &mut PeerEvents) -> PeerEvent {
    loop {
        match events.next().await {
            Some(Seen::Event(event @ (PeerEvent::MsgSend { .. } | PeerEvent::MsgRecv { .. }))) => return event,
            Some(Seen::Event(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn messages_are_told_with_protocol_name_and_size_to_those_who_ask() {
    let sim = Simulation::new(1);
    sim.run(async {
        let [alice, bob] = pair(&sim).await;
        let (mut at_alice, mut at_bob) = (alice.subscribe_message_events(), bob.subscribe_message_events());
        let mut peers_only = bob.subscribe_events();
        alice.broadcast(&say(1)).await;
        let sent = next_message(&mut at_alice).await;
        let (protocol, message, bytes) = (Some("chat"), "say", SIZE);
        assert_eq!(sent, PeerEvent::MsgSend { peer: bob.id(), protocol, message, bytes });
        let received = next_message(&mut at_bob).await;
        assert_eq!(received, PeerEvent::MsgRecv { peer: alice.id(), protocol, message, bytes });
        // Nobody asks now: what is sent meanwhile is told to nobody, later ones neither.
        drop((at_alice, at_bob));
        alice.broadcast(&say(2)).await;
        sim.clock().sleep(SECOND).await;
        let mut at_bob = bob.subscribe_message_events();
        alice.stop().await;
        for events in [&mut at_bob, &mut peers_only] {
            loop {
                match events.next().await {
                    Some(Seen::Event(PeerEvent::Drop { peer, .. })) if peer == alice.id() => break,
                    Some(Seen::Event(PeerEvent::Refused { .. })) => {}
                    other => panic!("nobody asked for {other:?}"),
                }
            }
        }
        bob.stop().await;
        assert_eq!((at_bob.next().await, peers_only.next().await), (None, None), "the node is gone");
    });
}

#[test]
fn a_watcher_that_never_reads_is_told_what_it_lost_and_slows_nobody() {
    const MESSAGES: usize = 5_000;
    let queue = Settings::default().limits.event_queue;
    let sim = Simulation::new(1);
    sim.run(async {
        let [alice, bob] = pair(&sim).await;
        let (mut sleeper, mut reader) = (bob.subscribe_message_events(), bob.subscribe_message_events());
        let (mut events, mut messages) = (0, 0);
        for sent in 1..=MESSAGES {
            alice.broadcast(&say(1)).await;
            while messages < sent {
                let Some(Seen::Event(event)) = reader.next().await else { panic!("a reader misses nothing") };
                messages += usize::from(matches!(event, PeerEvent::MsgRecv { .. }));
                events += 1;
            }
        }
        assert_eq!(sim.clock().elapsed(), SECOND, "nobody waited for the sleeper");
        assert_eq!(sleeper.next().await, Some(Seen::Lost((events - queue) as u64)));
        for _ in 0..queue {
            assert!(matches!(sleeper.next().await, Some(Seen::Event(_))));
        }
        alice.stop().await;
        bob.stop().await;
    });
}
