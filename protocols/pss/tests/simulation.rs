//! Two hundred whole nodes with sessions, channels, handshakes and sealed messages, on virtual time: they find each other
//! through one seed node, come and go, and write to each other's full addresses.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and shows what it measured")]

use std::time::Duration;

use fastrand::Rng;
use p2p_net::ProtocolSet;
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_net::transport::memory::Link;
use p2p_protocols as _;
use p2p_pss::link::{GetNear, Near};
use p2p_pss::{Envelope, Heard, Prefix, Pss, PssConfig, PssLink, PssNode, Received, Subscription, Topic};

const COUNT: usize = 200;

/// How long nodes have to find each other.
const SETTLE: Duration = Duration::from_secs(120);

/// With how many hops to go messages begin here, so that what is left says how many it took.
const FIRST_HOPS: u8 = 40;

/// Speaks as a relay, knows whom it is connected with, and passes nothing on.
#[derive(Default)]
struct Dropper;

#[protocol(name = "pss", sessions = !(SEED | RELAYED))]
impl Dropper {
    #[on]
    async fn envelope(&self, _envelope: Envelope) {}

    #[on]
    async fn near(&self, _ask: GetNear, node: &P2p) -> Near {
        let urls = node.peers().into_iter().filter_map(|peer| Some(peer.listen.first()?.with_id(peer.id)));
        Near { nodes: urls.take(16).collect() }
    }
}

fn relays() -> ProtocolSet {
    let set = ProtocolSet::linked().without::<Dropper>();
    set.configure::<PssNode>(|pss: &mut PssConfig| pss.first_hops = FIRST_HOPS..=FIRST_HOPS)
}

fn droppers() -> ProtocolSet {
    ProtocolSet::linked().without::<PssLink>().without::<PssNode>()
}

/// A node and what it hears.
struct Relay {
    node: P2pPtr,
    heard: Option<Subscription<Received>>,
}

struct Network<'s> {
    sim: &'s Simulation,
    seed: P2pPtr,
    relays: Vec<Relay>,
    chance: Rng,
    topic: Topic,
    sent: usize,
    arrived: usize,
    hops: usize,
}

impl<'s> Network<'s> {
    /// The first `honest` of all nodes relay, the others drop.
    async fn start(sim: &'s Simulation, seed: u64, count: usize, honest: usize) -> Self {
        let latency = Link { latency: Duration::from_millis(30), jitter: Duration::from_millis(30), ..Link::default() };
        sim.network().set_default_link(latency);
        let settings = Settings { outbound_slots: 0, max_peers: 2 * count, ..Settings::default() };
        let set = ProtocolSet::linked().of_crate("p2p-protocols");
        let seed_node = sim.start(sim.node("seed", settings).protocols(set)).await;
        let (chance, topic) = (Rng::with_seed(seed), Topic::of("bar"));
        let mut network =
            Self { sim, seed: seed_node, relays: Vec::new(), chance, topic, sent: 0, arrived: 0, hops: 0 };
        for number in 0..count {
            let relay = network.join(number, if number < honest { relays() } else { droppers() }).await;
            network.relays.push(relay);
        }
        network.sim.clock().sleep(SETTLE).await;
        network
    }

    async fn join(&self, number: usize, set: ProtocolSet) -> Relay {
        let seeds = vec!["memory://seed:1".parse().unwrap()];
        let settings = Settings { outbound_slots: 4, seeds, ..Settings::default() };
        let node = self.sim.start(self.sim.node(&format!("host{number}"), settings).protocols(set)).await;
        let heard = Pss::of(&node).map(|pss| pss.subscribe(self.topic));
        Relay { node, heard }
    }

    /// One message between two of the first `among`, and whether it arrives within ten seconds.
    async fn write(&mut self, among: usize) {
        let [from, to] = [(); 2].map(|()| self.chance.usize(..among));
        if from == to {
            return;
        }
        let (sender, receiver) = (Pss::of(&self.relays[from].node).unwrap(), Pss::of(&self.relays[to].node).unwrap());
        let key = receiver.public_key();
        sender.set_peer_public_key(key, self.topic, Prefix::full(&receiver.base_addr())).unwrap();
        self.sent += 1;
        if sender.send_asym(&key, self.topic, b"bar").is_err() {
            return;
        }
        let heard = self.relays[to].heard.as_mut().unwrap().next();
        if let Ok(Some(Heard::Message(message))) = self.sim.clock().timeout(Duration::from_secs(10), heard).await {
            assert_eq!((message.sender.node(), &message.payload[..]), (Some(sender.public_key()), &b"bar"[..]));
            self.arrived += 1;
            self.hops += usize::from(FIRST_HOPS - message.hops) + 1;
        }
    }

    fn report(&self, what: &str) -> f64 {
        let (arrived, hops) = (self.arrived as f64 / self.sent as f64, self.hops as f64 / self.arrived as f64);
        let peers: usize = self.relays.iter().map(|relay| relay.node.peer_count()).sum();
        println!(
            "{what}, {} nodes: {:.2}% of {} arrived, {hops:.2} hops, {} peers a node, {:?} virtual",
            self.relays.len(),
            100.0 * arrived,
            self.sent,
            peers / self.relays.len(),
            self.sim.clock().elapsed()
        );
        assert!(hops <= (self.relays.len() as f64).log2(), "{hops} hops");
        arrived
    }

    fn check_memory(&self) {
        for relay in &self.relays {
            let Some(pss) = Pss::of(&relay.node) else { continue };
            let (held, counters) = (pss.held(), pss.counters());
            assert!(held.peers <= relay.node.settings().max_peers && held.waiting == 0, "{held:?}");
            assert!(held.seen as u64 <= counters.passed_on + counters.received + counters.sent + counters.no_room + 64);
            assert_eq!((counters.forged, counters.replayed, counters.unopened), (0, 0, 0), "{counters:?}");
        }
    }

    async fn stop(self) {
        for node in self.relays.iter().map(|relay| &relay.node).chain([&self.seed]) {
            node.stop().await;
            assert_eq!(node.task_count(), 0);
        }
    }
}

fn run(seed: u64, test: impl AsyncFnOnce(&Simulation)) {
    let sim = Simulation::new(seed);
    sim.run(test(&sim));
    assert_eq!(sim.network().live_connections(), 0);
}

/// Every step a node crashes, four others write, and it comes back.
fn with_crashes(seed: u64, count: usize, steps: usize) {
    run(seed, async |sim| {
        let mut network = Network::start(sim, seed, count, count).await;
        for _ in 0..steps {
            let victim = network.chance.usize(..count);
            network.sim.network().crash(&format!("host{victim}"));
            network.relays[victim].node.stop().await;
            network.relays.swap(victim, count - 1);
            for _ in 0..4 {
                network.write(count - 1).await;
            }
            network.relays.swap(victim, count - 1);
            network.relays[victim] = network.join(victim, relays()).await;
        }
        let arrived = network.report("crashes");
        assert!(arrived >= 0.99, "{arrived}");
        network.check_memory();
        network.stop().await;
    });
}

fn with_droppers(seed: u64, count: usize, messages: usize) {
    run(seed, async |sim| {
        let honest = count * 4 / 5;
        let mut network = Network::start(sim, seed, count, honest).await;
        for _ in 0..messages {
            network.write(honest).await;
        }
        let arrived = network.report("droppers");
        assert!(arrived >= 0.95, "{arrived}");
        network.check_memory();
        network.stop().await;
    });
}

#[test]
fn messages_arrive_while_nodes_crash_and_come_back() {
    with_crashes(1, COUNT, 100);
}

#[test]
fn messages_arrive_although_a_fifth_of_the_nodes_pass_nothing_on() {
    with_droppers(2, COUNT, 400);
}

/// The same with a thousand: `cargo test -p p2p-pss --test simulation --release -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes, and some gigabytes of memory"]
fn a_thousand_whole_nodes() {
    with_crashes(3, 1_000, 500);
    with_droppers(4, 1_000, 2_000);
}
