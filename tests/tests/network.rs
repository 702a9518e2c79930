//! A network finds itself through one seed, and keeps going.

use std::time::Duration;

use p2p_net::testing::Simulation;
use p2p_net::{P2pPtr, Settings};
use p2p_protocols as _;

fn settings(slots: usize) -> Settings {
    Settings { outbound_slots: slots, seeds: vec!["memory://seed:1".parse().unwrap()], ..Settings::default() }
}

async fn full(nodes: &[P2pPtr], slots: usize, sim: &Simulation) -> Duration {
    while nodes.iter().any(|node| node.session_outbound().connected() < slots) {
        sim.clock().sleep(Duration::from_secs(1)).await;
    }
    sim.clock().elapsed()
}

#[test]
fn three_nodes_that_know_only_a_seed_find_each_other() {
    let sim = Simulation::new(3);
    sim.run(async {
        let seed = Settings { outbound_slots: 0, ..Settings::default() };
        let seed = sim.start(sim.node("seed", seed)).await;
        let mut nodes = Vec::new();
        for host in ["alice", "bob", "carol"] {
            nodes.push(sim.start(sim.node(host, settings(2))).await);
        }
        let took = sim.clock().timeout(Duration::from_secs(60), async {
            while nodes.iter().any(|node| node.peer_count() < 2) {
                sim.clock().sleep(Duration::from_millis(100)).await;
            }
        });
        took.await.unwrap();
        eprintln!("{:?}", sim.clock().elapsed());
        for node in nodes.iter().chain([&seed]) {
            node.stop().await;
            assert_eq!(node.task_count(), 0);
        }
    });
    assert_eq!(sim.network().live_connections(), 0);
}

#[test]
fn quick() {
    let sim = Simulation::new(3);
    sim.run(async {
        let seed = Settings { outbound_slots: 0, max_peers: 500, ..Settings::default() };
        let seed = sim.start(sim.node("seed", seed)).await;
        let mut nodes = Vec::new();
        for host in 0..40 {
            nodes.push(sim.start(sim.node(&format!("host{host}"), settings(8))).await);
        }
        let took = full(&nodes, 8, &sim).await;
        eprintln!("full after {took:?}");
        for node in nodes.iter().chain([&seed]) {
            node.stop().await;
        }
    });
}
