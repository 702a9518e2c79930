//! Whole networks on virtual time: they find themselves through one seed node, mend themselves, and repeat.

use std::time::Duration;

use p2p_net::testing::Simulation;
use p2p_net::transport::memory::Link;
use p2p_net::{NodeId, P2pPtr, Settings};
use p2p_protocols as _;

const SLOTS: usize = 8;
const MINUTE: Duration = Duration::from_secs(60);

fn settings() -> Settings {
    Settings { outbound_slots: SLOTS, seeds: vec!["memory://seed:1".parse().unwrap()], ..Settings::default() }
}

/// A seed node and `count` nodes that know nothing else, all running.
async fn network(sim: &Simulation, count: usize) -> (P2pPtr, Vec<P2pPtr>) {
    let seed = Settings { outbound_slots: 0, max_peers: count * 2, ..Settings::default() };
    let seed = sim.start(sim.node("seed", seed)).await;
    let mut nodes = Vec::new();
    for host in 0..count {
        nodes.push(sim.start(sim.node(&format!("host{host}"), settings())).await);
    }
    (seed, nodes)
}

fn is_full(node: &P2pPtr) -> bool {
    node.session_outbound().connected() == SLOTS
}

/// Waits until every slot of every node has a peer, at most for `limit`.
async fn until_full(sim: &Simulation, nodes: &[P2pPtr], limit: Duration) {
    let full = async {
        while !nodes.iter().all(is_full) {
            sim.clock().sleep(Duration::from_secs(1)).await;
        }
    };
    if sim.clock().timeout(limit, full).await.is_err() {
        let hungry = nodes.iter().filter(|node| !is_full(node)).count();
        panic!("{hungry} of {} nodes have free slots after {limit:?}", nodes.len());
    }
}

async fn stop_all<'a>(nodes: impl IntoIterator<Item = &'a P2pPtr>) {
    for node in nodes {
        node.stop().await;
        assert_eq!(node.task_count(), 0);
    }
}

/// An hour in the life of 200 nodes and their seed; its trace, and when all slots were full.
fn an_hour(seed: u64) -> (u64, Duration) {
    let sim = Simulation::new(seed);
    let full = sim.run(async {
        let (seed, nodes) = network(&sim, 200).await;
        until_full(&sim, &nodes, 10 * MINUTE).await;
        let full = sim.clock().elapsed();
        sim.clock().sleep(60 * MINUTE - full).await;
        assert!(nodes.iter().all(is_full), "a quiet network keeps its slots");
        stop_all(nodes.iter().chain([&seed])).await;
        full
    });
    assert_eq!(sim.network().live_connections(), 0);
    (sim.trace_hash(), full)
}

#[test]
fn two_hundred_nodes_fill_their_slots_from_one_seed_and_repeat() {
    let (first, full) = an_hour(1);
    println!("all slots were full after {full:?}");
    assert_eq!(an_hour(1), (first, full), "one seed, one history");
    assert_ne!(an_hour(2).0, first, "another seed, another history");
}

/// Half an hour in which every half minute a node crashes and comes back, links break and others heal.
fn a_bad_day(seed: u64) -> u64 {
    const HOSTS: usize = 40;
    let sim = Simulation::new(seed);
    let slow = Link { latency: Duration::from_millis(60), jitter: Duration::from_millis(40), ..Link::default() };
    sim.network().set_default_link(slow);
    sim.run(async {
        let (seed_node, mut nodes) = network(&sim, HOSTS).await;
        until_full(&sim, &nodes, 10 * MINUTE).await;
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut cuts: Vec<(String, String)> = Vec::new();
        for round in 0..60 {
            for _ in 0..3 {
                let [a, b] = [(); 2].map(|()| format!("host{}", chance.usize(..HOSTS)));
                sim.network().cut(&a, &b);
                cuts.push((a, b));
            }
            if round % 3 == 2 {
                cuts.drain(..).for_each(|(a, b)| sim.network().heal(&a, &b));
            }
            let victim = chance.usize(..HOSTS);
            sim.network().crash(&format!("host{victim}"));
            nodes[victim].stop().await;
            sim.clock().sleep(Duration::from_secs(30)).await;
            nodes[victim] = sim.start(sim.node(&format!("host{victim}"), settings())).await;
        }
        cuts.drain(..).for_each(|(a, b)| sim.network().heal(&a, &b));
        until_full(&sim, &nodes, 10 * MINUTE).await;
        stop_all(nodes.iter().chain([&seed_node])).await;
    });
    assert_eq!(sim.network().live_connections(), 0);
    sim.trace_hash()
}

#[test]
fn a_network_with_crashes_and_cuts_fills_its_slots_again_and_repeats() {
    assert_eq!(a_bad_day(1), a_bad_day(1), "one seed, one history");
    for seed in 2..6 {
        a_bad_day(seed);
    }
}

#[test]
fn a_network_torn_in_two_grows_together_again() {
    let sim = Simulation::new(9);
    sim.run(async {
        let (seed, mut nodes) = network(&sim, 60).await;
        until_full(&sim, &nodes, 10 * MINUTE).await;
        let halves = || (0..30).flat_map(|a| (30..60).map(move |b| (format!("host{a}"), format!("host{b}"))));
        let across = |nodes: &[P2pPtr]| {
            let half = |id: NodeId| nodes.iter().position(|node| node.id() == id).map(|number| number < 30);
            let peers = nodes.iter().flat_map(|node| node.peers().into_iter().map(|peer| (node.id(), peer.id)));
            peers.filter(|&(a, b)| half(b).is_some_and(|b| half(a) != Some(b))).count()
        };
        assert!(across(&nodes) > 0);
        halves().for_each(|(a, b)| sim.network().cut(&a, &b));
        sim.clock().sleep(10 * MINUTE).await;
        assert_eq!(across(&nodes), 0, "a peer behind the cut is gone");
        until_full(&sim, &nodes, MINUTE).await;
        halves().for_each(|(a, b)| sim.network().heal(&a, &b));
        // Full nodes need nobody from the other side; nodes that start anew choose among all.
        for (number, node) in nodes.iter_mut().enumerate().step_by(5) {
            node.stop().await;
            *node = sim.start(sim.node(&format!("host{number}"), settings())).await;
        }
        until_full(&sim, &nodes, 10 * MINUTE).await;
        assert!(across(&nodes) > 0);
        stop_all(nodes.iter().chain([&seed])).await;
    });
}
