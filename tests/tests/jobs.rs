//! Jobs at an interval, and what runs at the end of a channel; in virtual time.

use std::sync::Mutex;
use std::time::Duration;

use p2p_net::prelude::*;
use p2p_net::testing::{self, Simulation};
use p2p_net::{P2p, P2pPtr, ProtocolSet};

#[derive(Default)]
struct Log(Mutex<Vec<(Duration, &'static str)>>);

fn note(node: &P2p, line: &'static str) {
    let log = node.state_of::<Log>().unwrap();
    log.0.lock().unwrap().push((node.clock().elapsed(), line));
}

fn lines(node: &P2p) -> Vec<&'static str> {
    let log = node.state_of::<Log>().unwrap();
    log.0.lock().unwrap().iter().map(|(_, line)| *line).collect()
}

fn times(node: &P2p, line: &str) -> Vec<u64> {
    let log = node.state_of::<Log>().unwrap();
    log.0.lock().unwrap().iter().filter(|(_, known)| *known == line).map(|(at, _)| at.as_secs()).collect()
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Burst;

/// A constant of the author's.
const BEAT: &str = "10s";

#[derive(Default)]
struct Clockwork;

#[protocol]
impl Clockwork {
    #[every(BEAT)]
    async fn tick(&self, node: &P2p) {
        note(node, "tick");
    }

    #[every("1s")]
    async fn slow(&self, node: &P2p) -> Result<()> {
        note(node, "slow");
        node.clock().sleep(Duration::from_millis(2_500)).await;
        Ok(())
    }

    #[stop]
    async fn bye(&self, node: &P2p, channel: &Channel) -> Result<()> {
        note(node, "bye");
        assert!(channel.disconnect().is_some());
        Err(Error::msg("an error at the end is logged"))
    }
}

/// Its own config, with an interval that is computed.
#[derive(Clone, Default)]
struct Metronome {
    beat: Option<Duration>,
}

#[protocol(config = Self)]
impl Metronome {
    #[every(self.beat.unwrap_or(settings.limits.heartbeat_interval) * 2)]
    async fn beat(&self, node: &P2p, settings: &Settings) {
        note(node, "beat");
    }
}

#[derive(Default)]
struct Fragile;

#[protocol]
impl Fragile {
    #[on]
    async fn burst(&self, _burst: Burst) {
        panic!("on purpose");
    }

    #[every("7s")]
    async fn dies_with_its_protocol(&self, node: &P2p) {
        note(node, "fragile");
    }

    #[stop]
    async fn panics(&self, node: &P2p) {
        note(node, "panics");
        panic!("on purpose, at the end");
    }

    #[stop]
    async fn hangs(&self, node: &P2p) {
        note(node, "hangs");
        std::future::pending().await
    }
}

async fn pair(sim: &Simulation, set: fn() -> ProtocolSet) -> (P2pPtr, P2pPtr) {
    let node = |host| sim.node(host, Settings::default()).protocols(set()).without_handshake().state(Log::default());
    let (alice, bob) = (sim.start(node("alice")).await, sim.start(node("bob")).await);
    alice.add_peer(&bob.advertised()[0]).await.unwrap();
    (alice, bob)
}

#[test]
fn a_job_runs_at_its_interval_and_never_over_itself() {
    let sim = Simulation::new(1);
    sim.run(async {
        let (alice, bob) = pair(&sim, || ProtocolSet::empty().with::<Clockwork>()).await;
        sim.clock().sleep(Duration::from_millis(35_500)).await;
        for node in [&alice, &bob] {
            assert_eq!(times(node, "tick"), [10, 20, 30]);
            // 2.5 s of work at an interval of 1 s: the next run is one interval after the last has ended.
            assert_eq!(times(node, "slow")[..4], [1, 4, 8, 11]);
        }
        alice.stop().await;
        bob.stop().await;
        let ticks = times(&bob, "tick").len();
        sim.clock().sleep(Duration::from_secs(60)).await;
        assert_eq!(times(&bob, "tick").len(), ticks, "nothing repeats after the end");
        assert_eq!((alice.task_count(), bob.task_count()), (0, 0));
    });
}

#[test]
fn what_runs_at_the_end_runs_once_on_both_sides() {
    let sim = Simulation::new(2);
    sim.run(async {
        let (alice, bob) = pair(&sim, || ProtocolSet::empty().with::<Clockwork>()).await;
        sim.clock().sleep(Duration::from_millis(500)).await;
        alice.stop().await;
        sim.clock().sleep(Duration::from_millis(500)).await;
        assert_eq!(lines(&alice), ["bye"]);
        assert_eq!(lines(&bob).iter().filter(|line| **line == "bye").count(), 1);
        bob.stop().await;
    });
}

#[test]
fn a_panicking_and_a_hanging_end_hurt_nobody() {
    let sim = Simulation::new(3);
    sim.run(async {
        let (alice, bob) = pair(&sim, || ProtocolSet::empty().with::<Clockwork>().with::<Fragile>()).await;
        alice.broadcast(&Burst).await;
        sim.clock().sleep(Duration::from_secs(20)).await;
        assert_eq!(times(&bob, "fragile"), [] as [u64; 0], "a panic ends the whole protocol on that channel");
        assert_eq!(times(&alice, "fragile"), [7, 14]);
        let before = sim.clock().elapsed();
        alice.stop().await;
        let took = sim.clock().elapsed() - before;
        assert!(took <= Duration::from_secs(2), "{took:?}");
        for line in ["bye", "panics", "hangs"] {
            assert_eq!(times(&alice, line).len(), 1, "{line}");
        }
        sim.clock().sleep(Duration::from_secs(3)).await;
        assert_eq!(times(&bob, "panics").len(), 1, "it runs after a panic of its protocol too");
        bob.stop().await;
        assert_eq!((alice.task_count(), bob.task_count()), (0, 0));
    });
}

/// When the metronome was heard in two minutes.
fn beats(set: ProtocolSet) -> (Vec<u64>, Vec<u64>) {
    let network = testing::pair().protocols(set).state(Log::default);
    network.run(async |[alice, bob]| {
        alice.clock().sleep(Duration::from_secs(121)).await;
        (times(&alice, "beat"), times(&bob, "beat"))
    })
}

#[test]
fn an_interval_is_computed_from_the_config_and_the_arguments() {
    let set = || ProtocolSet::empty().with::<Metronome>();
    assert_eq!(beats(set()), (vec![60, 120], vec![60, 120]), "twice the 30 s of the settings");
    let fast = set().configure::<Metronome>(|metronome| metronome.beat = Some(Duration::from_secs(20)));
    assert_eq!(beats(fast), (vec![40, 80, 120], vec![40, 80, 120]));
}

#[test]
fn an_interval_of_nothing_ends_its_job_and_nothing_else() {
    let set = ProtocolSet::empty().with::<Metronome>();
    let silent = set.configure::<Metronome>(|metronome| metronome.beat = Some(Duration::ZERO));
    let network = testing::pair().protocols(silent).state(Log::default);
    network.run(async |[alice, bob]| {
        alice.clock().sleep(Duration::from_secs(600)).await;
        assert!(alice.is_connected(&bob) && bob.is_connected(&alice));
        assert_eq!((times(&alice, "beat"), times(&bob, "beat")), (vec![], vec![]));
    });
}
