//! What the heartbeat's config does, in virtual time.

use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use p2p_net::ProtocolSet;
use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::prelude::*;
use p2p_net::settings::Limits;
use p2p_net::testing::{self, Simulation};
use p2p_protocols::ping::{Ping, Pong, ProtocolPing};

/// A node that runs `set`, and dials nobody by itself.
async fn start(sim: &Simulation, host: &str, set: ProtocolSet) -> P2pPtr {
    start_with(sim, host, set, Limits::default()).await
}

async fn start_with(sim: &Simulation, host: &str, set: ProtocolSet, limits: Limits) -> P2pPtr {
    let settings = Settings { outbound_slots: 0, limits, ..Settings::default() };
    let node = sim.node(host, settings).protocols(set).without_handshake();
    sim.start(node.state(AtomicU32::default())).await
}

/// Speaks ping, and counts.
#[protocol(name = "ping", sessions = !SEED)]
async fn counts(_ping: Ping, came: State<AtomicU32>) -> Pong {
    came.fetch_add(1, Ordering::Relaxed);
    Pong
}

/// Pings that come to a peer in ten minutes, when one is due every `interval`.
fn pings_in_ten_minutes(interval: Duration) -> u32 {
    let sim = Simulation::new(1);
    sim.run(async {
        let set = ProtocolSet::empty().with::<ProtocolPing>();
        let set = set.configure::<ProtocolPing>(|ping| ping.interval = interval.into());
        let bob = start(&sim, "bob", ProtocolSet::empty().with::<counts>()).await;
        let alice = start(&sim, "alice", set).await;
        alice.add_peer(&bob.advertised()[0]).await.expect("bob is there");
        sim.clock().sleep(Duration::from_secs(600)).await;
        alice.stop().await;
        bob.stop().await;
        bob.state_of::<AtomicU32>().expect("every node has one").load(Ordering::Relaxed)
    })
}

#[test]
fn pings_come_at_the_interval_that_is_configured() {
    // Within a fifth: where in its interval the first comes, and whether intervals vary a little, is the heartbeat's own.
    for (seconds, pings) in [(5, 96..=144), (30, 16..=24)] {
        let came = pings_in_ten_minutes(Duration::from_secs(seconds));
        assert!(pings.contains(&came), "{came} pings in ten minutes, one due every {seconds} s");
    }
}

/// Speaks ping, and never answers.
#[protocol(name = "ping", sessions = !SEED)]
async fn mute(_ping: Ping) -> Pong {
    pending().await
}

/// How long alice keeps a peer that does not answer, after the peer was there.
fn patience(interval: Duration, timeout: Duration) -> Duration {
    let sim = Simulation::new(1);
    sim.run(async {
        let set = ProtocolSet::empty().with::<ProtocolPing>();
        let set = set.configure::<ProtocolPing>(|ping| ping.interval = interval.into());
        let alice = start_with(&sim, "alice", set, Limits { request_timeout: timeout, ..Limits::default() }).await;
        let bob = start(&sim, "bob", ProtocolSet::empty().with::<mute>()).await;
        let mut events = alice.subscribe_events();
        alice.add_peer(&bob.advertised()[0]).await.expect("bob is there");
        let met = sim.clock().elapsed();
        let reason = loop {
            match events.next().await {
                Some(Seen::Event(PeerEvent::Drop { reason, .. })) => break reason,
                Some(_) => {}
                None => panic!("the node is gone"),
            }
        };
        let kept = sim.clock().elapsed() - met;
        assert_eq!((reason.reason, reason.by), (DisconnectReason::Timeout, Side::Local), "{reason}");
        alice.stop().await;
        bob.stop().await;
        kept
    })
}

#[test]
fn a_peer_that_does_not_answer_is_dropped_after_the_time_for_a_request() {
    for (interval, timeout) in [(7, 3), (7, 12), (1, 20)] {
        let (interval, timeout) = (Duration::from_secs(interval), Duration::from_secs(timeout));
        let kept = patience(interval, timeout);
        // The first ping comes within an interval, and its answer has the timeout.
        assert!(
            kept >= timeout && kept <= timeout + interval * 6 / 5,
            "kept for {kept:?}, {interval:?} and {timeout:?}"
        );
    }
}

#[derive(Clone, Default, Debug, PartialEq)]
struct Both {
    one: u8,
    other: u8,
}

/// A protocol with a config, and another with the same.
#[derive(Default)]
struct Watch;

#[derive(Default)]
struct Beside;

/// What was found.
struct Found(smol::channel::Sender<Both>);

#[protocol(config = Both)]
impl Watch {
    #[job]
    async fn look(&self, config: Config<Both>, found: State<Found>) -> Result<()> {
        Ok(found.0.send(Both::clone(&config)).await?)
    }
}

#[protocol(config = Both)]
impl Beside {
    #[job]
    async fn rest(&self, _config: Config<Both>) {}
}

#[test]
fn two_protocols_with_one_config_type_share_what_either_is_configured_with() {
    let (sender, found) = smol::channel::bounded(2);
    let network = testing::pair().with::<Watch>().with::<Beside>().state(move || Found(sender.clone()));
    let network = network.configure::<Watch>(|both| both.one = 1).configure::<Beside>(|both| both.other = 2);
    network.run(async |_| {
        for _ in 0..2 {
            assert_eq!(found.recv().await.unwrap(), Both { one: 1, other: 2 });
        }
    });
}
