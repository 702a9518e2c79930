//! Streams of random frames, and honest streams with a few bytes changed: each ends in a reason or goes on, and the node
//! is as well as before.

use std::time::Duration;

use fastrand::Rng;
use p2p_net::Settings;
use p2p_net::disconnect::{DisconnectReason as Reason, Side};
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::message::frame::{Kind, MAX_PAYLOAD};
use p2p_net::message::{Message, MessageId};
use p2p_net::p2p::P2pPtr;
use p2p_net::testing::{Simulation, secret_of};
use p2p_tests::meter::{Flat, alone};
use p2p_tests::plain::{Answer, Ask, Blob, Count, Greeter, Greeting, Note, Tick, Unread, office};
use p2p_tests::raw::{Raw, bytes, frame, frame_of, request, run, start};

fn id(rng: &mut Rng) -> u32 {
    let replies = MessageId::of_replies_to(Ask::NAME);
    let known = [Note::ID, Ask::ID, Answer::ID, Blob::ID, Tick::ID, Unread::ID, Count::ID, Greeting::ID, replies];
    if rng.u8(..) < 8 { rng.u32(..) } else { rng.choice(known).map_or(0, MessageId::to_wire) }
}

fn payload(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.u8(..) {
        0..200 => rng.usize(..16),
        200..250 => rng.usize(..5000),
        _ => rng.usize(..=MAX_PAYLOAD),
    };
    (0..len).map(|_| rng.u8(..)).collect()
}

/// A frame that is at least shaped like one, mostly.
fn random(rng: &mut Rng) -> Vec<u8> {
    let payload = payload(rng);
    let kind = if rng.u8(..) < 4 { rng.u8(..) } else { rng.u8(..10) };
    let flags = if rng.u8(..) < 2 { rng.u8(..) } else { 0 };
    let len = if rng.u8(..) < 4 { rng.u16(..) } else { payload.len() as u16 };
    bytes(len, kind, flags, id(rng), &payload)
}

/// A frame that an honest peer could send.
fn honest(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..7) {
        0 => frame::<Note>(Kind::Message, &[2, b'h', b'i']),
        1 => request::<Ask>(rng.u32(..), &[rng.u8(..250)]),
        2 => frame::<Tick>(Kind::Message, &[rng.u8(..)]),
        3 => frame::<Count>(Kind::Message, &[rng.u8(..250)]),
        4 => frame::<Blob>(Kind::Message, &[1, 9]),
        5 => [frame::<Blob>(Kind::Part, &[251, 0, 1]), frame::<Blob>(Kind::Message, &[9; 256])].concat(),
        _ => frame_of(Kind::Reply, MessageId::of_replies_to(Ask::NAME), &[0, 0, 0, 0, rng.u8(..250)]),
    }
}

fn mutated(rng: &mut Rng) -> Vec<u8> {
    let mut stream: Vec<u8> = (0..rng.usize(1..30)).flat_map(|_| honest(rng)).collect();
    for _ in 0..rng.usize(..4) {
        let at = rng.usize(..stream.len());
        match rng.u8(..4) {
            0 => stream[at] ^= 1 << rng.u8(..8),
            1 => stream[at] = rng.u8(..),
            2 => drop(stream.remove(at)),
            _ => stream.insert(at, rng.u8(..)),
        }
        if stream.is_empty() {
            break;
        }
    }
    stream
}

async fn is_well(alice: &P2pPtr, bob: &P2pPtr) {
    let channel = alice.channel(&bob.id()).expect("an honest peer stays connected");
    assert_eq!(channel.request(Ask { n: 1 }).await.unwrap().n, 2);
}

/// One stream after another to one node, each from a peer of its own.
fn feed(seed: u64, streams: usize, stream: impl Fn(&mut Rng) -> Vec<u8>, handshake: bool) -> [usize; 2] {
    let (sim, mut rng) = (Simulation::new(seed), Rng::with_seed(seed));
    let mut ends = [0; 2];
    run(&sim, async {
        let set = if handshake { office().with::<Greeter>() } else { office() };
        let (bob, _) = start(&sim, "bob", set.clone(), Settings::default()).await;
        let (alice, _) = start(&sim, "alice", set, Settings::default()).await;
        alice.add_peer(&bob.advertised()[0]).await.unwrap();
        let mut events = bob.subscribe_events();
        for number in 0..streams {
            let host = format!("m{number}");
            let mut raw = Raw::dial(&sim, &host, &bob).await;
            let bytes = stream(&mut rng);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let len = rng.usize(1..=rest.len());
                if raw.write(&rest[..len]).await.is_err() {
                    break;
                }
                rest = &rest[len..];
                if rng.bool() {
                    sim.clock().sleep(Duration::from_micros(1)).await;
                }
            }
            sim.clock().sleep(Duration::from_millis(1)).await;
            drop(raw);
            if handshake {
                continue;
            }
            let end = loop {
                match events.next().await {
                    Some(Seen::Event(PeerEvent::Drop { peer, reason })) if peer == secret_of(&host).id() => {
                        break reason;
                    }
                    Some(_) => {}
                    None => panic!("the node is gone"),
                }
            };
            let fine = end.by == Side::Remote || end.reason == Reason::NetworkError || end.reason.is_violation();
            assert!(fine, "seed {seed}, stream {number}: {end}");
            ends[usize::from(end.reason.is_violation())] += 1;
        }
        is_well(&alice, &bob).await;
        sim.clock().sleep(Duration::from_secs(10)).await;
        assert_eq!(bob.peer_count(), 1);
        alice.stop().await;
        bob.stop().await;
        assert_eq!(bob.task_count(), 0);
    });
    assert_eq!(sim.network().live_connections(), 0);
    ends
}

#[test]
fn random_frames_end_in_a_reason_or_go_on() {
    let _alone = alone();
    let flat = Flat::from_now();
    let mut ends = [0; 2];
    for seed in 0..20 {
        let stream = |rng: &mut Rng| (0..rng.usize(1..40)).flat_map(|_| random(rng)).collect();
        let [fine, violations] = feed(seed, 100, stream, false);
        ends = [ends[0] + fine, ends[1] + violations];
    }
    assert!(ends[0] > 10 && ends[1] > 1000, "the generator makes both: {ends:?}");
    flat.check(16 << 20);
}

#[test]
fn honest_frames_with_a_few_bytes_changed_end_in_a_reason_or_go_on() {
    let _alone = alone();
    let mut ends = [0; 2];
    for seed in 100..120 {
        let [fine, violations] = feed(seed, 100, mutated, false);
        ends = [ends[0] + fine, ends[1] + violations];
    }
    assert!(ends[0] > 200 && ends[1] > 200, "the generator makes both: {ends:?}");
}

#[test]
fn noise_instead_of_frames_ends_in_a_reason() {
    let _alone = alone();
    let noise = |rng: &mut Rng| (0..rng.usize(8..100_000)).map(|_| rng.u8(..)).collect();
    let [_, violations] = feed(200, 100, noise, false);
    assert!(violations >= 99);
}

#[test]
fn random_frames_before_the_handshake_end_in_a_reason_or_a_timeout() {
    let _alone = alone();
    for seed in 300..305 {
        feed(seed, 50, |rng| (0..rng.usize(1..40)).flat_map(|_| random(rng)).collect(), true);
        feed(seed, 50, mutated, true);
    }
}
