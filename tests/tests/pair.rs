//! The helpers a plugin's own tests use: connected nodes without a socket and without a wait.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use p2p_net::channel::SendError;
use p2p_net::disconnect::DisconnectReason;
use p2p_net::event::PeerEvent;
use p2p_net::p2p::Recipients;
use p2p_net::prelude::*;
use p2p_net::testing;
use p2p_net::transport::memory::Link;
use p2p_protocols::ping::ProtocolPing;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Say(String);

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Sum)]
struct Add(u8, u8);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Sum(u8);

type Heard = Mutex<Vec<String>>;

#[derive(Clone, Default)]
struct Manners {
    loud: bool,
}

#[derive(Default)]
struct Chat;

#[protocol(sessions = !SEED, config = Manners)]
impl Chat {
    #[on]
    async fn say(&self, Say(text): Say, heard: State<Heard>, manners: Config<Manners>) {
        heard.lock().unwrap().push(if manners.loud { text.to_uppercase() } else { text });
    }

    #[on]
    async fn add(&self, Add(a, b): Add) -> Result<Sum> {
        a.checked_add(b).map(Sum).ok_or_else(|| Error::msg("too much"))
    }
}

fn heard(node: &testing::TestNode) -> Vec<String> {
    node.state::<Heard>().lock().unwrap().clone()
}

fn say(text: &str) -> Say {
    Say(text.to_owned())
}

#[test]
fn two_nodes_talk_both_ways() -> Result<()> {
    testing::pair().with::<Chat>().state(Heard::default).run(async |[alice, bob]| {
        alice.to(&bob).send(&say("hello")).await?;
        bob.to(&alice).send(&say("hi")).await?;
        bob.until(|bob| heard(bob) == ["hello"]).await;
        alice.until(|alice| heard(alice) == ["hi"]).await;
        assert_eq!(alice.to(&bob).request(Add(40, 2)).await?, Sum(42));
        assert!(bob.to(&alice).request(Add(200, 100)).await.unwrap_err().to_string().contains("too much"));
        Ok(())
    })
}

#[test]
fn everybody_is_connected_with_everybody() {
    testing::network::<5>().with::<Chat>().state(Heard::default).run(async |nodes| {
        for node in &nodes {
            assert_eq!(node.peer_count(), 4);
        }
        nodes[3].broadcast(&say("all")).await;
        for node in [0, 1, 2, 4].map(|number| &nodes[number]) {
            node.until(|node| heard(node) == ["all"]).await;
        }
        assert_eq!(heard(&nodes[3]), [""; 0]);
    });
}

#[test]
fn what_is_linked_runs_with_its_handshake() {
    testing::pair().linked().state(Heard::default).run(async |[alice, bob]| {
        assert_eq!(alice.to(&bob).info().protocols, ["address/1", "chat/1", "ping/1", "version/1"]);
        alice.until(|alice| alice.peers()[0].rtt.is_some()).await;
    });
}

#[test]
fn settings_configs_and_builders_reach_every_node() {
    let settings = Settings { name: "loud".to_owned(), outbound_slots: 0, ..Settings::default() };
    let network = testing::pair().with::<Chat>().configure::<Chat>(|manners| manners.loud = true).settings(settings);
    network.prepare(|node| node.state(Heard::default())).run(async |[alice, bob]| {
        assert_eq!((alice.settings().name.as_str(), bob.settings().name.as_str()), ("loud", "loud"));
        alice.to(&bob).send(&say("hello")).await.unwrap();
        bob.until(|bob| heard(bob) == ["HELLO"]).await;
    });
}

#[test]
fn a_seed_is_a_run() {
    let run = |seed| {
        let test = testing::pair().with::<ProtocolPing>().seed(seed);
        test.run(async |[alice, _bob]| alice.random_unit())
    };
    assert_eq!(run(7).to_bits(), run(7).to_bits());
    assert_ne!(run(7).to_bits(), run(8).to_bits());
}

#[test]
fn waiting_for_what_does_not_come_takes_virtual_time_only() {
    testing::pair().run(async |[alice, _bob]| {
        let before = alice.clock().elapsed();
        assert!(!alice.holds_within(Duration::from_secs(600), |_| false).await);
        assert!(alice.clock().elapsed() - before >= Duration::from_secs(600));
    });
}

#[test]
#[should_panic = "give it one with `.state(..)`"]
fn a_state_nobody_gave_is_named() {
    testing::pair().run(async |[alice, _bob]| drop(alice.state::<Heard>()));
}

#[test]
#[should_panic = "not done after 60s of virtual time"]
fn a_test_that_waits_for_nothing_ends() {
    testing::pair().limit(Duration::from_secs(60)).run(async |_nodes| std::future::pending::<()>().await);
}

#[test]
fn a_link_takes_its_time() {
    let delay = Duration::from_millis(40);
    testing::pair().with::<Chat>().state(Heard::default).latency(delay).run(async |[alice, bob]| {
        let (sum, took) = alice.to(&bob).request(Add(1, 2)).timed().await.unwrap();
        assert_eq!((sum, took), (Sum(3), 2 * delay));
        alice.set_link(&bob, Link::with_latency(3 * delay));
        assert_eq!(bob.to(&alice).request(Add(1, 2)).timed().await.unwrap().1, 6 * delay);
    });
}

#[test]
fn what_is_cut_is_held_back_and_healed_in_order() {
    testing::network().with::<Chat>().state(Heard::default).run(async |[alice, bob, carol]| {
        alice.cut(&bob);
        for text in ["one", "two"] {
            alice.broadcast(&say(text)).await;
        }
        carol.until(|carol| heard(carol) == ["one", "two"]).await;
        assert!(!bob.holds_within(Duration::from_secs(5), |bob| !heard(bob).is_empty()).await);
        alice.heal(&bob);
        bob.until(|bob| heard(bob) == ["one", "two"]).await;
    });
}

#[test]
fn a_node_crashes_and_comes_back_with_nothing_in_memory() {
    let network = testing::pair().with::<Chat>().state(Heard::default).traced();
    network.run(async |[alice, bob]| {
        alice.to(&bob).send(&say("before")).await.unwrap();
        bob.until(|bob| heard(bob) == ["before"]).await;
        let (reason, ()) = futures::join!(alice.parted(&bob), bob.crash());
        assert_eq!(reason.reason, DisconnectReason::NetworkError, "nobody was told");
        assert_eq!(alice.parted(&bob).await, reason, "the same, looked up");
        let sent = alice.broadcast_to(&Recipients::One(bob.id()), &say("lost")).await;
        assert_eq!(sent, [(bob.id(), Err(SendError::NotConnected))]);
        let bob = bob.restart().await;
        alice.connect(&bob).await;
        alice.to(&bob).send(&say("after")).await.unwrap();
        bob.until(|bob| heard(bob) == ["after"]).await;
        assert_eq!((alice.trace().sent::<Say>(), bob.trace().received::<Say>()), (2, 1));
        let gone = alice.trace().count(|event| matches!(event, PeerEvent::Drop { peer, .. } if *peer == bob.id()));
        assert_eq!(gone, 1, "{}", alice.trace());
    });
}

#[test]
fn requests_and_replies_are_traced_under_their_own_names() {
    let network = testing::pair().with::<Chat>().state(Heard::default).traced();
    network.run(async |[alice, bob]| {
        assert_eq!(alice.to(&bob).request(Add(1, 2)).await, Ok(Sum(3)));
        assert!(alice.to(&bob).request(Add(200, 100)).await.is_err());
        bob.until(|bob| bob.trace().received::<Add>() == 2).await;
        assert_eq!((alice.trace().sent::<Add>(), alice.trace().received::<Sum>()), (2, 1), "{}", alice.trace());
        assert_eq!(bob.trace().sent::<Sum>(), 1, "a refusal is no message: {}", bob.trace());
    });
}

#[test]
fn a_reset_connection_is_gone_at_both_ends() {
    testing::pair().with::<Chat>().state(Heard::default).run(async |[alice, bob]| {
        alice.reset(&bob);
        let (here, there) = futures::join!(alice.parted(&bob), bob.parted(&alice));
        assert_eq!((here.reason, there.reason), (DisconnectReason::NetworkError, DisconnectReason::NetworkError));
    });
}

#[test]
fn a_broadcast_says_what_came_of_it_peer_by_peer() {
    testing::network().with::<Chat>().state(Heard::default).run(async |[alice, bob, carol, dave]| {
        dave.crash().await;
        alice.until(|alice| !alice.is_connected(&dave)).await;
        let others = [&bob, &carol, &dave];
        let to = async |recipients: Recipients| {
            let results = alice.broadcast_to(&recipients, &say("x")).await;
            let host = |id: NodeId| others.iter().find(|node| node.id() == id).map(|node| node.host().to_owned());
            results.into_iter().map(|(id, sent)| (host(id).unwrap(), sent.is_ok())).collect::<BTreeMap<_, _>>()
        };
        let said = |results: &[(&str, bool)]| {
            results.iter().map(|(host, sent)| ((*host).to_owned(), *sent)).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(to(Recipients::All).await, said(&[("bob", true), ("carol", true)]));
        assert_eq!(to(Recipients::Except(vec![bob.id()])).await, said(&[("carol", true)]));
        assert_eq!(to(Recipients::One(carol.id())).await, said(&[("carol", true)]));
        let some = Recipients::Some(vec![dave.id(), bob.id(), bob.id()]);
        assert_eq!(to(some).await, said(&[("bob", true), ("dave", false)]));
        let large = Say("x".repeat(100));
        let refused = alice.broadcast(&large).await;
        assert!(refused.iter().all(|(_, sent)| matches!(sent, Err(SendError::TooLarge { .. }))), "{refused:?}");
        assert_eq!(refused.len(), 2);
    });
}

#[test]
#[should_panic = "bob saw:"]
fn a_wait_in_vain_shows_the_trace() {
    let network = testing::pair().with::<Chat>().state(Heard::default).traced();
    network.run(async |[alice, bob]| {
        alice.to(&bob).send(&say("hello")).await.unwrap();
        bob.until(|bob| bob.trace().received::<Say>() == 2).await;
    });
}

#[test]
#[should_panic = "make the network with `.traced()`"]
fn a_trace_nobody_recorded_is_an_error() {
    testing::pair().run(async |[alice, _bob]| drop(alice.trace().entries()));
}
