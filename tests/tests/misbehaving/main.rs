//! Protocols that spin, flood, fail, panic or sleep, in the simulator and over TLS: what it does to their channel, to their
//! siblings on it, and to other peers. The table in `docs/isolation.md` says what, and names these tests.
//!
//! A handler that never waits for anything lets no virtual time pass: the simulator's clock moves when nothing can run. What
//! is held of it there is that the others have their turns.

#[path = "../common/mod.rs"]
mod common;
mod office;

use std::pin::pin;
use std::time::Duration;

use common::logs;
use futures::future::{Either, select};
use office::{Do, Office, over_tls, piece, pieces, set, simulated, spins, stop_spinning, takes_one, taking, turns};
use p2p_net::channel::SendError;
use p2p_net::disconnect::{Disconnect, DisconnectReason, Side};
use smol::future::yield_now;

#[test]
fn a_handler_that_spins_leaves_the_others_their_turns_while_no_time_passes() {
    const EACH: usize = 50;
    simulated(1, taking(), async |sim, office| {
        let [alice, carol] =
            [&office.alice, &office.carol].map(|node| node.channel(&office.bob.id()).expect("connected"));
        // All at one moment, since none follows while it spins.
        office.tell(Do::Spin).await;
        for channel in [&alice, &carol] {
            for _ in 0..EACH {
                channel.send(&piece()).await.unwrap();
            }
        }
        let bob = office.bob.clone();
        let watch = sim.executor().spawn(async move {
            spins(&bob).await;
            let (at, before) = (bob.clock().now(), turns(&bob));
            while pieces(&bob) < 2 * EACH {
                yield_now().await;
            }
            assert_eq!(bob.clock().now(), at, "what spins is always ready, so no time passes");
            let spun = turns(&bob) - before;
            stop_spinning(&bob);
            spun
        });
        // A handler has one message a turn at the least, and the spinner one turn between two of anybody else's.
        let spun = watch.await;
        assert!(spun < 100 * EACH, "{spun} turns of the spinner for {} pieces", 2 * EACH);
        assert!(alice.disconnect().is_none() && carol.disconnect().is_none());
        office.sibling().await;
        office.other_peer().await;
        office.close().await;
    });
}

#[test]
fn over_tls_a_handler_that_spins_delays_nobody_for_long() {
    over_tls(taking(), async |office| {
        office.tell(Do::Spin).await;
        while turns(&office.bob) < 1000 {
            yield_now().await;
        }
        let before = turns(&office.bob);
        for _ in 0..100 {
            office.sibling().await;
            office.other_peer().await;
        }
        assert!(turns(&office.bob) > before, "it spins on");
        assert!(office.channel().disconnect().is_none());
        office.close().await;
    });
}

/// Bob floods alice, who takes it all.
async fn flood_that_is_taken(office: &Office) {
    office.tell(Do::Flood).await;
    let mut calls = 0;
    while pieces(&office.alice) < 1000 || calls < 50 {
        office.sibling().await;
        office.other_peer().await;
        calls += 1;
    }
    assert_eq!(pieces(&office.carol), 0);
    assert!(office.channel().disconnect().is_none());
}

#[test]
fn a_handler_that_floods_a_peer_who_takes_it_holds_up_nobody() {
    simulated(2, taking(), async |_, office| {
        flood_that_is_taken(&office).await;
        office.close().await;
    });
}

#[test]
fn over_tls_a_handler_that_floods_a_peer_who_takes_it_holds_up_nobody() {
    over_tls(taking(), async |office| {
        flood_that_is_taken(&office).await;
        office.close().await;
    });
}

#[test]
fn a_flood_that_is_not_taken_stops_at_the_window_and_then_fails() {
    simulated(3, set().with::<takes_one>(), async |sim, office| {
        let channel = office.channel();
        office.tell(Do::Flood).await;
        sim.clock().sleep(Duration::from_secs(1)).await;
        // One act, and as many pieces as a window of 64 KiB holds.
        assert_eq!((turns(&office.bob), pieces(&office.alice)), (1 + 65_536 / (1000 + 3 + 8), 1));
        office.sibling().await;
        office.other_peer().await;
        // The flooder's `send` gives up, and it passes the error on: that ends the channel.
        let end = channel.closed().await;
        assert_eq!((end.reason, end.detail.as_str()), (DisconnectReason::HandlerFailed, "mischief"));
        office.other_peer().await;
        office.close().await;
    });
}

#[test]
fn over_tls_a_flood_that_is_not_taken_stops_at_the_window() {
    over_tls(set().with::<takes_one>(), async |office| {
        office.tell(Do::Flood).await;
        for _ in 0..100 {
            office.sibling().await;
            office.other_peer().await;
        }
        assert!(turns(&office.bob) <= 1 + 65_536 / (1000 + 3 + 8), "{}", turns(&office.bob));
        assert_eq!(pieces(&office.alice), 1);
        assert!(office.channel().disconnect().is_none());
        office.close().await;
    });
}

#[test]
fn over_tls_a_handler_that_panics_ends_its_protocol_on_that_channel_and_nothing_else() {
    let log = logs::capture();
    over_tls(taking(), async |office| {
        office.tell(Do::Panic).await;
        let who = office.alice.id().short();
        while !log.lines().iter().any(|line| line.contains(&who) && line.contains("panicked")) {
            yield_now().await;
        }
        for _ in 0..10 {
            office.tell(Do::Sleep).await;
            office.sibling().await;
            office.other_peer().await;
        }
        assert_eq!(turns(&office.bob), 1, "the protocol is over on this channel");
        assert!(office.channel().disconnect().is_none());
        office.carol.channel(&office.bob.id()).unwrap().send(&Do::Sleep).await.unwrap();
        while turns(&office.bob) < 2 {
            yield_now().await;
        }
        office.close().await;
    });
}

#[test]
fn over_tls_a_handler_that_fails_ends_the_channel_at_both_ends_and_no_other() {
    over_tls(taking(), async |office| {
        let [here, there] = [office.channel(), office.bob.channel(&office.alice.id()).unwrap()];
        office.tell(Do::Fail).await;
        for (channel, by) in [(here, Side::Remote), (there, Side::Local)] {
            let Disconnect { reason, detail, by: who, .. } = channel.closed().await;
            assert_eq!((reason, detail.as_str(), who), (DisconnectReason::HandlerFailed, "mischief", by));
        }
        office.other_peer().await;
        assert_eq!(office.bob.hosts().bans(), [], "a failure of ours is not the peer's");
        office.close().await;
    });
}

#[test]
fn over_tls_a_handler_that_sleeps_for_ever_stops_its_own_lane_and_no_other() {
    over_tls(taking(), async |office| {
        let channel = office.channel();
        let stuck = async {
            loop {
                if let Err(error) = channel.send(&Do::Sleep).await {
                    break error;
                }
            }
        };
        let calls = async {
            for _ in 0..100 {
                office.sibling().await;
                office.other_peer().await;
            }
        };
        // Its window is full long before the calls are through; the send then waits for `send_timeout`, 20 s, and no more.
        let calls_are_first = matches!(select(pin!(stuck), pin!(calls)).await, Either::Right(_));
        assert!(calls_are_first, "the lane waits while others go on");
        assert_eq!(turns(&office.bob), 1);
        assert!(channel.disconnect().is_none());
        office.close().await;
    });
}

#[test]
fn a_sender_learns_that_a_handler_sleeps_when_its_window_is_full() {
    simulated(4, taking(), async |_, office| {
        let stuck = loop {
            if let Err(error) = office.channel().send(&Do::Sleep).await {
                break error;
            }
        };
        assert!(matches!(stuck, SendError::TimedOut { lane: "do", .. }), "{stuck}");
        office.sibling().await;
        office.other_peer().await;
        office.close().await;
    });
}

#[test]
fn the_table_names_tests_that_exist() {
    let here = |path: &str| format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let tests = ["isolation.rs", "isolation_annotated.rs", "geth_failures.rs", "misbehaving/main.rs"];
    let tests = tests.map(|file| std::fs::read_to_string(here(&format!("tests/{file}"))).unwrap()).concat();
    let table = std::fs::read_to_string(here("../docs/isolation.md")).unwrap();
    let named = table.split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() > 2);
    let mut count = 0;
    for name in named {
        let end = if name.ends_with('…') { "" } else { "()" };
        assert!(tests.contains(&format!("fn {}{end}", name.trim_end_matches('…'))), "there is no test `{name}`");
        count += 1;
    }
    assert!(count >= 15, "{count} tests are named");
}
