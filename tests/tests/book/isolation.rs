//! What the page "Isolation and limits" shows.

use std::future::pending;

use p2p_net::channel::SendError;
use p2p_net::prelude::*;
use p2p_net::testing;

// ANCHOR: bad
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024)]
enum Trouble {
    Panic,
    Stall,
}

#[protocol]
async fn troubled(trouble: Trouble) {
    match trouble {
        Trouble::Panic => panic!("a bug"),
        Trouble::Stall => pending().await,
    }
}
// ANCHOR_END: bad

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Echo)]
struct Call(u32);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Echo(u32);

#[protocol]
async fn sibling(Call(n): Call) -> Echo {
    Echo(n)
}

// ANCHOR: panics
#[test]
fn a_sibling_survives_a_panic() {
    testing::pair().with::<troubled>().with::<sibling>().run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        channel.send(&Trouble::Panic).await.unwrap();
        assert_eq!(channel.request(Call(1)).await, Ok(Echo(1)));
        assert_eq!(channel.disconnect(), None);
    });
}
// ANCHOR_END: panics

// ANCHOR: stalls
#[test]
fn a_sibling_does_not_wait_for_one_that_is_stuck() {
    testing::pair().with::<troubled>().with::<sibling>().run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        let stuck = loop {
            if let Err(error) = channel.send(&Trouble::Stall).await {
                break error;
            }
        };
        assert!(matches!(stuck, SendError::TimedOut { lane: "trouble", .. }));
        assert_eq!(stuck.to_string(), "the peer took no `trouble` for 20s");
        assert_eq!(channel.request(Call(2)).await, Ok(Echo(2)));
    });
}
// ANCHOR_END: stalls

/// What one channel can hold, when all windows together may grow by so many bytes.
fn ceiling(window_growth: usize) -> usize {
    let mut settings = Settings { outbound_slots: 0, ..Settings::default() };
    settings.limits.window_growth = window_growth;
    testing::pair().with::<troubled>().settings(settings).run(async |[alice, _bob]| alice.channel_ceiling())
}

// ANCHOR: ceiling
#[test]
fn what_a_channel_can_hold_is_known_beforehand() {
    let limits = Settings::default().limits;
    let windows = ceiling(0);
    assert_eq!(ceiling(1 << 20), windows + (1 << 20));
    assert_eq!(ceiling(limits.window_growth), limits.channel_memory);
}
// ANCHOR_END: ceiling
