//! What a relay does with messages that nobody should have sent, and with honest ones that look bad.
#![allow(clippy::unwrap_used, reason = "what a test expects may be missing: then it fails")]

use std::time::Duration;

use p2p_net::disconnect::DisconnectReason;
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::testing::{TestNode, pair, secret_of};
use p2p_pss::content::Kind;
use p2p_pss::envelope::{CLOCK_SKEW, Envelope, Header, MAX_HOPS, MAX_LIFETIME, MAX_SEALED, VERSION};
use p2p_pss::keys::OwnKey;
use p2p_pss::seal::{to_public_key, under_key};
use p2p_pss::{
    Address, Counters, Heard, Prefix, Pss, PssLink, PssNode, Received, Sender, Subscription, SymmetricKey, Topic,
};

/// Alice, who sends whatever a test likes, and bob, who listens to `bar`.
fn run(test: impl AsyncFnOnce([TestNode; 2], Pss, Subscription<Received>)) {
    pair().with::<PssNode>().with::<PssLink>().run(async |[alice, bob]| {
        Pss::of(&alice).unwrap().has_peers(1).await;
        let bobs = Pss::of(&bob).unwrap();
        let heard = bobs.subscribe(Topic::of("bar"));
        test([alice, bob], bobs, heard).await;
    });
}

/// The header of a message to bob that is in order.
fn header(bob: &TestNode) -> Header {
    let (destination, expiry) = (Prefix::full(&Address::of(&bob.id())), bob.clock().unix_seconds() + 60);
    Header { sealed: true, destination, topic: Topic::of("bar"), expiry, nonce: [7; 16] }
}

fn sealed(bob: &TestNode, header: &Header) -> Envelope {
    let alice = OwnKey::new(secret_of("alice"));
    Envelope::new(header, 9, to_public_key(&alice, &bob.id(), header, Kind::Payload, b"bar").unwrap())
}

/// Sends a message as alice, and waits until bob has looked at it.
async fn send(alice: &TestNode, bob: &TestNode, envelope: &Envelope) {
    let mut seen = bob.subscribe_message_events();
    alice.to(bob).send(envelope).await.unwrap();
    while !matches!(seen.next().await, Some(Seen::Event(PeerEvent::MsgRecv { message: "pss_envelope", .. }))) {}
    bob.clock().sleep(Duration::from_millis(1)).await;
}

async fn hears(heard: &mut Subscription<Received>, alice: &TestNode) {
    let Some(Heard::Message(message)) = heard.next().await else { panic!("nothing was heard") };
    assert_eq!((&message.payload[..], message.sender), (&b"bar"[..], Sender::Asymmetric(alice.id())));
}

#[test]
fn what_a_relay_cannot_know_to_be_bad_is_counted_and_nobody_is_blamed() {
    run(async |[alice, bob], bobs, mut heard| {
        let (good, now) = (header(&bob), bob.clock().unix_seconds());
        let first = sealed(&bob, &good);
        send(&alice, &bob, &first).await;
        hears(&mut heard, &alice).await;
        let far = now + (MAX_LIFETIME + CLOCK_SKEW).as_secs() + 60;
        let other = |header: Header| sealed(&bob, &header);
        let with = |payload: Vec<u8>| Envelope { payload: payload.into(), ..first.clone() };
        let mut flipped = first.payload.to_vec();
        flipped[100] ^= 1;
        let stranger = OwnKey::new(secret_of("carol")).id();
        let for_carol =
            to_public_key(&OwnKey::new(secret_of("alice")), &stranger, &good, Kind::Payload, b"bar").unwrap();
        let unshared = under_key(&SymmetricKey::from_bytes([1; 32]), &good, Kind::Payload, b"bar").unwrap();
        type Count = fn(&Counters) -> u64;
        let cases: Vec<(&str, Envelope, Count)> = vec![
            ("the same again", first.clone(), |counters| counters.seen),
            ("the same with other hops", Envelope { hops: 8, ..first.clone() }, |counters| counters.seen),
            ("too late", other(Header { expiry: now, ..good }), |counters| counters.expired),
            ("long too late", other(Header { expiry: 0, ..good }), |counters| counters.expired),
            ("too far ahead", other(Header { expiry: far, ..good }), |counters| counters.too_far_ahead),
            ("for ever", other(Header { expiry: u64::MAX, ..good }), |counters| counters.too_far_ahead),
            ("about something else", other(Header { topic: Topic::of("foo"), ..good }), |counters| counters.unheard),
            ("a byte changed", with(flipped), |counters| counters.unopened),
            ("cut", with(first.payload[..100].to_vec()), |counters| counters.unopened),
            ("empty", with(Vec::new()), |counters| counters.unopened),
            ("another nonce", Envelope { nonce: [8; 16], ..first.clone() }, |counters| counters.unopened),
            ("a later expiry", Envelope { expiry: good.expiry + 1, ..first.clone() }, |counters| counters.unopened),
            (
                "less of an address",
                Envelope { destination: first.destination[..31].into(), ..first.clone() },
                |counters| counters.unopened,
            ),
            ("to somebody else", with(for_carol), |counters| counters.unopened),
            ("under a key that nobody shares", with(unshared), |counters| counters.unopened),
        ];
        for (what, envelope, count) in cases {
            let before = bobs.counters();
            send(&alice, &bob, &envelope).await;
            let after = bobs.counters();
            assert_eq!(count(&after), count(&before) + 1, "{what}: {after:?}");
            assert_eq!(after.received, before.received, "{what}");
            assert!(alice.is_connected(&bob) && bob.hosts().bans().is_empty(), "{what}: nobody is to blame");
        }
        send(&alice, &bob, &other(Header { nonce: [99; 16], ..good })).await;
        hears(&mut heard, &alice).await;
    });
}

#[test]
fn what_no_honest_relay_passes_on_ends_the_connection() {
    type Change = fn(Envelope) -> Envelope;
    let wrong: [(&str, Change); 4] = [
        ("an envelope of version 2, not 1", |good| Envelope { version: VERSION + 1, ..good }),
        ("a destination has 0 to 32 bytes, not 33", |good| Envelope { destination: vec![0; 33].into(), ..good }),
        ("a payload of 32769 bytes: at most 32768 are relayed", |good| Envelope {
            payload: vec![0; MAX_SEALED + 1].into(),
            ..good
        }),
        ("an envelope with 41 hops to go: at most 40 are given", |good| Envelope { hops: MAX_HOPS + 1, ..good }),
    ];
    for (text, change) in wrong {
        run(async |[alice, bob], _bobs, _heard| {
            alice.to(&bob).send(&change(sealed(&bob, &header(&bob)))).await.unwrap();
            let end = bob.parted(&alice).await;
            assert_eq!((end.reason, end.detail.as_str()), (DisconnectReason::Malformed, text));
        });
    }
}

#[test]
fn a_flood_ends_the_connection_and_a_node_that_sends_much_is_none() {
    run(async |[alice, bob], _bobs, _heard| {
        let good = header(&bob);
        let flood = async {
            for number in 0..3_000_u32 {
                let mut nonce = [0; 16];
                nonce[..4].copy_from_slice(&number.to_be_bytes());
                let envelope = Envelope::new(&Header { nonce, ..good }, 9, Vec::new());
                if alice.to(&bob).send(&envelope).await.is_err() {
                    break;
                }
            }
        };
        let (end, ()) = futures::join!(bob.parted(&alice), flood);
        assert_eq!(end.reason, DisconnectReason::RateLimited);
    });
    run(async |[alice, bob], bobs, _heard| {
        let (alices, mut refused) = (Pss::of(&alice).unwrap(), 0);
        for number in 0..20_000_u32 {
            refused += usize::from(alices.send_raw(Prefix::EMPTY, Topic::of("bar"), &number.to_be_bytes()).is_err());
            if number % 100 == 99 {
                // A thousand in a tenth of the time that they may take.
                alice.clock().sleep(Duration::from_millis(100)).await;
            }
        }
        alice.clock().sleep(Duration::from_secs(60)).await;
        assert!(alice.is_connected(&bob), "who sends through a relay stays within the rate");
        assert!(refused > 10_000 && bobs.counters().received as usize == 20_000 - refused, "{refused} refused");
    });
}
