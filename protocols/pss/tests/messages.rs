//! What an application sees of the relay: a few nodes in memory, on virtual time.
#![allow(clippy::unwrap_used, reason = "what a test expects may be missing: then it fails")]

use std::time::Duration;

use p2p_net::testing::{Network, Simulation, TestNode, network, pair};
use p2p_net::{P2p, ProtocolSet, Settings};
use p2p_pss::{
    Datagrams, HandshakeError, Heard, Prefix, Pss, PssConfig, PssLink, PssNode, Received, SendError, Sender,
    Subscription, SymmetricKey, Topic,
};

fn relays<const N: usize>(network: Network<N>) -> Network<N> {
    network.with::<PssNode>().with::<PssLink>()
}

fn pss(node: &P2p) -> Pss {
    Pss::of(node).expect("the node runs a relay")
}

async fn heard(from: &mut Subscription<Received>) -> Received {
    match from.next().await {
        Some(Heard::Message(message)) => message,
        other => panic!("{other:?} instead of a message"),
    }
}

async fn connected(nodes: &[&TestNode]) {
    for node in nodes {
        node.until(|node| pss(node).peers() == node.peer_count()).await;
    }
}

#[test]
fn a_message_to_a_public_key_arrives_with_its_senders() {
    relays(pair()).run(async |[alice, bob]| {
        connected(&[&alice, &bob]).await;
        let (topic, alices, bobs) = (Topic::of("bar"), pss(&alice), pss(&bob));
        let mut messages = bobs.subscribe(topic);
        let unknown = SendError::UnknownPeer(bob.id(), topic);
        assert_eq!(alices.send_asym(&bob.id(), topic, b"bar"), Err(unknown));
        for length in [0, 1, 2, 31, 32] {
            let destination = Prefix::of(&bobs.base_addr(), length);
            alices.set_peer_public_key(bobs.public_key(), topic, destination).unwrap();
            alices.send_asym(&bobs.public_key(), topic, b"bar").unwrap();
            let message = heard(&mut messages).await;
            assert_eq!((&message.payload[..], message.topic), (&b"bar"[..], topic));
            assert_eq!(message.sender, Sender::Asymmetric(alices.public_key()));
        }
        assert_eq!(bobs.counters().received, 5);
    });
}

#[test]
fn a_shared_key_and_a_raw_message_name_no_sender() {
    relays(pair()).run(async |[alice, bob]| {
        connected(&[&alice, &bob]).await;
        let (topic, alices, bobs) = (Topic::of("bar"), pss(&alice), pss(&bob));
        let mut messages = bobs.subscribe(topic);
        let shared = SymmetricKey::generate().unwrap();
        let (ours, theirs) =
            [&alices, &bobs].map(|pss| pss.set_symmetric_key(shared.clone(), topic, Prefix::EMPTY)).into();
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        alices.send_sym(ours, topic, b"bar").unwrap();
        let message = heard(&mut messages).await;
        assert_eq!((&message.payload[..], message.sender), (&b"bar"[..], Sender::Symmetric(theirs)));
        assert_eq!(alices.send_sym(ours, Topic::of("foo"), b"bar"), Err(SendError::UnknownKey(ours)));

        alices.send_raw(Prefix::EMPTY, topic, b"xyzzy").unwrap();
        let message = heard(&mut messages).await;
        assert_eq!((&message.payload[..], message.sender), (&b"xyzzy"[..], Sender::Raw));
        assert_eq!(bobs.reply(&message, b"?"), Err(SendError::NoSender));
    });
}

/// Alice, bob and carol, of whom only bob is connected with both others.
fn line(test: impl AsyncFnOnce([TestNode; 3])) {
    relays(network()).run(async |[alice, bob, carol]| {
        // The table would connect the ends: neither knows where the other is, and neither may find out.
        alice.cut(&carol);
        alice.reset(&carol);
        alice.until(|alice| alice.peer_count() == 1).await;
        carol.until(|carol| carol.peer_count() == 1).await;
        connected(&[&alice, &bob, &carol]).await;
        test([alice, bob, carol]).await;
    });
}

#[test]
fn a_message_in_full_darkness_arrives_through_a_node_that_cannot_open_it() {
    line(async |[alice, bob, carol]| {
        let (topic, alices, bobs, carols) = (Topic::of("bar"), pss(&alice), pss(&bob), pss(&carol));
        let (mut at_bob, mut at_carol) = (bobs.subscribe(topic), carols.subscribe(topic));
        alices.set_peer_public_key(carols.public_key(), topic, Prefix::EMPTY).unwrap();
        alices.send_asym(&carols.public_key(), topic, b"bar").unwrap();
        let message = heard(&mut at_carol).await;
        assert_eq!((&message.payload[..], message.sender), (&b"bar"[..], Sender::Asymmetric(alice.id())));
        assert_eq!((bobs.counters().unopened, bobs.counters().passed_on), (1, 1));
        carols.reply(&message, b"foo").unwrap();
        let mut at_alice = alices.subscribe(topic);
        assert_eq!(heard(&mut at_alice).await.payload, b"foo");
        bobs.set_peer_public_key(bob.id(), topic, Prefix::EMPTY).unwrap();
        carols.set_peer_public_key(bob.id(), topic, Prefix::EMPTY).unwrap();
        carols.send_asym(&bob.id(), topic, b"for bob").unwrap();
        assert_eq!(heard(&mut at_bob).await.payload, b"for bob", "and nothing before it");
    });
}

#[test]
fn two_agree_on_a_session_over_the_relay() {
    line(async |[alice, bob, carol]| {
        let (topic, alices, carols) = (Topic::of("bar"), pss(&alice), pss(&carol));
        let mut messages = carols.subscribe(topic);
        alices.set_peer_public_key(carol.id(), topic, Prefix::EMPTY).unwrap();
        let none = alices.handshake(&carol.id(), topic).await;
        assert_eq!(none, Err(HandshakeError::NoAnswer(carol.id())), "carol accepts none");

        carols.add_handshake(topic);
        let key = alices.handshake(&carol.id(), topic).await.unwrap();
        alices.send_sym(key, topic, b"bar").unwrap();
        let message = heard(&mut messages).await;
        let Sender::Session { peer, .. } = message.sender else { panic!("{message:?} is in no session") };
        assert_eq!((peer, &message.payload[..]), (alice.id(), &b"bar"[..]));
        let mut replies = alices.subscribe(topic);
        carols.reply(&message, b"foo").unwrap();
        assert_eq!(heard(&mut replies).await.sender, Sender::Session { peer: carol.id(), key });
        assert_eq!(pss(&bob).counters().received, 0);
    });
}

#[test]
fn handshakes_from_both_sides_end_with_one_session() {
    relays(pair()).link(p2p_net::transport::memory::Link::with_latency(Duration::from_millis(80))).run(
        async |[alice, bob]| {
            connected(&[&alice, &bob]).await;
            let (topic, alices, bobs) = (Topic::of("bar"), pss(&alice), pss(&bob));
            let (here, there) = (alice.id(), bob.id());
            alices.add_handshake(topic);
            bobs.add_handshake(topic);
            let both = futures::future::join(alices.handshake(&there, topic), bobs.handshake(&here, topic));
            let (ours, theirs) = both.await;
            let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
            let (mut at_alice, mut at_bob) = (alices.subscribe(topic), bobs.subscribe(topic));
            alices.send_sym(ours, topic, b"ping").unwrap();
            assert_eq!(heard(&mut at_bob).await.sender, Sender::Session { peer: here, key: theirs });
            bobs.send_sym(theirs, topic, b"pong").unwrap();
            assert_eq!(heard(&mut at_alice).await.sender, Sender::Session { peer: there, key: ours });
        },
    );
}

#[test]
fn keys_of_a_session_rotate_while_it_is_in_use_and_nothing_is_lost() {
    let rotates = |pss: &mut PssConfig| pss.rotation.messages = 10;
    relays(pair()).configure::<PssNode>(rotates).run(async |[alice, bob]| {
        connected(&[&alice, &bob]).await;
        let (topic, alices, bobs) = (Topic::of("bar"), pss(&alice), pss(&bob));
        bobs.add_handshake(topic);
        alices.set_peer_public_key(bob.id(), topic, Prefix::EMPTY).unwrap();
        let mut messages = bobs.subscribe(topic);
        let key = alices.handshake(&bob.id(), topic).await.unwrap();
        for number in 0..100 {
            alices.send_sym(key, topic, &[number]).unwrap();
            assert_eq!(heard(&mut messages).await.payload, [number]);
        }
        // One offer for the session, and one for each ten messages; each is confirmed.
        let (steps, expected) = (alices.counters().sent - 100, 2 * 8..=2 * 11);
        assert!(expected.contains(&steps), "{steps} steps for 100 messages, new keys for each 10");
        assert_eq!(bobs.counters().unopened, 0);
    });
}

#[test]
fn who_makes_new_keys_and_then_only_listens_hears_all() {
    line(async |[alice, bob, carol]| {
        let (topic, alices, bobs, carols) = (Topic::of("bar"), pss(&alice), pss(&bob), pss(&carol));
        alices.add_handshake(topic);
        carols.add_handshake(topic);
        let key = alices.handshake(&carol.id(), topic).await.unwrap();
        let (mut messages, mut replies) = (carols.subscribe(topic), alices.subscribe(topic));
        alices.send_sym(key, topic, b"bar").unwrap();
        carols.reply(&heard(&mut messages).await, b"foo").unwrap();
        assert_eq!(heard(&mut replies).await.payload, b"foo", "both use the first keys");
        for _ in 0..3 {
            carols.handshake(&alice.id(), topic).await.unwrap();
        }
        for minute in 0..50 {
            alices.send_sym(key, topic, &[minute]).unwrap();
            assert_eq!(heard(&mut messages).await.payload, [minute]);
            alice.clock().sleep(Duration::from_secs(60)).await;
        }
        assert_eq!((carols.counters().unopened, bobs.counters().received), (0, 0));
    });
}

#[test]
fn what_replies_about_a_topic_replies_to_everybody() {
    line(async |[alice, _bob, carol]| {
        let (topic, alices, carols) = (Topic::of("echo"), pss(&alice), pss(&carol));
        carols.respond(topic, async |message| (message.payload != b"quiet").then_some(message.payload));
        let mut replies = alices.subscribe(topic);
        alices.set_peer_public_key(carol.id(), topic, Prefix::full(&carols.base_addr())).unwrap();
        alices.send_asym(&carol.id(), topic, b"quiet").unwrap();
        alices.send_asym(&carol.id(), topic, b"sendmeback").unwrap();
        let reply = heard(&mut replies).await;
        assert_eq!((&reply.payload[..], reply.sender), (&b"sendmeback"[..], Sender::Asymmetric(carol.id())));
    });
}

#[test]
fn two_that_reply_to_everything_do_not_reply_to_each_other_for_ever() {
    relays(pair()).run(async |[alice, bob]| {
        connected(&[&alice, &bob]).await;
        let (topic, alices, bobs) = (Topic::of("echo"), pss(&alice), pss(&bob));
        alices.add_handshake(topic);
        for pss in [&alices, &bobs] {
            pss.respond(topic, async |message| Some(message.payload));
            pss.set_symmetric_key(SymmetricKey::from_bytes([7; 32]), topic, Prefix::EMPTY).unwrap();
        }
        let mut replies = alices.subscribe(topic);
        alices.set_peer_public_key(bob.id(), topic, Prefix::EMPTY).unwrap();
        bobs.add_handshake(topic);
        let session = alices.handshake(&bob.id(), topic).await.unwrap();
        let shared = alices.set_symmetric_key(SymmetricKey::from_bytes([7; 32]), topic, Prefix::EMPTY).unwrap();
        alices.send_asym(&bob.id(), topic, b"bar").unwrap();
        assert!(heard(&mut replies).await.is_reply);
        for key in [session, shared] {
            alices.send_sym(key, topic, b"bar").unwrap();
            assert!(heard(&mut replies).await.is_reply);
        }
        alice.clock().sleep(Duration::from_secs(60)).await;
        assert_eq!((bobs.counters().received, alices.counters().received), (3, 3), "one reply to each message");
    });
}

/// The application's code: when it is dropped it calls the relay.
struct Asks(Pss);

impl Drop for Asks {
    fn drop(&mut self) {
        self.0.peers();
    }
}

#[test]
fn what_replies_may_call_the_relay_when_it_is_dropped() {
    relays(pair()).run(async |[alice, bob]| {
        connected(&[&alice, &bob]).await;
        let (topic, bobs) = (Topic::of("echo"), pss(&bob));
        let respond = || {
            let asks = Asks(bobs.clone());
            bobs.respond(topic, move |message| {
                let _ = &asks;
                async { Some(message.payload) }
            });
        };
        respond();
        respond();
        bob.stop().await;
        respond();
    });
}

#[test]
fn a_topic_that_nobody_reads_any_more_is_forgotten() {
    relays(pair()).run(async |[alice, bob]| {
        connected(&[&alice, &bob]).await;
        let (alices, bobs) = (pss(&alice), pss(&bob));
        for number in 0..1_000 {
            drop(bobs.subscribe(Topic::of(&number.to_string())));
        }
        let mut kept = bobs.subscribe(Topic::of("bar"));
        assert_eq!(bobs.held().topics, 1);
        alices.send_raw(Prefix::EMPTY, Topic::of("bar"), b"bar").unwrap();
        assert_eq!(heard(&mut kept).await.payload, b"bar");
    });
}

#[test]
fn what_replies_may_panic_and_the_next_message_is_replied_to() {
    relays(pair()).run(async |[alice, bob]| {
        connected(&[&alice, &bob]).await;
        let (topic, alices, bobs) = (Topic::of("echo"), pss(&alice), pss(&bob));
        bobs.respond(topic, async |message| {
            assert_ne!(message.payload, b"panic", "on purpose");
            Some(message.payload)
        });
        let mut replies = alices.subscribe(topic);
        alices.set_peer_public_key(bob.id(), topic, Prefix::EMPTY).unwrap();
        alices.send_asym(&bob.id(), topic, b"panic").unwrap();
        alices.send_asym(&bob.id(), topic, b"fine").unwrap();
        assert_eq!(heard(&mut replies).await.payload, b"fine");
    });
}

#[test]
fn datagrams_go_to_a_node_by_its_id_alone() {
    line(async |[alice, bob, carol]| {
        let (alices, carols) = (Datagrams::of(&pss(&alice)), Datagrams::of(&pss(&carol)));
        let large = vec![7; p2p_pss::MAX_DATAGRAM];
        alices.send(&carol.id(), &large).unwrap();
        assert_eq!(carols.next().await, Some((alice.id(), large.clone())));
        carols.send(&alice.id(), b"thanks").unwrap();
        assert_eq!(alices.next().await, Some((carol.id(), b"thanks".to_vec())));
        let too_large = alices.send(&carol.id(), &[&large[..], &[0]].concat()).unwrap_err();
        assert_eq!(too_large.to_string(), "a payload of 32622 bytes: at most 32621 can be sent this way");
        assert_eq!(pss(&bob).counters().unopened, 0, "bob is not the receiver, and tries nothing");
    });
}

#[test]
fn without_a_peer_that_is_nearer_nothing_is_sent() {
    let sim = Simulation::new(1);
    sim.run(async {
        let set = ProtocolSet::empty().with::<PssNode>().with::<PssLink>();
        let settings = Settings { outbound_slots: 0, ..Settings::default() };
        let node = sim.start(sim.node("alice", settings).protocols(set).without_handshake()).await;
        let (pss, topic) = (pss(&node), Topic::of("bar"));
        assert_eq!(pss.send_raw(Prefix::EMPTY, topic, b"bar"), Err(SendError::NoWay));
        let mut messages = pss.subscribe(topic);
        node.stop().await;
        assert!(Pss::of(&node).is_none(), "it ends with the node");
        assert_eq!(messages.next().await, None);
        assert_eq!(pss.subscribe(topic).next().await, None, "and so does what begins later");
    });
}
