//! The parts a message passes through, each alone, without a socket (but `handshake`).
//!
//! `cargo bench -p p2p-net --bench parts [-- frame outbox window inbox dispatch encode decode handshake]` prints nanoseconds an
//! operation and operations a second: the best of several rounds, as the others were disturbed.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use p2p_net::__bench::{Receiving, Sending, run};
use p2p_net::message::frame::{self, Header, Kind};
use p2p_net::prelude::*;
use p2p_net::testing::{decode, encode};
use smol::Executor;

/// How long one round takes, and how many there are.
const ROUND: Duration = Duration::from_millis(50);
const ROUNDS: u32 = 10;

/// Messages in one go.
const BURST: usize = 64;

/// 64 bytes as it is encoded.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Small {
    #[serde(with = "serde_bytes")]
    body: [u8; 63],
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 128 << 10)]
struct Large {
    body: Bytes,
}

/// Texts, numbers and a map, as messages often are.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 4096)]
struct Mixed {
    name: String,
    numbers: Vec<u64>,
    entries: BTreeMap<u32, String>,
    last: Option<(u16, bool)>,
}

fn mixed() -> Mixed {
    let entries = (0..4).map(|n| (n, format!("entry {n}"))).collect();
    Mixed { name: "somebody".to_owned(), numbers: (0..16).map(|n| n * 1000).collect(), entries, last: Some((7, true)) }
}

/// Times `step`, which does `operations` at once.
fn time<T>(name: &str, operations: usize, mut step: impl FnMut() -> T) {
    let mut round = |limit: Duration| {
        let (start, mut steps) = (Instant::now(), 0_u64);
        while start.elapsed() < limit {
            for _ in 0..16 {
                black_box(step());
            }
            steps += 16;
        }
        start.elapsed().as_nanos() as f64 / (steps * operations as u64) as f64
    };
    round(ROUND);
    report(name, (0..ROUNDS).map(|_| round(ROUND)).fold(f64::MAX, f64::min));
}

fn report(name: &str, nanos: f64) {
    println!("{name:<28} {nanos:>12.1} ns {:>14.0} a second", 1e9 / nanos);
}

fn frame() {
    let (mut out, payload) = (Vec::new(), [7; 64]);
    time("frame, write 64 B", BURST, || {
        out.clear();
        (0..BURST).for_each(|_| frame::write(&mut out, Kind::Message, Small::ID, black_box(&payload)));
        black_box(&out);
    });
    let frames = run::<Small>(&payload, BURST);
    time("frame, parse 64 B", BURST, || {
        let mut rest = black_box(&frames[..]);
        while let Some(header) = Header::parse(rest).unwrap() {
            rest = &rest[black_box(header).frame_len()..];
        }
    });
}

fn outbox() {
    let (mut sending, payload) = (Sending::of::<Small>(), [7; 64]);
    time("outbox, offer and take 64 B", BURST, || {
        (0..BURST).for_each(|_| assert!(sending.offer(black_box(&payload))));
        let taken = sending.take();
        assert!(sending.add_credit(taken as u32));
    });
}

/// Credit comes in the smallest steps there are, so that spending it all again costs next to nothing a step.
fn window() {
    let (mut sending, mut spent) = (Sending::of::<Small>(), 0);
    time("window, add credit", 1, || {
        if spent == 0 {
            while sending.offer(&[7; 64]) {}
            spent = sending.take();
        }
        spent -= 1;
        assert!(sending.add_credit(black_box(1)));
    });
}

fn inbox() {
    let frames = run::<Small>(&[7; 64], BURST);
    let mut receiving = Receiving::of::<Small>(1);
    time("inbox, a run of 64, each out", BURST, || {
        assert!(receiving.deliver(black_box(&frames)));
        (0..BURST).for_each(|_| assert_eq!(receiving.next(0), Some(64)));
    });
    let one = run::<Small>(&[7; 64], 1);
    time("inbox, one in, one out", 1, || {
        assert!(receiving.deliver(black_box(&one)));
        assert_eq!(receiving.next(0), Some(64));
    });
}

fn dispatch() {
    let one = run::<Small>(&[7; 64], 1);
    for subscribers in [0, 1, 4] {
        let mut receiving = Receiving::of::<Small>(subscribers);
        time(&format!("dispatch, to {subscribers} and out"), 1, || {
            assert!(receiving.deliver(black_box(&one)));
            (0..subscribers).for_each(|at| assert!(receiving.next(at).is_some()));
        });
    }
}

fn encoding() {
    let (small, large) = (Small { body: [7; 63] }, Large { body: vec![7; 64 << 10].into() });
    time("encode 64 B", 1, || encode(black_box(&small)).unwrap());
    time("encode 64 KiB", 1, || encode(black_box(&large)).unwrap());
    let mixed = mixed();
    time("encode text, list, map", 1, || encode(black_box(&mixed)).unwrap());
}

fn decoding() {
    let bytes = encode(&Small { body: [7; 63] }).unwrap();
    time("decode 64 B", 1, || decode::<Small>(black_box(&bytes)).unwrap());
    let bytes = encode(&Large { body: vec![7; 64 << 10].into() }).unwrap();
    time("decode 64 KiB", 1, || decode::<Large>(black_box(&bytes)).unwrap());
    let bytes = encode(&mixed()).unwrap();
    time("decode text, list, map", 1, || decode::<Mixed>(black_box(&bytes)).unwrap());
}

/// Dial, mutual TLS, and a channel at both ends, over loopback; then its end. One thread does the work of both ends.
fn handshake() {
    const CHANNELS: u32 = 200;
    let executor = Arc::new(Executor::new());
    smol::block_on(executor.run(async {
        let start = async || {
            let listen = vec!["tls://127.0.0.1:0".parse().unwrap()];
            let settings = Settings { listen, outbound_slots: 0, ..Settings::default() };
            let node = P2p::builder(settings).without_handshake().build().await.unwrap();
            node.clone().start(executor.clone()).await.unwrap();
            executor.spawn(node.clone().run(executor.clone())).detach();
            node
        };
        let bob = start().await;
        let mut best = f64::MAX;
        for _ in 0..CHANNELS {
            let alice = start().await;
            let begun = Instant::now();
            alice.add_peer(&bob.advertised()[0]).await.unwrap();
            best = best.min(begun.elapsed().as_nanos() as f64);
            alice.stop().await;
        }
        report("handshake, tls, both ends", best);
        bob.stop().await;
    }));
}

fn main() {
    let mut parts: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if parts.is_empty() {
        parts = ["frame", "outbox", "window", "inbox", "dispatch", "encode", "decode", "handshake"]
            .map(str::to_owned)
            .into();
    }
    for part in parts {
        match part.as_str() {
            "frame" => frame(),
            "outbox" => outbox(),
            "window" => window(),
            "inbox" => inbox(),
            "dispatch" => dispatch(),
            "encode" => encoding(),
            "decode" => decoding(),
            "handshake" => handshake(),
            other => {
                panic!("no part `{other}`: frame, outbox, window, inbox, dispatch, encode, decode, handshake")
            }
        }
    }
}
