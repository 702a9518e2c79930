//! 64 plugins, each with one message type and so one lane of its own.

use futures::future::BoxFuture;
use p2p_net::ProtocolSet;
use p2p_net::prelude::*;

use super::{blast, plugins};
use crate::measure::{Ledger, NUMBER, Pace};
use crate::outcome::Outcome;
use crate::peer::SMALL;

/// Sends on one lane of a channel; how many.
pub(super) type Sender = fn(Channel, Pace) -> BoxFuture<'static, Outcome<u64>>;

macro_rules! lanes {
    ($($number:literal $message:ident $handler:ident,)*) => {
        $(
            #[derive(Message, Serialize, Deserialize)]
            #[message(max_bytes = 128)]
            struct $message {
                #[serde(with = "serde_bytes")]
                number: [u8; NUMBER],
                #[serde(with = "serde_bytes")]
                body: [u8; SMALL - NUMBER],
            }

            #[protocol]
            async fn $handler(message: $message, ledger: State<Ledger>) {
                ledger.lane($number).take(message.number, NUMBER + message.body.len(), SMALL);
            }
        )*

        /// The handshake and the first `count` of them.
        pub(super) fn first(count: usize) -> ProtocolSet {
            let mut set = plugins::base();
            $(
                if $number < count {
                    set = set.with::<$handler>();
                }
            )*
            set
        }

        pub(super) const SENDERS: [Sender; 64] = [$(
            |channel, pace| Box::pin(async move {
                blast(&channel, $message { number: [0; NUMBER], body: [7; SMALL - NUMBER] }, pace, |message, number| {
                    message.number = number;
                }).await
            }),
        )*];
    };
}

#[rustfmt::skip]
lanes! {
    0 Lane0 lane0, 1 Lane1 lane1, 2 Lane2 lane2, 3 Lane3 lane3,
    4 Lane4 lane4, 5 Lane5 lane5, 6 Lane6 lane6, 7 Lane7 lane7,
    8 Lane8 lane8, 9 Lane9 lane9, 10 Lane10 lane10, 11 Lane11 lane11,
    12 Lane12 lane12, 13 Lane13 lane13, 14 Lane14 lane14, 15 Lane15 lane15,
    16 Lane16 lane16, 17 Lane17 lane17, 18 Lane18 lane18, 19 Lane19 lane19,
    20 Lane20 lane20, 21 Lane21 lane21, 22 Lane22 lane22, 23 Lane23 lane23,
    24 Lane24 lane24, 25 Lane25 lane25, 26 Lane26 lane26, 27 Lane27 lane27,
    28 Lane28 lane28, 29 Lane29 lane29, 30 Lane30 lane30, 31 Lane31 lane31,
    32 Lane32 lane32, 33 Lane33 lane33, 34 Lane34 lane34, 35 Lane35 lane35,
    36 Lane36 lane36, 37 Lane37 lane37, 38 Lane38 lane38, 39 Lane39 lane39,
    40 Lane40 lane40, 41 Lane41 lane41, 42 Lane42 lane42, 43 Lane43 lane43,
    44 Lane44 lane44, 45 Lane45 lane45, 46 Lane46 lane46, 47 Lane47 lane47,
    48 Lane48 lane48, 49 Lane49 lane49, 50 Lane50 lane50, 51 Lane51 lane51,
    52 Lane52 lane52, 53 Lane53 lane53, 54 Lane54 lane54, 55 Lane55 lane55,
    56 Lane56 lane56, 57 Lane57 lane57, 58 Lane58 lane58, 59 Lane59 lane59,
    60 Lane60 lane60, 61 Lane61 lane61, 62 Lane62 lane62, 63 Lane63 lane63,
}
