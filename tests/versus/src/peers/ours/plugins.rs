//! The plugins the works send to: annotated handlers that count and answer, with the windows their sizes ask for.

use p2p_net::ProtocolSet;
use p2p_net::prelude::*;
use p2p_protocols::address::ProtocolAddress;
use p2p_protocols::ping::ProtocolPing;
use p2p_protocols::version::ProtocolVersion;

use crate::measure::{Ledger, NUMBER};
use crate::peer::{NEWS, QUESTION, SMALL};

/// What a program runs anyway: version, ping and address.
pub(super) fn base() -> ProtocolSet {
    ProtocolSet::empty().with::<ProtocolVersion>().with::<ProtocolPing>().with::<ProtocolAddress>()
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 128)]
pub(super) struct Small {
    #[serde(with = "serde_bytes")]
    pub(super) number: [u8; NUMBER],
    #[serde(with = "serde_bytes")]
    pub(super) body: [u8; SMALL - NUMBER],
}

#[protocol]
pub(super) async fn count_small(small: Small, ledger: State<Ledger>) {
    ledger.lane(0).take(small.number, NUMBER + small.body.len(), SMALL);
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64, reply = Answer)]
pub(super) struct Question {
    #[serde(with = "serde_bytes")]
    pub(super) body: [u8; QUESTION],
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
pub(super) struct Answer {
    #[serde(with = "serde_bytes")]
    pub(super) body: [u8; QUESTION],
}

#[protocol]
pub(super) async fn answer(question: Question) -> Answer {
    Answer { body: question.body }
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 2 * NEWS)]
pub(super) struct News {
    #[serde(with = "serde_bytes")]
    pub(super) number: [u8; NUMBER],
    pub(super) body: Bytes,
}

#[protocol]
pub(super) async fn hear(news: News, ledger: State<Ledger>) {
    if ledger.stalled {
        std::future::pending::<()>().await;
    }
    ledger.lane(0).take(news.number, NUMBER + news.body.len(), NEWS);
}

/// A message whose body has any length.
pub(super) trait AnySize: Message {
    /// With the number `[0; NUMBER]` and a body that makes it `size` bytes.
    fn of(size: usize) -> Self;
    fn renumber(&mut self, number: [u8; NUMBER]);
}

/// A message type for sizes up to `$most`, and the plugin that counts it.
macro_rules! sized {
    ($message:ident $handler:ident, up to $most:expr, window $window:expr) => {
        #[derive(Message, Serialize, Deserialize)]
        #[message(max_bytes = ($most) + 64, window = $window)]
        pub(super) struct $message {
            #[serde(with = "serde_bytes")]
            number: [u8; NUMBER],
            body: Bytes,
        }

        impl AnySize for $message {
            fn of(size: usize) -> Self {
                Self { number: [0; NUMBER], body: vec![7; size - NUMBER].into() }
            }

            fn renumber(&mut self, number: [u8; NUMBER]) {
                self.number = number;
            }
        }

        #[protocol]
        pub(super) async fn $handler(message: $message, ledger: State<Ledger>) {
            ledger.lane(0).take(message.number, NUMBER + message.body.len(), ledger.size);
        }
    };
}

sized!(Kilobyte count_kilobyte, up to 1 << 10, window p2p_net::message::DEFAULT_WINDOW);
sized!(Kilobytes count_kilobytes, up to 64 << 10, window p2p_net::message::DEFAULT_WINDOW);
sized!(Big count_big, up to 1 << 20, window 3 << 19);
// The largest message there is, its encoding's own bytes included.
sized!(Huge count_huge, up to (16 << 20) - 64, window 2 << 20);
