//! A protocol that has had enough ends its own use of a channel; its siblings go on, and both ends know.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use p2p_net::channel::{RequestError, SendError};
use p2p_net::disconnect::Side;
use p2p_net::prelude::*;
use p2p_net::testing::{self, TestNode};
use p2p_protocols::version::ProtocolVersion;

#[derive(Default)]
struct Seen {
    said: AtomicUsize,
    stopped: AtomicUsize,
    beats: AtomicUsize,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Say(String);

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Price)]
struct Offer(u32);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Price(u32);

struct Talk {
    seen: State<Seen>,
}

/// Leaves when it is told to, by a message or by a request.
#[protocol]
impl Talk {
    async fn init(seen: State<Seen>) -> Self {
        Self { seen }
    }

    #[on]
    async fn say(&self, Say(text): Say) -> Result<()> {
        if text == "leave" {
            return Err(Error::leave("told to"));
        }
        self.seen.said.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    #[on]
    async fn offer(&self, Offer(price): Offer) -> Result<Price> {
        if price == 0 { Err(Error::leave("no price")) } else { Ok(Price(price * 2)) }
    }

    #[every(Duration::from_secs(1))]
    async fn beat(&self) -> Result<()> {
        self.seen.beats.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    #[stop]
    async fn stop(&self) {
        self.seen.stopped.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Echo)]
struct Call(u32);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Echo(u32);

/// The sibling.
#[protocol]
async fn echoes(Call(n): Call) -> Echo {
    Echo(n)
}

fn office() -> testing::Network<2> {
    testing::pair().with::<ProtocolVersion>().with::<Talk>().with::<echoes>().state(Seen::default)
}

fn say(text: &str) -> Say {
    Say(text.to_owned())
}

async fn left(alice: &TestNode, bob: &TestNode) {
    for node in [alice, bob] {
        node.until(|node| node.peers_with::<Talk>().is_empty()).await;
        node.until(|node| node.state::<Seen>().stopped.load(Ordering::Relaxed) == 1).await;
    }
}

#[test]
fn a_handler_ends_its_protocol_at_both_ends_and_the_sibling_goes_on() {
    office().run(async |[alice, bob]| {
        let (here, there) = (alice.to(&bob), bob.to(&alice));
        assert_eq!((alice.peers_with::<Talk>(), bob.peers_with::<Talk>()), (vec![bob.id()], vec![alice.id()]));
        here.send(&say("hello")).await.unwrap();
        here.send(&say("leave")).await.unwrap();
        left(&alice, &bob).await;
        assert_eq!(bob.state::<Seen>().said.load(Ordering::Relaxed), 1);

        let error = |by| SendError::Left { message: "say", protocol: "talk", by };
        assert_eq!(here.send(&say("still there?")).await, Err(error(Side::Remote)));
        assert_eq!(there.send(&say("I am not")).await, Err(error(Side::Local)));
        assert!(!here.supports::<Say>() && !there.supports::<Say>());
        let refused = here.request(Offer(3)).await.unwrap_err();
        assert!(matches!(refused, RequestError::Send(SendError::Left { message: "offer", .. })), "{refused:?}");

        let beats = |node: &TestNode| node.state::<Seen>().beats.load(Ordering::Relaxed);
        let before = (beats(&alice), beats(&bob));
        alice.clock().sleep(Duration::from_secs(60)).await;
        assert_eq!((beats(&alice), beats(&bob)), before, "its other tasks are gone as well");
        assert_eq!(here.request(Call(7)).await, Ok(Echo(7)));
        assert_eq!(there.request(Call(8)).await, Ok(Echo(8)));
        assert_eq!((alice.peers_with::<echoes>().len(), alice.peer_count()), (1, 1));
        assert_eq!(alice.peers()[0].protocols, ["echoes/1", "version/1"]);
        assert!(here.disconnect().is_none() && there.disconnect().is_none());
    });
}

#[test]
fn a_request_that_makes_it_leave_is_refused_at_once() {
    office().run(async |[alice, bob]| {
        let here = alice.to(&bob);
        assert_eq!(here.request(Offer(2)).await, Ok(Price(4)));
        let (waits, refused) = (here.request(Offer(5)), here.request(Offer(0)));
        let (waits, refused) = futures::join!(waits, refused);
        assert_eq!(waits, Ok(Price(10)));
        assert!(matches!(refused, Err(RequestError::Failed { .. })), "{refused:?}");
        left(&alice, &bob).await;
        assert_eq!(here.request(Call(1)).await, Ok(Echo(1)));
    });
}

#[test]
fn what_was_said_before_is_handled_and_what_crosses_is_dropped() {
    office().latency(Duration::from_millis(50)).run(async |[alice, bob]| {
        let (here, there) = (alice.to(&bob), bob.to(&alice));
        for _ in 0..100 {
            here.send(&say("hello")).await.unwrap();
        }
        here.send(&say("leave")).await.unwrap();
        // Bob speaks before he hears it, and alice while his leaving is under way.
        there.send(&say("from bob")).await.unwrap();
        alice.clock().sleep(Duration::from_millis(60)).await;
        here.send(&say("too late")).await.unwrap();
        left(&alice, &bob).await;
        assert_eq!(bob.state::<Seen>().said.load(Ordering::Relaxed), 100);
        assert_eq!(alice.state::<Seen>().said.load(Ordering::Relaxed), 1);
        assert_eq!(there.request(Call(1)).await, Ok(Echo(1)), "nobody broke the rules");
        assert!(alice.hosts().bans().is_empty() && bob.hosts().bans().is_empty());
    });
}

#[test]
fn a_sender_that_waits_for_room_learns_it_at_once() {
    #[derive(Message, Serialize, Deserialize)]
    #[message(max_bytes = 64, window = 256)]
    struct Slow(u32);

    /// Reads nothing for ten seconds, and then leaves.
    #[protocol]
    async fn sloth(_slow: Slow, node: P2pPtr) -> Result<()> {
        node.clock().sleep(Duration::from_secs(10)).await;
        Err(Error::leave("tired"))
    }

    testing::pair().with::<sloth>().with::<echoes>().run(async |[alice, bob]| {
        let (here, before) = (alice.to(&bob), alice.clock().now());
        let error = loop {
            if let Err(error) = here.send(&Slow(1)).await {
                break error;
            }
        };
        assert_eq!(error, SendError::Left { message: "slow", protocol: "sloth", by: Side::Remote });
        assert_eq!(alice.clock().now() - before, Duration::from_secs(10));
        assert_eq!(here.request(Call(1)).await, Ok(Echo(1)));
    });
}

/// One side of a conversation: the server leaves, and the client has nothing to end.
#[test]
fn a_server_that_leaves_a_channel_serves_the_others() {
    #[derive(Message, Serialize, Deserialize)]
    #[message(max_bytes = 16, reply = Echo)]
    struct Serve(u32);

    #[protocol(sessions = INBOUND)]
    async fn server(Serve(n): Serve) -> Result<Echo> {
        if n == 0 { Err(Error::leave("nothing to serve")) } else { Ok(Echo(n)) }
    }

    let network = testing::network().with::<ProtocolVersion>().with::<server>().with::<echoes>();
    network.run(async |[alice, bob, carol]| {
        // Carol was dialled by both.
        let (from_alice, from_bob) = (alice.to(&carol), bob.to(&carol));
        assert_eq!(carol.peers_with::<server>().len(), 2);
        assert!(from_alice.request(Serve(0)).await.is_err());
        carol.until(|carol| carol.peers_with::<server>() == [bob.id()]).await;
        alice.until(|alice| alice.peers_with::<server>() == [bob.id()]).await;
        assert!(matches!(from_alice.request(Serve(1)).await, Err(RequestError::Send(SendError::Left { .. }))));
        assert_eq!(from_bob.request(Serve(1)).await, Ok(Echo(1)));
        assert_eq!(from_alice.request(Call(1)).await, Ok(Echo(1)));
    });
}

#[test]
fn who_is_connected_again_runs_it_again() {
    office().run(async |[alice, bob]| {
        alice.to(&bob).send(&say("leave")).await.unwrap();
        left(&alice, &bob).await;
        assert!(bob.remove_peer(&alice.id()));
        alice.until(|alice| alice.peers_with::<Talk>().len() == 1).await;
        assert_eq!(alice.to(&bob).request(Offer(1)).await, Ok(Price(2)));
    });
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Enough(u8);

struct Tidy {
    seen: State<Seen>,
    node: P2pPtr,
}

/// Needs a while to put its things away.
#[protocol]
impl Tidy {
    async fn init(seen: State<Seen>, node: P2pPtr) -> Self {
        Self { seen, node }
    }

    #[on]
    async fn enough(&self, _enough: Enough) -> Result<()> {
        Err(Error::leave("enough"))
    }

    #[stop]
    async fn stop(&self) {
        self.seen.said.fetch_add(1, Ordering::Relaxed);
        self.node.clock().sleep(Duration::from_millis(500)).await;
        self.seen.stopped.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_a_protocol_does_at_its_end_is_done_though_the_channel_ends_meanwhile() {
    testing::pair().with::<ProtocolVersion>().with::<Tidy>().state(Seen::default).run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        channel.send(&Enough(1)).await.unwrap();
        bob.until(|bob| bob.state::<Seen>().said.load(Ordering::Relaxed) == 1).await;
        alice.remove_peer(&bob.id());
        bob.until(|bob| bob.peer_count() == 0).await;
        bob.clock().sleep(Duration::from_secs(5)).await;
        assert_eq!(bob.state::<Seen>().stopped.load(Ordering::Relaxed), 1);
    });
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 1 << 20)]
struct Parcel(Bytes);

/// Takes one parcel, and has sent one of its own before it leaves.
#[protocol]
async fn porter(Parcel(bytes): Parcel, channel: &Channel, seen: State<Seen>) -> Result<()> {
    if seen.said.fetch_add(1, Ordering::Relaxed) == 0 && bytes.is_empty() {
        channel.send(&Parcel(vec![7; 300_000].into())).await?;
        return Err(Error::leave("all is delivered"));
    }
    Ok(())
}

#[test]
fn a_large_message_that_was_sent_before_arrives_whole() {
    testing::pair().with::<ProtocolVersion>().with::<porter>().state(Seen::default).run(async |[alice, bob]| {
        alice.to(&bob).send(&Parcel(Bytes::default())).await.unwrap();
        for node in [&alice, &bob] {
            node.until(|node| node.peers_with::<porter>().is_empty()).await;
        }
        alice.clock().sleep(Duration::from_secs(5)).await;
        assert_eq!(alice.state::<Seen>().said.load(Ordering::Relaxed), 1);
    });
}
