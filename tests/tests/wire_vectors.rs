//! `docs/wire.md` against the code: every vector of frames, lanes, encodings, fingerprints and offers, every exchange.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::AsyncReadExt;
use p2p_net::disconnect::DisconnectReason as Reason;
use p2p_net::identity::SecretKey;
use p2p_net::message::frame::{Header, Kind};
use p2p_net::message::{Bytes, MessageId, MessageSpec, Schema};
use p2p_net::protocol::Offer;
use p2p_net::testing::{Simulation, secret_of};
use p2p_net::transport::Transport;
use p2p_net::{ProtocolSet, Settings};
use p2p_tests::any::{Any, Teller};
use p2p_tests::plain::{Ask, Calm, Greeter, Greeting, Note, Tick, office};
use p2p_tests::raw::{Raw, frame, frame_of, run, start};
use p2p_tests::wire::{DOCUMENT, Vector, exchanges, hex, show, vectors, vectors_of};

#[test]
fn no_vector_is_left_out() {
    let here =
        "header bad-header message-id replies-id credit close encoding fingerprint terms offer second-connection left";
    let with_sockets = "node-id alpn public-key-info tcp-proof relayed";
    let by_the_relay = "pss-address pss-topic pss-envelope pss-asymmetric pss-symmetric pss-step pss-session";
    let checked: BTreeSet<_> = [here, with_sockets, by_the_relay].iter().flat_map(|names| names.split(' ')).collect();
    let written: BTreeSet<_> = vectors().iter().map(|vector| vector.text("what")).collect();
    assert_eq!(written, checked);
    assert!(exchanges().len() >= 6);
}

/// The kind that the document calls `name`.
fn kind(name: &str) -> Kind {
    let kinds = [
        Kind::Message,
        Kind::Part,
        Kind::Request,
        Kind::Reply,
        Kind::ReplyError,
        Kind::Window,
        Kind::Close,
        Kind::Row,
        Kind::Cancel,
        Kind::Left,
    ];
    kinds.into_iter().find(|kind| format!("{kind:?}") == name).unwrap_or_else(|| panic!("no kind `{name}`"))
}

fn is(vector: &Vector, key: &str, found: &[u8]) {
    assert_eq!(show(&vector.bytes(key)), show(found), "line {}", vector.line);
}

#[test]
fn headers_are_as_written() {
    for vector in vectors_of("header") {
        let (kind, id) = (kind(vector.text("kind")), MessageId::of(vector.text("name")));
        let header = Header::new(kind, id, vector.number("length"));
        is(&vector, "bytes", &header.to_wire());
        assert_eq!(Header::parse(&vector.bytes("bytes")), Ok(Some(header)));
    }
    for vector in vectors_of("bad-header") {
        let error = Header::parse(&vector.bytes("bytes")).unwrap_err();
        assert_eq!(error.to_string(), vector.text("error"), "line {}", vector.line);
    }
}

#[test]
fn ids_are_as_written() {
    for vector in vectors_of("message-id") {
        is(&vector, "bytes", &MessageId::of(vector.text("name")).to_wire().to_le_bytes());
    }
    for vector in vectors_of("replies-id") {
        is(&vector, "bytes", &MessageId::of_replies_to(vector.text("name")).to_wire().to_le_bytes());
    }
}

#[test]
fn frames_of_the_channel_itself_are_as_written() {
    for vector in vectors_of("credit") {
        let credit = (vector.number("credit") as u32).to_le_bytes();
        is(&vector, "bytes", &frame_of(Kind::Window, MessageId::of(vector.text("name")), &credit));
    }
    for vector in vectors_of("left") {
        let (protocol, text) = (MessageId::of(vector.text("protocol")), vector.text("text"));
        is(&vector, "bytes", &frame_of(Kind::Left, protocol, text.as_bytes()));
    }
    for vector in vectors_of("close") {
        let sim = Simulation::new(1);
        run(&sim, async {
            let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
            let mut raw = Raw::dial(&sim, "mallory", &bob).await;
            sim.clock().sleep(Duration::from_millis(1)).await;
            let reason = Reason::ALL.iter().find(|reason| format!("{reason:?}") == vector.text("reason")).unwrap();
            bob.channel(&secret_of("mallory").id()).unwrap().close(*reason, vector.text("detail"));
            let mut bytes = Vec::new();
            raw.reader.read_to_end(&mut bytes).await.unwrap();
            is(&vector, "bytes", &bytes);
            bob.stop().await;
        });
    }
}

#[test]
fn kinds_and_reasons_are_as_in_the_tables() {
    let rows = |columns: usize| {
        let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
        DOCUMENT.lines().filter(|line| line.starts_with("| ")).map(cells).filter(move |row| row.len() == columns)
    };
    let numbered = |row: &Vec<&'static str>| Some((row[0].parse::<u8>().ok()?, row[1].trim_matches('`')));
    let kinds: Vec<_> = rows(3).filter_map(|row| numbered(&row)).collect();
    assert_eq!(kinds.len(), 10);
    for (code, name) in kinds {
        assert_eq!(kind(name) as u8, code);
    }
    let reasons: Vec<_> = rows(4).filter_map(|row| Some((numbered(&row)?, row[2], row[3]))).collect();
    assert_eq!(reasons.len(), Reason::ALL.len());
    for (((code, name), text, violation), reason) in reasons.into_iter().zip(Reason::ALL) {
        assert_eq!((code, name), (reason.code(), format!("{reason:?}").as_str()));
        assert_eq!((text, violation == "yes"), (reason.to_string().as_str(), reason.is_violation()), "{name}");
    }
}

#[test]
fn values_are_encoded_as_written() {
    let sim = Simulation::new(1);
    run(&sim, async {
        let (bob, _) = start(&sim, "bob", ProtocolSet::empty().with::<Teller>(), Settings::default()).await;
        let mut raw = Raw::dial(&sim, "mallory", &bob).await;
        sim.clock().sleep(Duration::from_millis(1)).await;
        let channel = bob.channel(&secret_of("mallory").id()).unwrap();
        for vector in vectors_of("encoding") {
            channel.send(&Any::of(vector.text("type"), vector.text("value"))).await.unwrap();
            is(&vector, "bytes", &raw.next_of(Kind::Message).await.unwrap().payload);
        }
        bob.stop().await;
    });
}

fn fnv1a64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[test]
fn fingerprints_are_as_written() {
    let known = BTreeMap::from([
        ("u32", u32::FINGERPRINT),
        ("unit", <()>::FINGERPRINT),
        ("option u32", <Option<u32>>::FINGERPRINT),
        ("[text]", <Vec<String>>::FINGERPRINT),
        ("bytes", Bytes::FINGERPRINT),
        ("map u32 text", <BTreeMap<u32, String>>::FINGERPRINT),
        ("array of 4 u8", <[u8; 4]>::FINGERPRINT),
        ("tuple u8 bool", <(u8, bool)>::FINGERPRINT),
        ("note", Note::FINGERPRINT),
        ("result u8 text", <Result<u8, String>>::FINGERPRINT),
        ("duration", Duration::FINGERPRINT),
        ("offer", Offer::FINGERPRINT),
    ]);
    let written = vectors_of("fingerprint");
    assert_eq!(written.len(), known.len());
    for vector in written {
        let hash = u64::from_str_radix(vector.text("hash"), 16).unwrap();
        assert_eq!(fnv1a64(&vector.bytes("input")), hash, "line {}", vector.line);
        assert_eq!(known[vector.text("shape")], hash, "line {}", vector.line);
    }
}

#[test]
fn terms_are_as_written() {
    for vector in vectors_of("terms") {
        let spec = MessageSpec::of::<Ask>();
        let (size, window) = (vector.number("size"), vector.number("window"));
        assert_eq!((spec.name, spec.max_bytes, spec.window as usize), (vector.text("name"), size, window));
        assert_eq!(format!("{:016x}", spec.fingerprint), vector.text("fingerprint"));
        assert_eq!(format!("{:016x}", spec.terms()), vector.text("hash"), "line {}", vector.line);
    }
}

#[test]
fn an_offer_is_as_written_and_what_comes_early_waits_for_it() {
    let vector = vectors_of("offer").remove(0);
    let sim = Simulation::new(1);
    run(&sim, async {
        let set = ProtocolSet::empty().with::<Greeter>().with::<Calm>();
        let (bob, record) = start(&sim, "bob", set, Settings::default()).await;
        let mut raw = Raw::dial(&sim, "mallory", &bob).await;
        let greeting = raw.next_of(Kind::Message).await.unwrap();
        is(&vector, "bytes", &frame::<Greeting>(greeting.kind, &greeting.payload));
        // The same offer back, and in the same breath what only an open channel takes.
        let count = frame::<p2p_tests::plain::Count>(Kind::Message, &[7]);
        raw.write(&[frame::<Greeting>(Kind::Message, &greeting.payload), count.repeat(3)].concat()).await.unwrap();
        sim.clock().sleep(Duration::from_millis(1)).await;
        assert_eq!(record.counts.load(std::sync::atomic::Ordering::Relaxed), 3);
        // Who puts it before its own greeting waits for itself.
        let mut hasty = Raw::dial(&sim, "hasty", &bob).await;
        hasty.write(&[count, frame::<Greeting>(Kind::Message, &greeting.payload)].concat()).await.unwrap();
        assert_eq!(hasty.close_reason().await, Some(Reason::HandshakeTimeout));
        assert_eq!(bob.hosts().bans(), []);
        bob.stop().await;
    });
}

#[test]
fn exchanges_go_as_written() {
    for (line, lines) in exchanges() {
        let sim = Simulation::new(1);
        run(&sim, async {
            let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
            let mut raw = Raw::dial(&sim, "mallory", &bob).await;
            for text in lines {
                // Each line by itself: a node may put into one frame what it has to say of two.
                sim.clock().sleep(Duration::from_millis(1)).await;
                match text.split_once(' ').unwrap_or((text, "")) {
                    (">", bytes) => raw.write(&hex(bytes)).await.unwrap(),
                    ("<", "") => {
                        let mut rest = Vec::new();
                        raw.reader.read_to_end(&mut rest).await.unwrap();
                        assert_eq!(show(&rest), "", "line {line}: the end");
                    }
                    ("<", close) if let Some(name) = close.strip_prefix("close ") => {
                        let reason = raw.close_reason().await.map(|reason| format!("{reason:?}"));
                        assert_eq!(reason.as_deref(), Some(name), "line {line}");
                    }
                    ("<", bytes) => {
                        let mut read = vec![0; hex(bytes).len()];
                        raw.reader.read_exact(&mut read).await.unwrap();
                        assert_eq!(show(&read), show(&hex(bytes)), "line {line}");
                    }
                    _ => panic!("line {line}: `{text}`"),
                }
            }
            drop(raw);
            bob.stop().await;
        });
    }
}

#[test]
fn of_two_connections_the_one_stays_that_is_written() {
    for vector in vectors_of("second-connection") {
        let (ours, theirs) =
            (SecretKey::from_bytes(vector.seed("node-seed")), SecretKey::from_bytes(vector.seed("peer-seed")));
        let (lower, stays) = (ours.id() < theirs.id(), vector.text("first") == "stays");
        assert_eq!(lower, stays, "line {}: the lower id decides; {} and {}", vector.line, ours.id(), theirs.id());
        let sim = Simulation::new(1);
        run(&sim, async {
            let node = sim.node("bob", Settings { outbound_slots: 0, ..Settings::default() });
            let node = node.identity(ours.clone()).transport(sim.network().transport("bob", &ours));
            let bob = sim.start(node.protocols(office()).without_handshake()).await;
            let transport = sim.network().transport("peer", &theirs);
            let mut raws = Vec::new();
            for _ in 0..2 {
                raws.push(Raw::new(transport.dial(&bob.advertised()[0]).await.unwrap()));
                sim.clock().sleep(Duration::from_millis(1)).await;
            }
            for (raw, key) in raws.iter_mut().zip(["first", "second"]) {
                if vector.text(key) == "stays" {
                    raw.write(&frame::<Tick>(Kind::Message, &[1])).await.unwrap();
                    assert_eq!(raw.next().await.unwrap().kind, Kind::Window, "line {}: {key}", vector.line);
                } else {
                    let reason = raw.close_reason().await.map(|reason| format!("{reason:?}"));
                    assert_eq!(reason.as_deref(), Some(vector.text(key)), "line {}", vector.line);
                }
            }
            drop(raws);
            bob.stop().await;
        });
    }
}
