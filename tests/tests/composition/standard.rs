//! A program that links the shipped plugins and has none of its own.

use p2p_net::{P2p, ProtocolSet, Settings};
use p2p_protocols as _;

#[test]
fn the_linked_set_is_sorted_by_phase_and_name_and_can_be_printed() {
    let names: Vec<_> = ProtocolSet::linked().iter().map(|known| known.name).collect();
    assert_eq!(names, ["version", "address", "ping"]);
    let printed = ProtocolSet::linked().to_string();
    for text in ["version/1", "handshake", "ping.rs:", "get_addresses"] {
        assert!(printed.contains(text), "{text} is not in\n{printed}");
    }
}

#[test]
fn a_node_runs_what_is_linked() {
    let node = smol::block_on(P2p::new(Settings::default())).unwrap();
    assert_eq!(node.node_info().protocols, ["version/1", "address/1", "ping/1"]);
}
