//! The helpers a plugin's own tests use: connected nodes without a socket and without a wait.

use std::sync::Mutex;
use std::time::Duration;

use p2p_net::prelude::*;
use p2p_net::testing;
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
