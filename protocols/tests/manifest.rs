//! What the shipped plugins say on the wire is what was released: `protocols.json`.

// ANCHOR: gate
use p2p_net::ProtocolSet;
use p2p_net::testing::manifest;
use p2p_protocols as _;

#[test]
fn the_wire_is_as_it_was_released() {
    let mine = ProtocolSet::linked().of_crate(env!("CARGO_PKG_NAME"));
    manifest::check(&mine, concat!(env!("CARGO_MANIFEST_DIR"), "/protocols.json"));
}
// ANCHOR_END: gate
