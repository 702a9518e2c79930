//! What a message allocates, in number: nothing on its way from `send` to its handler. An allocator counts, for this
//! thread, in which both nodes run.

#[path = "../../p2p-net/benches/pipe/mod.rs"]
mod pipe;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use allocation_counter::{AllocationInfo, measure};
use futures::FutureExt;
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;

/// 64 bytes as it is encoded.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Small {
    #[serde(with = "serde_bytes")]
    body: [u8; 63],
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

#[protocol]
async fn count(_small: Small, handled: State<AtomicU64>) {
    handled.fetch_add(1, Ordering::Relaxed);
}

#[protocol]
async fn reply(query: Query) -> Answer {
    Answer { body: query.body }
}

/// Messages that are counted, after as many that warm the buffers up.
const N: u64 = 10_000;

/// Messages sent in one go: so few that nobody waits for credit or room, which is not the path that is measured here.
const BURST: u64 = 100;

/// Allocations there may be in all: the executor's queue makes room for 31 woken tasks at a time, and each burst wakes a
/// few.
const BY_THE_EXECUTOR: u64 = 20;

/// Allocations of a request, both ends together: two boxes of whoever asks, one of them for a future of unnamed type, and
/// the reply's bytes on their way from the channel's reader to it.
const A_REQUEST: u64 = 3;

/// Two connected nodes in this thread.
struct Lab {
    sim: Simulation,
    channel: Channel,
    handled: Arc<AtomicU64>,
}

impl Lab {
    fn new() -> Self {
        let (sim, handled) = (Simulation::new(0), Arc::<AtomicU64>::default());
        let [alice, bob] = sim.run(pipe::pair(&sim, |node| node.shared_state(handled.clone())));
        Self { channel: alice.channel(&bob.id()).unwrap(), sim, handled }
    }

    /// Sends a burst; nothing but the sender runs, so the messages stay in its outbox.
    fn send(&self) {
        for _ in 0..BURST {
            self.channel.send(&Small { body: [7; 63] }).now_or_never().expect("there is room").unwrap();
        }
    }

    /// Runs the tasks of both nodes until they have nothing to do: the outbox is written, read and handled.
    fn drain(&self) {
        while self.sim.executor().try_tick() {}
    }

    fn requests(&self, n: u64) {
        self.sim.run(async {
            for _ in 0..n {
                let _answer = self.channel.request(Query { body: [7; 32] }).await.unwrap();
            }
        });
    }
}

/// What `step` allocates in all of `N` messages, beside what `between` does.
fn allocated(step: impl Fn(), between: impl Fn()) -> u64 {
    let round = || {
        (0..N / BURST).fold(0, |count, _| {
            let AllocationInfo { count_total, .. } = measure(&step);
            between();
            count + count_total
        })
    };
    round();
    round()
}

#[test]
fn a_small_message_is_sent_without_an_allocation() {
    let lab = Lab::new();
    let count = allocated(|| lab.send(), || lab.drain());
    assert_eq!(lab.handled.load(Ordering::Relaxed), 2 * N, "all of them came");
    assert!(count <= BY_THE_EXECUTOR, "sending {N} messages: {count} allocations");
}

#[test]
fn a_small_message_is_received_and_dispatched_without_an_allocation() {
    let lab = Lab::new();
    lab.send();
    let count = allocated(|| lab.drain(), || lab.send());
    assert_eq!(lab.handled.load(Ordering::Relaxed), 2 * N, "all of them came");
    assert!(count <= BY_THE_EXECUTOR, "receiving {N} messages: {count} allocations");
}

#[test]
fn a_request_allocates_three_times() {
    let lab = Lab::new();
    lab.requests(N);
    let count = measure(|| lab.requests(N)).count_total;
    // Whole ones: the tasks a request wakes are a fraction of one.
    assert_eq!(count / N, A_REQUEST, "{N} requests: {count} allocations");
}
