//! Any number of protocols with one message each, all of them busy at once: lanes and inboxes of one channel.

use std::sync::atomic::{AtomicU64, Ordering};

use event_listener::Event;

/// Counts what was handled on all lanes.
#[derive(Default)]
pub(crate) struct Seen {
    count: AtomicU64,
    awaited: AtomicU64,
    reached: Event,
}

impl Seen {
    pub(crate) fn one_more(&self) {
        if self.count.fetch_add(1, Ordering::SeqCst) + 1 == self.awaited.load(Ordering::SeqCst) {
            self.reached.notify(1);
        }
    }

    pub(crate) async fn until(&self, count: u64) {
        let reached = self.reached.listen();
        self.awaited.store(count, Ordering::SeqCst);
        if self.count.load(Ordering::SeqCst) < count {
            reached.await;
        }
    }
}

/// A protocol for each message and handler that is named, `LANES`, and what sends on all of them.
macro_rules! lanes {
    ($($message:ident $handler:ident)*) => {
        $(
            #[derive(Message, Serialize, Deserialize)]
            #[message(max_bytes = 128)]
            struct $message {
                number: u64,
                #[serde(with = "serde_bytes")]
                body: [u8; 58],
            }

            #[protocol]
            async fn $handler(message: $message, seen: State<lanes::Seen>) {
                assert!(message.number >= lanes::FIRST && message.body.len() == 58);
                seen.one_more();
            }
        )*

        /// How many lanes there are.
        const LANES: u64 = [$(stringify!($message)),*].len() as u64;

        /// Sends `n` messages on each lane, from a task for each.
        async fn send_on_lanes(executor: &Executor<'static>, channel: &Channel, n: u64) {
            let tasks = [$({
                let channel = channel.clone();
                executor.spawn(async move {
                    for number in lanes::FIRST..lanes::FIRST + n {
                        channel.send(&$message { number, body: [7; 58] }).await?;
                    }
                    Ok::<(), p2p_net::channel::SendError>(())
                })
            }),*];
            futures::future::try_join_all(tasks).await.unwrap();
        }
    };
}

/// Numbers from here on are encoded in five bytes, however many follow.
pub(crate) const FIRST: u64 = 1 << 20;

pub(crate) use lanes;
