//! A program that leaves out one linked protocol, or all but one.

use p2p_net::prelude::*;
use p2p_net::{P2p, ProtocolSet};
use p2p_protocols::address::ProtocolAddress;
use p2p_protocols::ping::ProtocolPing;

#[derive(Message, Serialize, Deserialize)]
struct Say;

/// A protocol of the program's own.
#[protocol]
async fn chat(_say: Say) {}

fn runs(set: ProtocolSet) -> Vec<String> {
    smol::block_on(P2p::builder(Settings::default()).protocols(set).build()).unwrap().node_info().protocols
}

#[test]
fn what_is_left_out_does_not_run_and_the_rest_does() {
    assert_eq!(runs(ProtocolSet::linked()), ["version/1", "address/1", "chat/1", "ping/1"]);
    let set = ProtocolSet::linked().without::<ProtocolAddress>();
    assert!(!set.to_string().contains("get_addresses"));
    assert_eq!(runs(set.clone()), ["version/1", "chat/1", "ping/1"]);
    // Once more is the same, and it can be put back.
    assert_eq!(runs(set.clone().without::<ProtocolAddress>()), runs(set.clone()));
    assert_eq!(runs(set.with::<ProtocolAddress>()), runs(ProtocolSet::linked()));
}

#[test]
fn a_protocol_of_the_program_can_be_left_out_too() {
    assert_eq!(runs(ProtocolSet::linked().without::<chat>()), ["version/1", "address/1", "ping/1"]);
}

#[test]
fn only_keeps_the_handshake() {
    assert_eq!(runs(ProtocolSet::linked().only::<ProtocolPing>()), ["version/1", "ping/1"]);
}

#[test]
fn what_is_there_twice_is_there_once() {
    assert_eq!(runs(ProtocolSet::linked().with::<chat>().with::<chat>()), runs(ProtocolSet::linked()));
}
