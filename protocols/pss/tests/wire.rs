//! The vectors of `docs/wire.md`, section 13, and the manifest.
#![allow(clippy::unwrap_used, reason = "what a test expects may be missing: then it fails")]

use p2p_net::identity::SecretKey;
use p2p_net::testing::{decode, encode, manifest};
use p2p_net::{NodeId, ProtocolSet};
use p2p_pss::content::Kind;
use p2p_pss::envelope::{EnvelopeId, Header};
use p2p_pss::handshake::{Exchange, Step};
use p2p_pss::keys::OwnKey;
use p2p_pss::seal::{Opened, open_with_key, open_with_own, under_key};
use p2p_pss::{Address, Envelope, Prefix, SymmetricKey, Topic};
use p2p_tests::wire::{Vector, show, vectors_of};

fn array<const N: usize>(vector: &Vector, key: &str) -> [u8; N] {
    vector.bytes(key).try_into().unwrap_or_else(|_| panic!("line {}: `{key}` has not {N} bytes", vector.line))
}

fn id(vector: &Vector, key: &str) -> NodeId {
    NodeId::from_bytes(array(vector, key))
}

fn header(vector: &Vector) -> Header {
    Header {
        sealed: vector.text("sealed") == "1",
        destination: Prefix::from_slice(&vector.bytes("destination")).unwrap(),
        topic: Topic(array(vector, "topic")),
        expiry: vector.number("expiry") as u64,
        nonce: array(vector, "nonce"),
    }
}

fn is(vector: &Vector, key: &str, found: &[u8]) {
    assert_eq!(show(&vector.bytes(key)), show(found), "line {}", vector.line);
}

fn each(what: &str, count: usize, check: impl Fn(&Vector)) {
    let vectors: Vec<_> = vectors_of(what).into_iter().collect();
    assert_eq!(vectors.len(), count, "vectors of {what}");
    vectors.iter().for_each(check);
}

#[test]
fn addresses_and_topics_are_as_written() {
    each("pss-address", 1, |vector| is(vector, "address", Address::of(&id(vector, "id")).as_bytes()));
    each("pss-topic", 2, |vector| is(vector, "bytes", &Topic::of(vector.text("name")).0));
}

#[test]
fn envelopes_are_as_written() {
    each("pss-envelope", 1, |vector| {
        let (header, payload) = (header(vector), vector.bytes("payload"));
        let EnvelopeId(name) = header.id(&payload);
        let envelope = Envelope::new(&header, vector.number("hops") as u8, payload);
        is(vector, "bytes", &encode(&envelope).unwrap());
        is(vector, "header", &header.to_bytes());
        is(vector, "name", &name);
        assert_eq!(decode::<Envelope>(&vector.bytes("bytes")).unwrap(), envelope);
    });
}

#[test]
fn seals_are_as_written() {
    each("pss-asymmetric", 1, |vector| {
        let own = OwnKey::new(SecretKey::from_bytes(array(vector, "seed")));
        let opened = Opened { kind: Kind::Payload, payload: vector.bytes("message") };
        let found = open_with_own(&own, &header(vector), &vector.bytes("payload"));
        assert_eq!(found, Ok((id(vector, "sender"), opened)), "line {}", vector.line);
    });
    each("pss-symmetric", 2, |vector| {
        let (key, header) = (SymmetricKey::from_bytes(array(vector, "key")), header(vector));
        let kind = if vector.number("kind") == 2 { Kind::Reply } else { Kind::Payload };
        is(vector, "payload", &under_key(&key, &header, kind, &vector.bytes("message")).unwrap());
        let opened = Opened { kind, payload: vector.bytes("message") };
        assert_eq!(open_with_key(&key, &header, &vector.bytes("payload")), Ok(opened));
    });
}

#[test]
fn handshakes_are_as_written() {
    each("pss-step", 4, |vector| {
        let key = |name| array(vector, name);
        let step = match vector.text("step") {
            "offer" => Step::Offer { ephemeral: key("ephemeral") },
            "answer" => Step::Answer { offer: key("offer"), ephemeral: key("ephemeral") },
            "confirm" => Step::Confirm,
            _ => Step::Confirmed,
        };
        is(vector, "bytes", &step.to_bytes());
        assert_eq!(Step::from_bytes(&vector.bytes("bytes")), Ok(step));
    });
    each("pss-session", 1, |vector| {
        let (offer, answer, topic) = (array(vector, "offer"), array(vector, "answer"), Topic(array(vector, "topic")));
        let exchange = Exchange { offers: id(vector, "offers"), answers: id(vector, "answers"), offer, answer, topic };
        let (first, second) = exchange.keys(&vector.bytes("shared"));
        is(vector, "first", first.as_bytes());
        is(vector, "second", second.as_bytes());
    });
}

#[test]
fn the_wire_is_as_it_was_released() {
    let mine = ProtocolSet::linked().of_crate("p2p-pss");
    manifest::check(&mine, concat!(env!("CARGO_MANIFEST_DIR"), "/protocols.json"));
}
