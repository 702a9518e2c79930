//! Whatever is played again, when relays have forgotten it, is not opened again; what is forged is counted as that.
#![allow(clippy::unwrap_used, reason = "what a test expects may be missing: then it fails")]

use std::time::Duration;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeS, Serializable, setup_sender};
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::message::MessageSubscription;
use p2p_net::testing::{TestNode, pair, secret_of};
use p2p_pss::cache::MAX_SEEN;
use p2p_pss::content::{self, Kind};
use p2p_pss::envelope::{Envelope, Header, MAX_LIFETIME};
use p2p_pss::handshake::{Answer, Rotation, Sessions, Step};
use p2p_pss::keys::OwnKey;
use p2p_pss::seal::{ASYMMETRIC_OVERHEAD, open_with_own, to_public_key, under_key};
use p2p_pss::{Address, Prefix, Pss, PssConfig, PssLink, PssNode, SymmetricKey, Topic};
use ring::digest::{SHA512, digest};

const SHARED: SymmetricKey = SymmetricKey::from_bytes([1; 32]);

/// A header of a message to bob that lives as long as any.
fn header(bob: &TestNode, number: u8) -> Header {
    let expiry = bob.clock().unix_seconds() + MAX_LIFETIME.as_secs();
    let destination = Prefix::full(&Address::of(&bob.id()));
    Header { sealed: true, destination, topic: Topic::of("bar"), expiry, nonce: [number; 16] }
}

/// Sends a message as alice, and waits until bob has looked at it.
async fn send(alice: &TestNode, bob: &TestNode, envelope: &Envelope) {
    let mut seen = bob.subscribe_message_events();
    alice.to(bob).send(envelope).await.unwrap();
    while !matches!(seen.next().await, Some(Seen::Event(PeerEvent::MsgRecv { message: "pss_envelope", .. }))) {}
    bob.clock().sleep(Duration::from_millis(1)).await;
}

async fn caught(from_bob: &mut MessageSubscription<Envelope>) -> Envelope {
    from_bob.receive().await.unwrap()
}

/// A handshake of mallory, who is no node, with bob by way of alice, and the first message after it.
async fn session(alice: &TestNode, bob: &TestNode, from_bob: &mut MessageSubscription<Envelope>) -> Vec<Envelope> {
    let (mallory, topic, now) = (OwnKey::new(secret_of("mallory")), Topic::of("bar"), bob.clock().unix_seconds());
    let mut sessions = Sessions::new(mallory.id(), Rotation::default());
    let at = header(bob, 10);
    let offer = sessions.offer(bob.id(), topic, now).unwrap().to_bytes();
    let offer = Envelope::new(&at, 9, to_public_key(&mallory, &bob.id(), &at, Kind::Handshake, &offer).unwrap());
    send(alice, bob, &offer).await;
    let answer = caught(from_bob).await;
    let (sender, answer) = open_with_own(&mallory, &answer.header().unwrap(), &answer.payload).unwrap();
    assert_eq!((sender, answer.kind), (bob.id(), Kind::Handshake));
    let answer = Step::from_bytes(&answer.payload).unwrap();
    let confirm = sessions.step(bob.id(), topic, &answer, None, now).unwrap();
    let Some(Answer::Under(key, confirm)) = confirm else { panic!("{confirm:?}") };
    let at = header(bob, 11);
    let confirm = Envelope::new(&at, 9, under_key(&key, &at, Kind::Handshake, &confirm.to_bytes()).unwrap());
    send(alice, bob, &confirm).await;
    caught(from_bob).await;
    let (at, key) = (header(bob, 12), sessions.sending(bob.id(), topic, now).unwrap().key);
    let message = Envelope::new(&at, 9, under_key(&key, &at, Kind::Payload, b"bar").unwrap());
    send(alice, bob, &message).await;
    vec![offer, confirm, message]
}

#[test]
fn nothing_is_opened_again_when_the_relays_have_forgotten_it() {
    let lives = |pss: &mut PssConfig| pss.lifetime = MAX_LIFETIME;
    pair().with::<PssNode>().with::<PssLink>().configure::<PssNode>(lives).run(async |[alice, bob]| {
        Pss::of(&alice).unwrap().has_peers(1).await;
        let (bobs, topic) = (Pss::of(&bob).unwrap(), Topic::of("bar"));
        bobs.add_handshake(topic);
        let shared = bobs.set_symmetric_key(SHARED, topic, Prefix::EMPTY).unwrap();
        let _heard = bobs.subscribe(topic);
        let mut from_bob = alice.to(&bob).subscribe::<Envelope>().unwrap();
        let mallory = OwnKey::new(secret_of("mallory"));
        let [first, second, third] = [1, 2, 3].map(|number| header(&bob, number));
        let third = Header { sealed: false, ..third };
        let mut all = vec![
            Envelope::new(&first, 9, to_public_key(&mallory, &bob.id(), &first, Kind::Payload, b"bar").unwrap()),
            Envelope::new(&second, 9, under_key(&SHARED, &second, Kind::Reply, b"bar").unwrap()),
            Envelope::new(&third, 9, b"bar".to_vec()),
        ];
        for envelope in &all {
            send(&alice, &bob, envelope).await;
        }
        all.extend(session(&alice, &bob, &mut from_bob).await);
        let counters = bobs.counters();
        assert_eq!((counters.received, counters.steps_refused, counters.unopened), (4, 0, 0), "{counters:?}");
        // Bob's own, which he could open himself.
        bobs.send_sym(shared, topic, b"mine").unwrap();
        all.push(caught(&mut from_bob).await);
        bobs.send_raw(Prefix::EMPTY, topic, b"mine").unwrap();
        all.push(caught(&mut from_bob).await);

        flood(&alice, &bob).await;
        assert_eq!(bobs.held().seen, MAX_SEEN);
        for (number, envelope) in all.iter().enumerate() {
            let before = bobs.counters();
            send(&alice, &bob, envelope).await;
            let after = bobs.counters();
            assert_eq!((after.seen, after.replayed), (before.seen, before.replayed + 1), "message {number}: {after:?}");
            assert_eq!(after.received, before.received, "message {number}");
        }
    });
}

/// As many messages as are remembered to have come, at the rate that is let in.
async fn flood(alice: &TestNode, bob: &TestNode) {
    let late = Header { sealed: false, topic: Topic([0; 4]), ..header(bob, 0) };
    for number in 0..MAX_SEEN as u64 {
        let nonce = std::array::from_fn(|at| (number >> (8 * at.min(7))) as u8);
        let envelope = Envelope::new(&Header { nonce, ..late }, 9, Vec::new());
        alice.to(bob).send(&envelope).await.unwrap();
        if number % 1_000 == 999 {
            bob.clock().sleep(Duration::from_secs(5)).await;
        }
    }
    bob.clock().sleep(Duration::from_millis(1)).await;
}

/// What alice signs, as if carol had.
fn forged(bob: &TestNode, header: &Header) -> Envelope {
    let (bound, content) = (header.to_bytes(), content::pack(Kind::Payload, b"bar", ASYMMETRIC_OVERHEAD).unwrap());
    let seed = digest(&SHA512, &secret_of("bob").to_bytes());
    let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&seed.as_ref()[..32]).unwrap();
    let public = X25519HkdfSha256::sk_to_pk(&secret);
    let (encapsulated, mut context) = setup_sender::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        b"p2p-net pss 1 asymmetric",
    )
    .unwrap();
    let encapsulated = encapsulated.to_bytes();
    let said = [&b"p2p-net pss 1 sender"[..], bob.id().as_bytes(), &encapsulated, &bound, &content].concat();
    let signature = secret_of("alice").sign(&said);
    let inside = [secret_of("carol").id().as_bytes(), &signature[..], &content].concat();
    Envelope::new(header, 9, [&encapsulated[..], &context.seal(&inside, &bound).unwrap()].concat())
}

#[test]
fn what_is_written_in_anothers_name_is_counted_and_given_to_nobody() {
    pair().with::<PssNode>().with::<PssLink>().run(async |[alice, bob]| {
        Pss::of(&alice).unwrap().has_peers(1).await;
        let bobs = Pss::of(&bob).unwrap();
        let _heard = bobs.subscribe(Topic::of("bar"));
        send(&alice, &bob, &forged(&bob, &header(&bob, 1))).await;
        let counters = bobs.counters();
        assert_eq!((counters.forged, counters.received, counters.unopened), (1, 0, 0), "{counters:?}");
        assert!(alice.is_connected(&bob) && bob.hosts().bans().is_empty(), "who passed it on is not to blame");
    });
}
