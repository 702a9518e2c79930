//! A peer that proves its key and then sends what no honest peer sends: it is told why it goes, and nobody else notices.

use std::time::Duration;

use p2p_net::disconnect::{DisconnectReason as Reason, Side};
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::message::frame::{Kind, MAX_PAYLOAD};
use p2p_net::message::{MOST_GROWTH, Message, MessageId};
use p2p_net::p2p::P2pPtr;
use p2p_net::testing::{Simulation, secret_of};
use p2p_net::{ProtocolSet, Settings};
use p2p_tests::meter::{Flat, alone};
use p2p_tests::plain::{Ask, Blob, Calm, Count, Greeter, Greeting, Note, Tick, Unread, office};
use p2p_tests::raw::{Raw, bytes, frame, frame_of, request, run, start};

const STRANGER: u32 = 0x1234_5678;

/// Everything that proves misbehaviour, each with the reason it must end with.
fn violations() -> Vec<(&'static str, Vec<u8>, Reason)> {
    let note = Note::ID.to_wire();
    let full = frame::<Unread>(Kind::Message, &[0; 1016]);
    let answers = MessageId::of_replies_to(Ask::NAME);
    vec![
        ("a message over its size", frame::<Note>(Kind::Message, &[b'x'; 4097]), Reason::MessageTooLarge),
        ("a size over the limit, announced", bytes(4097, 0, 0, note, &[]), Reason::MessageTooLarge),
        ("an unknown kind", bytes(0, 10, 0, note, &[]), Reason::UnknownKind),
        ("the last unknown kind", bytes(0, 255, 0, note, &[]), Reason::UnknownKind),
        ("a reserved flag", bytes(0, 0, 1, note, &[]), Reason::UnknownKind),
        ("an unknown message", bytes(3, 0, 0, STRANGER, &[1, 2, 3]), Reason::UnknownMessage),
        ("an unknown message, announced", bytes(u16::MAX, 0, 0, STRANGER, &[]), Reason::UnknownMessage),
        ("credit for an unknown message", bytes(4, 5, 0, STRANGER, &[1, 0, 0, 0]), Reason::UnknownMessage),
        ("a truncated message", frame::<Note>(Kind::Message, &[9, b'x']), Reason::Malformed),
        ("an empty message that is not empty", frame::<Note>(Kind::Message, &[]), Reason::Malformed),
        ("trailing bytes", frame::<Note>(Kind::Message, &[1, b'x', 0]), Reason::Malformed),
        ("text that is no text", frame::<Note>(Kind::Message, &[1, 0xff]), Reason::Malformed),
        ("a length without its bytes", frame::<Blob>(Kind::Message, &[253, 0, 0, 0, 0, 0, 0, 1, 0]), Reason::Malformed),
        ("a full window and one frame", full.repeat(65), Reason::WindowExceeded),
        (
            "credit beyond the largest window",
            frame::<Note>(Kind::Window, &(Note::WINDOW * (MOST_GROWTH - 1) + 1).to_le_bytes()),
            Reason::WindowExceeded,
        ),
        ("all credit there is", frame::<Note>(Kind::Window, &[0xff; 4]), Reason::WindowExceeded),
        ("credit of three bytes", frame::<Note>(Kind::Window, &[0; 3]), Reason::Malformed),
        ("credit of five bytes", frame::<Note>(Kind::Window, &[0; 5]), Reason::Malformed),
        ("a request without reply", request::<Note>(1, &[1, b'x']), Reason::Malformed),
        ("a request without a number", frame::<Ask>(Kind::Request, &[1, 2, 3]), Reason::Malformed),
        ("a reply where messages go", frame::<Ask>(Kind::Reply, &[0; 5]), Reason::Malformed),
        ("a message where replies go", frame_of(Kind::Message, answers, &[0]), Reason::Malformed),
        ("a reply without a number", frame_of(Kind::Reply, answers, &[0]), Reason::Malformed),
        ("a request in parts, over its size", request_in_parts(), Reason::MessageTooLarge),
        ("parts that never end", frame::<Blob>(Kind::Part, &[0; MAX_PAYLOAD]).repeat(17), Reason::MessageTooLarge),
    ]
}

fn request_in_parts() -> Vec<u8> {
    [frame::<Ask>(Kind::Part, &[0; 12]), frame::<Ask>(Kind::Request, &[0])].concat()
}

/// What the node says of the end of `peer`.
async fn end_of(
    node: &P2pPtr,
    peer: &str,
    act: impl Future<Output = Option<Reason>>,
) -> (Reason, Side, Option<Reason>) {
    let (mut events, peer_id) = (node.subscribe_events(), secret_of(peer).id());
    let told = act.await;
    loop {
        match events.next().await {
            Some(Seen::Event(PeerEvent::Drop { peer, reason })) if peer == peer_id => {
                return (reason.reason, reason.by, told);
            }
            Some(_) => {}
            None => panic!("the node is gone"),
        }
    }
}

async fn is_untouched(alice: &P2pPtr, bob: &P2pPtr) {
    let channel = alice.channel(&bob.id()).expect("still connected");
    assert_eq!(channel.request(Ask { n: 1 }).await.unwrap().n, 2);
    assert!(bob.hosts().bans().iter().all(|ban| ban.who.to_string() != format!("key {}", alice.id())));
}

/// Sends `input` as mallory; what the node said of it, and what mallory was told.
async fn send(sim: &Simulation, bob: &P2pPtr, input: &[u8]) -> (Reason, Side, Option<Reason>) {
    let mut raw = Raw::dial(sim, "mallory", bob).await;
    end_of(bob, "mallory", async {
        let _ = raw.write(input).await;
        raw.close_reason().await
    })
    .await
}

#[test]
fn each_violation_ends_with_its_reason_at_both_ends_and_the_second_bans() {
    let _alone = alone();
    let flat = Flat::from_now();
    for (name, input, reason) in violations() {
        let sim = Simulation::new(1);
        run(&sim, async {
            let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
            let (alice, _) = start(&sim, "alice", office(), Settings::default()).await;
            alice.add_peer(&bob.advertised()[0]).await.unwrap();
            let mallory = secret_of("mallory").id();
            assert_eq!(send(&sim, &bob, &input).await, (reason, Side::Local, Some(reason)), "{name}");
            assert_eq!(bob.hosts().banned_until(Some(mallory), None), None, "{name}: once may be a bug");
            assert_eq!(send(&sim, &bob, &input).await, (reason, Side::Local, Some(reason)), "{name}");
            sim.clock().sleep(Duration::from_secs(2)).await;
            assert!(bob.hosts().banned_until(Some(mallory), None).is_some(), "{name}: twice is a ban");
            let mut raw = Raw::dial(&sim, "mallory", &bob).await;
            assert_eq!(raw.close_reason().await, Some(Reason::Banned), "{name}");
            is_untouched(&alice, &bob).await;
            alice.stop().await;
            bob.stop().await;
            assert_eq!(bob.task_count(), 0, "{name}");
        });
        assert_eq!(sim.network().live_connections(), 0, "{name}");
    }
    flat.check(8 << 20);
}

/// What is odd, but proves nothing: the node says the reason, if it ends at all, and never counts it.
#[test]
fn what_an_honest_peer_can_cause_never_bans() {
    let _alone = alone();
    let close = |payload: &[u8]| frame_of(Kind::Close, MessageId::from_wire(0), payload);
    let note = frame::<Note>(Kind::Message, &[1, b'x']);
    let cases = [
        ("a cut in the header", note[..5].to_vec(), Reason::NetworkError, Side::Local),
        ("a cut in the payload", note[..9].to_vec(), Reason::NetworkError, Side::Local),
        ("nothing at all", Vec::new(), Reason::NetworkError, Side::Local),
        ("a close without a code", close(&[]), Reason::Requested, Side::Remote),
        ("a close with an unknown code", close(&[99]), Reason::Other(99), Side::Remote),
        ("a close with the code of no close", close(&[255]), Reason::Other(255), Side::Remote),
        ("a close full of garbage", close(&[0xff; MAX_PAYLOAD]), Reason::Other(255), Side::Remote),
        ("frames after a close", [close(&[1]), note.repeat(1000)].concat(), Reason::Stopped, Side::Remote),
        ("nonsense after a close", [close(&[1]), vec![0xff; 100_000]].concat(), Reason::Stopped, Side::Remote),
    ];
    for (name, input, reason, by) in cases {
        let sim = Simulation::new(2);
        run(&sim, async {
            let (bob, record) = start(&sim, "bob", office(), Settings::default()).await;
            for _ in 0..5 {
                let mut raw = Raw::dial(&sim, "mallory", &bob).await;
                let end = end_of(&bob, "mallory", async {
                    let _ = raw.write(&input).await;
                    drop(raw);
                    None
                });
                assert_eq!(end.await, (reason, by, None), "{name}");
            }
            assert_eq!(bob.hosts().bans(), [], "{name}");
            assert_eq!(record.notes(), [""; 0], "{name}: nothing after a close counts");
            bob.stop().await;
        });
    }
}

#[test]
fn a_detail_in_a_close_frame_is_kept_short_and_harmless() {
    let _alone = alone();
    let sim = Simulation::new(3);
    run(&sim, async {
        let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
        let mut events = bob.subscribe_events();
        let mut raw = Raw::dial(&sim, "mallory", &bob).await;
        raw.write(&frame_of(Kind::Close, MessageId::from_wire(7), &[b'\n'; 5000])).await.unwrap();
        let reason = loop {
            if let Some(Seen::Event(PeerEvent::Drop { reason, .. })) = events.next().await {
                break reason;
            }
        };
        assert_eq!(reason.detail.len(), 255);
        assert!(!reason.to_string().contains('\n'));
        bob.stop().await;
    });
}

#[test]
fn replies_nobody_asked_for_are_dropped_and_change_nothing() {
    let _alone = alone();
    let sim = Simulation::new(4);
    run(&sim, async {
        let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
        let mut raw = Raw::dial(&sim, "mallory", &bob).await;
        let flat = Flat::from_now();
        let (ask, answers) = (Ask { n: 40 }, MessageId::of_replies_to(Ask::NAME));
        for number in 0..100_000_u32 {
            let kind = if number % 2 == 0 { Kind::Reply } else { Kind::ReplyError };
            raw.write(&frame_of(kind, answers, &[&number.to_le_bytes()[..], &[7]].concat())).await.unwrap();
            if number % 50 == 0 {
                // Within the window: more at once would be a violation of its own.
                sim.clock().sleep(Duration::from_micros(1)).await;
            }
        }
        flat.check(4 << 20);
        // None of them was taken for the answer to a question asked later.
        let reply = bob.channel(&secret_of("mallory").id()).unwrap().request(ask);
        let asked = async {
            let frame = raw.next_of(Kind::Request).await.unwrap();
            raw.write(&frame_of(Kind::Reply, answers, &[&frame.payload[..4], &[41]].concat())).await.unwrap();
            // Twice is once.
            raw.write(&frame_of(Kind::Reply, answers, &[&frame.payload[..4], &[42]].concat())).await.unwrap();
        };
        let (answer, ()) = futures::join!(reply, asked);
        assert_eq!(answer.unwrap().n, 41);
        bob.stop().await;
    });
}

#[test]
fn parts_without_bytes_for_ever_cost_nothing_but_their_bytes() {
    let _alone = alone();
    let sim = Simulation::new(5);
    run(&sim, async {
        let (bob, record) = start(&sim, "bob", office(), Settings::default()).await;
        let mut raw = Raw::dial(&sim, "mallory", &bob).await;
        let parts = frame::<Blob>(Kind::Part, &[]).repeat(1000);
        raw.write(&parts).await.unwrap();
        let flat = Flat::from_now();
        for _ in 0..2000 {
            raw.write(&parts).await.unwrap();
        }
        flat.check(4 << 20);
        raw.write(&frame::<Blob>(Kind::Message, &[1, 7])).await.unwrap();
        raw.write(&frame::<Tick>(Kind::Message, &[7])).await.unwrap();
        sim.clock().sleep(Duration::from_millis(1)).await;
        assert_eq!(record.blobs.load(std::sync::atomic::Ordering::Relaxed), 1);
        bob.stop().await;
    });
}

/// The end of a protocol is told with the hash of its name: one that both offered and that is not the handshake's.
#[test]
fn the_end_of_a_protocol_that_nobody_runs_is_a_violation() {
    let _alone = alone();
    for (name, reason) in
        [("calm", None), ("nobody", Some(Reason::UnknownMessage)), ("greeter", Some(Reason::UnknownMessage))]
    {
        let sim = Simulation::new(1);
        run(&sim, async {
            let set = ProtocolSet::empty().with::<Greeter>().with::<Calm>();
            let (bob, record) = start(&sim, "bob", set, Settings::default()).await;
            let mut raw = Raw::dial(&sim, "mallory", &bob).await;
            let greeting = raw.next_of(Kind::Message).await.unwrap();
            let left = frame_of(Kind::Left, MessageId::of(name), b"enough");
            let count = frame::<Count>(Kind::Message, &[7]);
            let said = [frame::<Greeting>(Kind::Message, &greeting.payload), count, left.repeat(2)];
            raw.write(&said.concat()).await.unwrap();
            sim.clock().sleep(Duration::from_secs(1)).await;
            match reason {
                Some(_) => assert_eq!(raw.close_reason().await, reason, "{name}"),
                None => {
                    assert_eq!(bob.peer_count(), 1, "{name}: twice is as good as once");
                    let counts = record.counts.load(std::sync::atomic::Ordering::Relaxed);
                    assert_eq!(counts, 1, "what came before is handled");
                    assert!(bob.peers_running("calm").is_empty());
                }
            }
            bob.stop().await;
        });
    }
}
