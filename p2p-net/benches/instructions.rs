//! The hot path, to be counted in instructions: two nodes in one thread on a clock that stands still.
//!
//! `instructions CASE N` sends `N` of what the case names and sees them handled; it prints nothing. Run it under
//! `valgrind --tool=callgrind` with two values of `N`: the difference, divided by that of the two, is what one message costs
//! at both ends, without start and end of the program. `.ci/instructions` does so and compares with `instructions.txt`.
//!
//! | case | what is sent |
//! |---|---|
//! | `send` | a message of 64 bytes to an annotated handler |
//! | `request` | a request of 32 bytes and its reply of as many, one after the other |
//! | `lanes` | as `send`, on 16 lanes of one channel at once, each with a task that sends and a protocol of its own |
//! | `large` | a message of 64 KiB, which goes in two parts |
//! | `tls` | as `send`, over real sockets and TLS: depends on the processor, so nothing is compared with it |
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

mod lanes;
mod pipe;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use event_listener::Event;
use lanes::Seen;
use p2p_net::clock::Clock;
use p2p_net::p2p::P2pBuilder;
use p2p_net::prelude::*;
use p2p_net::settings::Limits;
use p2p_net::testing::{Simulation, secret_of};
use smol::Executor;

/// 64 bytes as it is encoded: the number takes five.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 128)]
struct Small {
    number: u64,
    #[serde(with = "serde_bytes")]
    body: [u8; 58],
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 128 << 10)]
struct Large {
    body: Bytes,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64, reply = Answer)]
struct Query {
    body: [u8; 32],
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Answer {
    body: [u8; 32],
}

/// How many messages were handled, and who waits for so many.
#[derive(Default)]
struct Handled {
    count: AtomicU64,
    awaited: AtomicU64,
    reached: Event,
}

impl Handled {
    /// Counts one more; says how many there were before.
    fn one_more(&self) -> u64 {
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        if before + 1 == self.awaited.load(Ordering::Relaxed) {
            self.reached.notify(1);
        }
        before
    }

    async fn until(&self, count: u64) {
        self.awaited.store(count, Ordering::Relaxed);
        let reached = self.reached.listen();
        if self.count.load(Ordering::Relaxed) < count {
            reached.await;
        }
    }
}

#[protocol]
async fn count_small(small: Small, handled: State<Handled>) {
    assert_eq!(small.number, FIRST + handled.one_more());
}

#[protocol]
async fn count_large(large: Large, handled: State<Handled>) {
    assert_eq!(large.body.len(), 64 << 10);
    handled.one_more();
}

#[protocol]
async fn reply(query: Query) -> Answer {
    Answer { body: query.body }
}

/// Numbers from here on are encoded in five bytes, however many follow.
const FIRST: u64 = 1 << 20;

async fn send(channel: &Channel, n: u64) {
    for number in FIRST..FIRST + n {
        channel.send(&Small { number, body: [7; 58] }).await.unwrap();
    }
}

async fn request(channel: &Channel, n: u64, handled: &Handled) {
    for _ in 0..n {
        let body = [7; 32];
        assert_eq!(channel.request(Query { body }).await.unwrap().body, body);
        handled.one_more();
    }
}

async fn large(channel: &Channel, n: u64) {
    let message = Large { body: vec![7; 64 << 10].into() };
    for _ in 0..n {
        channel.send(&message).await.unwrap();
    }
}

// No more than show what another lane costs: each is a protocol to be compiled.
lanes::lanes! {
    L00 l00 L01 l01 L02 l02 L03 l03 L04 l04 L05 l05 L06 l06 L07 l07
    L08 l08 L09 l09 L10 l10 L11 l11 L12 l12 L13 l13 L14 l14 L15 l15
}

fn through_a_pipe(case: &str, n: u64) {
    let (sim, handled, seen) = (Simulation::new(0), Arc::<Handled>::default(), Arc::<Seen>::default());
    sim.run(async {
        let share = |node: P2pBuilder| node.shared_state(handled.clone()).shared_state(seen.clone());
        let [alice, bob] = pipe::pair(&sim, share).await;
        let channel = alice.channel(&bob.id()).unwrap();
        match case {
            "send" => send(&channel, n).await,
            "request" => request(&channel, n, &handled).await,
            "lanes" => {
                send_on_lanes(sim.executor(), &channel, n / LANES).await;
                seen.until(n / LANES * LANES).await;
            }
            "large" => large(&channel, n).await,
            other => panic!("no case `{other}`: send, request, lanes, large, tls"),
        }
        if case != "lanes" {
            handled.until(n).await;
        }
        alice.stop().await;
        bob.stop().await;
    });
}

/// One thread and a clock that stands still here too, so that no write depends on how fast the machine is.
fn through_tls(n: u64) {
    let (executor, clock, handled) = (Arc::new(Executor::new()), Clock::simulated(), Arc::<Handled>::default());
    smol::block_on(executor.run(async {
        let start = async |host: &str| {
            let listen = vec!["tls://127.0.0.1:0".parse().unwrap()];
            let limits = Limits { channel_memory: pipe::CHANNEL_MEMORY, ..Limits::default() };
            let settings = Settings { listen, outbound_slots: 0, random_seed: Some(1), limits, ..Settings::default() };
            let node = P2p::builder(settings).identity(secret_of(host)).clock(clock.clone());
            let node = node.shared_state(handled.clone()).state(Seen::default());
            let node = node.without_handshake().build().await.unwrap();
            node.clone().start(executor.clone()).await.unwrap();
            executor.spawn(node.clone().run(executor.clone())).detach();
            node
        };
        let (alice, bob) = (start("alice").await, start("bob").await);
        let peer = alice.add_peer(&bob.advertised()[0]).await.unwrap();
        send(&alice.channel(&peer).unwrap(), n).await;
        handled.until(n).await;
        alice.stop().await;
        bob.stop().await;
    }));
}

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
    let usage = "a case, and how many messages: `send 20000`";
    let (case, n) = (words.next().expect(usage), words.next().and_then(|n| n.parse().ok()).expect(usage));
    match case.as_str() {
        "tls" => through_tls(n),
        case => through_a_pipe(case, n),
    }
}
