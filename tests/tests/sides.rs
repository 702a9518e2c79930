//! Protocols that run at one end of a channel only, and such that run at both or at neither; with the shipped handshake.

use std::sync::Mutex;
use std::time::Duration;

use p2p_net::ProtocolSet;
use p2p_net::channel::{RequestError, SendError};
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_protocols::ping::Ping;
use p2p_protocols::version::ProtocolVersion;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Time)]
struct WhatTime;

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Time(u32);

/// What the client heard.
#[derive(Default)]
struct Heard(Mutex<Vec<Time>>);

/// The side that dials and asks.
#[derive(Default)]
struct Client;

#[protocol(sessions = OUTBOUND | MANUAL)]
impl Client {
    #[job]
    async fn ask(&self, channel: &Channel, heard: State<Heard>) -> Result<()> {
        let time = channel.request(WhatTime).await?;
        heard.0.lock().unwrap().push(time);
        Ok(())
    }
}

/// The side that is dialled and answers.
#[protocol(sessions = INBOUND)]
async fn server(_what: WhatTime) -> Time {
    Time(7)
}

fn quiet() -> Settings {
    Settings { outbound_slots: 0, ..Settings::default() }
}

#[test]
fn each_side_of_a_conversation_runs_at_its_end() {
    let sim = Simulation::new(1);
    sim.run(async {
        let set = ProtocolSet::empty().with::<Client>().with::<server>().with::<ProtocolVersion>();
        let node = |host| sim.node(host, quiet()).protocols(set.clone()).state(Heard::default());
        let (alice, bob) = (sim.start(node("alice")).await, sim.start(node("bob")).await);
        alice.add_peer(&bob.advertised()[0]).await.unwrap();
        sim.clock().sleep(Duration::from_secs(1)).await;
        let heard = |node: &P2p| node.state_of::<Heard>().unwrap().0.lock().unwrap().len();
        assert_eq!((heard(&alice), heard(&bob)), (1, 0));
        assert_eq!(alice.peers()[0].protocols, ["client/1", "version/1"]);
        assert_eq!(bob.peers()[0].protocols, ["server/1", "version/1"]);
        // Against the grain: nobody answers at the end that dialled, and the one that would ask is told so.
        let refused = bob.channel(&alice.id()).unwrap().request(WhatTime).await;
        assert_eq!(refused, Err(RequestError::Send(SendError::NotSupported("what_time"))));
        assert_eq!(alice.peers().len(), 1, "that was no misbehaviour");
        alice.stop().await;
        bob.stop().await;
    });
}

#[test]
fn what_does_not_run_on_a_visit_is_not_asked_of_the_visitor() {
    let sim = Simulation::new(2);
    sim.run(async {
        let linked = || ProtocolSet::linked().without::<Client>().without::<server>();
        let seed = sim.start(sim.node("seed", quiet()).protocols(linked())).await;
        let mut events = seed.subscribe_message_events();
        let settings = Settings { seeds: seed.advertised(), ..quiet() };
        let visitor = sim.start(sim.node("visitor", settings).protocols(linked())).await;
        sim.clock().sleep(Duration::from_secs(60)).await;
        seed.stop().await;
        visitor.stop().await;
        let (mut asked, mut visits) = (0, 0);
        while let Some(seen) = events.next().await {
            use p2p_net::event::{PeerEvent, Seen};
            match seen {
                Seen::Event(PeerEvent::MsgSend { message, .. }) if message == Ping::NAME => asked += 1,
                Seen::Event(PeerEvent::Add { .. }) => visits += 1,
                _ => {}
            }
        }
        assert_eq!(asked, 0, "the visitor runs no ping");
        assert!(visits > 0, "the visitor was there");
    });
}
