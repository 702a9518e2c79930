//! What the page "Testing" of the reference shows.

use std::time::Duration;

use p2p_net::ProtocolSet;
use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::prelude::*;
use p2p_net::testing::{self, Simulation};
use p2p_net::transport::memory::Link;
use p2p_protocols::ping::ProtocolPing;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Answer)]
struct Ask(u32);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Answer(u32);

#[protocol]
async fn answers(Ask(n): Ask) -> Answer {
    Answer(n)
}

// ANCHOR: seeded
#[test]
fn the_same_seed_is_the_same_run() {
    let run = |seed| {
        let sim = Simulation::new(seed);
        let node = |host: &str| {
            let protocols = ProtocolSet::empty().with::<answers>();
            sim.node(host, Settings::default()).protocols(protocols).without_handshake()
        };
        let (alice, bob) = (node("alice"), node("bob"));
        sim.run(async {
            let (alice, bob) = (sim.start(alice).await, sim.start(bob).await);
            let peer = alice.add_peer(&bob.advertised()[0]).await.unwrap();
            let channel = alice.channel(&peer).unwrap();
            assert_eq!(channel.request(Ask(7)).await, Ok(Answer(7)));
            alice.stop().await;
            bob.stop().await;
        });
        sim.trace_hash()
    };
    assert_eq!(run(1), run(1));
}
// ANCHOR_END: seeded

// ANCHOR: cut
#[test]
fn what_is_asked_across_a_cut_is_answered_when_it_heals() {
    testing::pair().with::<answers>().run(async |[alice, bob]| {
        alice.cut(&bob);
        let healed = async {
            alice.clock().sleep(Duration::from_secs(5)).await;
            alice.heal(&bob);
        };
        let (answer, ()) = futures::join!(alice.to(&bob).request(Ask(7)).timed(), healed);
        assert_eq!(answer, Ok((Answer(7), Duration::from_secs(5))));
    });
}
// ANCHOR_END: cut

// ANCHOR: parted
#[test]
fn a_peer_behind_a_cut_is_gone_when_its_ping_is_not_answered() {
    testing::pair().with::<ProtocolPing>().run(async |[alice, bob]| {
        alice.cut(&bob);
        // Each finds out by itself: what would tell it does not arrive.
        let (here, there) = futures::join!(alice.parted(&bob), bob.parted(&alice));
        assert_eq!((here.by, here.reason), (Side::Local, DisconnectReason::Timeout));
        assert_eq!((there.by, there.reason), (Side::Local, DisconnectReason::Timeout));
    });
}
// ANCHOR_END: parted

// ANCHOR: crash
#[test]
fn a_node_that_crashed_comes_back_and_answers() {
    testing::pair().with::<answers>().traced().run(async |[alice, bob]| {
        assert_eq!(alice.to(&bob).request(Ask(1)).await, Ok(Answer(1)));
        let (why, ()) = futures::join!(alice.parted(&bob), bob.crash());
        assert_eq!(why.reason, DisconnectReason::NetworkError, "nobody could tell her");

        let bob = bob.restart().await;
        assert_eq!(bob.peer_count(), 0, "it knows nobody");
        alice.connect(&bob).await;
        assert_eq!(alice.to(&bob).request(Ask(2)).await, Ok(Answer(2)));
        alice.until(|alice| alice.trace().received::<Answer>() == 2).await;
        bob.until(|bob| bob.trace().received::<Ask>() == 1).await;
    });
}
// ANCHOR_END: crash

#[test]
fn the_trace_on_the_page_is_the_one_that_is_printed() {
    testing::pair().with::<answers>().traced().latency(Duration::from_millis(10)).run(async |[alice, bob]| {
        assert_eq!(alice.to(&bob).request(Ask(1)).await, Ok(Answer(1)));
        let (_why, ()) = futures::join!(alice.parted(&bob), bob.crash());
        let page = super::page("plugin/testing.md");
        for line in alice.trace().to_string().lines() {
            assert!(page.contains(line.trim()), "not on the page: {line}");
        }
        assert_eq!(alice.trace().entries().len(), 4);
    });
}

// ANCHOR: link
#[test]
fn a_link_is_as_slow_as_it_is_said_to_be() {
    let modem = Link::with_latency(Duration::from_millis(50)).with_bandwidth(7_000);
    testing::pair().with::<answers>().link(modem).run(async |[alice, bob]| {
        let slow = alice.to(&bob).request(Ask(7)).timed().await.unwrap().1;
        assert!(slow > Duration::from_millis(100), "two ways, and the bytes themselves: {slow:?}");
        alice.set_link(&bob, Link::with_latency(Duration::from_millis(1)));
        assert_eq!(alice.to(&bob).request(Ask(7)).timed().await.unwrap().1, Duration::from_millis(2));
    });
}
// ANCHOR_END: link

#[test]
fn a_test_says_what_its_nodes_are_like() {
    // ANCHOR: network
    testing::network()
        .with::<answers>()
        .with::<ProtocolPing>()
        .configure::<ProtocolPing>(|ping| ping.interval = Some(Duration::from_secs(1)))
        .settings(Settings { name: "tested".to_owned(), outbound_slots: 0, ..Settings::default() })
        .seed(7)
        .limit(Duration::from_secs(120))
        .run(async |[alice, bob, carol]| {
            assert_eq!(alice.to(&carol).request(Ask(7)).await, Ok(Answer(7)));
            assert!(bob.holds_within(Duration::from_secs(10), |bob| bob.peer_count() == 2).await);
        });
    // ANCHOR_END: network
}
