//! A long and fast link is filled without a setting, and memory stays where it was promised to stay; in virtual time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use p2p_net::prelude::*;
use p2p_net::testing::{self, TestNode};
use p2p_net::transport::memory::Link;
use p2p_protocols::version::ProtocolVersion;

/// 1 Gbit/s, in bytes a second.
const GIGABIT: u64 = 125_000_000;

/// With the window that a type has that says nothing.
#[derive(Message, Serialize, Deserialize)]
struct Block {
    body: Bytes,
}

/// Counts what came.
#[protocol]
async fn count(block: Block, came: State<AtomicU64>) {
    came.fetch_add(block.body.len() as u64, Ordering::Relaxed);
}

fn came(node: &TestNode) -> u64 {
    node.state::<AtomicU64>().load(Ordering::Relaxed)
}

/// The part of a link of 1 Gbit/s that one message type uses, in its fourth second.
fn share(latency: Duration, growth: usize) -> f64 {
    let mut settings = Settings { outbound_slots: 0, ..Settings::default() };
    settings.limits.window_growth = growth;
    let network =
        testing::pair().with::<count>().with::<ProtocolVersion>().state(AtomicU64::default).settings(settings);
    let link = Link::with_latency(latency).with_bandwidth(GIGABIT);
    network.link(link).run(async |[alice, bob]| {
        let clock = alice.clock().clone();
        let channel = alice.to(&bob);
        let sending = async {
            let block = Block { body: vec![7; 32 << 10].into() };
            loop {
                channel.send(&block).await.expect("the channel lives");
            }
        };
        let measuring = async {
            clock.sleep(Duration::from_secs(3)).await;
            let before = came(&bob);
            clock.sleep(Duration::from_secs(1)).await;
            (came(&bob) - before) as f64 / GIGABIT as f64
        };
        assert!(alice.channel_ceiling() <= alice.settings().limits.channel_memory);
        match futures::future::select(Box::pin(sending), Box::pin(measuring)).await {
            futures::future::Either::Left((never, _)) => never,
            futures::future::Either::Right((share, _)) => share,
        }
    })
}

#[test]
fn a_link_of_a_gigabit_and_100_ms_is_filled_without_a_setting() {
    let growth = Settings::default().limits.window_growth;
    for latency in [50, 100].map(Duration::from_millis) {
        let share = share(latency, growth);
        assert!(share >= 0.8, "{share:.2} of the link with {latency:?} one way");
    }
}

#[test]
fn a_window_that_may_not_grow_is_what_a_long_link_carries() {
    let share = share(Duration::from_millis(50), 0);
    let window = (1 << 20) as f64 / (GIGABIT as f64 / 10.0);
    assert!(
        share <= window && share > window / 2.0,
        "{share:.3} of the link, and a window a round trip is {window:.3}"
    );
}
