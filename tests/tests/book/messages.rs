//! What the page "Messages" shows.

use std::collections::BTreeMap;
use std::time::Duration;

use p2p_net::channel::SendError;
use p2p_net::message::{MessageSpec, Priority};
use p2p_net::prelude::*;
use p2p_net::testing;

// ANCHOR: keys
#[derive(Message, Serialize, Deserialize)]
#[message(name = "tick", max_bytes = 64, window = 4096, rate = "20/1s", priority = high)]
pub struct PriceOfOneThing {
    pub thing: u32,
    pub cents: u64,
}
// ANCHOR_END: keys

// ANCHOR: fields
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64 * 1024)]
pub struct Report {
    pub author: NodeId,
    pub colour: Colour,
    pub by_name: BTreeMap<String, Vec<i32>>,
    pub took: Duration,
    pub picture: Bytes,
    #[message(opaque = "decimal-1")]
    pub price: Decimal,
}

#[derive(Schema, Serialize, Deserialize)]
pub enum Colour {
    Grey(u8),
    Mixed { red: u8, green: u8, blue: u8 },
}

/// From a crate that knows nothing of messages.
#[derive(Serialize, Deserialize)]
pub struct Decimal(i64, u8);
// ANCHOR_END: fields

#[protocol]
async fn prices(_tick: PriceOfOneThing) {}

#[protocol]
async fn reports(_report: Report) {}

// ANCHOR: spec
#[test]
fn what_a_node_knows_of_a_message() {
    let spec = MessageSpec::of::<PriceOfOneThing>();
    assert_eq!((spec.name, spec.max_bytes, spec.window), ("tick", 64, 4096));
    assert_eq!(spec.priority, Priority::High);
    assert_eq!(spec.rate.unwrap().to_string(), "20 per 1s, burst 20");
}
// ANCHOR_END: spec

fn report(picture: usize) -> Report {
    Report {
        author: NodeId::from_bytes([1; 32]),
        colour: Colour::Mixed { red: 1, green: 2, blue: 3 },
        by_name: BTreeMap::new(),
        took: Duration::from_millis(5),
        picture: vec![0; picture].into(),
        price: Decimal(1999, 2),
    }
}

#[test]
fn what_is_too_large_is_not_sent() {
    testing::pair().with::<reports>().run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        // ANCHOR: too_large
        let error = channel.send(&report(100_000)).await.unwrap_err();
        assert!(matches!(error, SendError::TooLarge { message: "report", max_bytes: 65_536, .. }));
        // ANCHOR_END: too_large
        assert!(error.to_string().ends_with("bytes is over its limit of 65536"), "{error}");
        channel.send(&report(1000)).await.unwrap();
    });
}

#[test]
fn what_the_peer_does_not_run_is_not_sent() {
    testing::pair().with::<reports>().run(async |[alice, bob]| {
        let error = alice.to(&bob).send(&PriceOfOneThing { thing: 1, cents: 2 }).await.unwrap_err();
        let text = "message `tick` belongs to no protocol of this node: add the protocol that handles it";
        assert_eq!(error.to_string(), text);
    });
}

#[test]
fn a_peer_that_sends_more_often_than_the_rate_is_gone() {
    testing::pair().with::<prices>().run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        for cents in 0..=20 {
            channel.send(&PriceOfOneThing { thing: 1, cents }).await.unwrap();
        }
        let why = channel.closed().await;
        assert_eq!(why.reason.to_string(), "more messages than the rate allows");
    });
}
