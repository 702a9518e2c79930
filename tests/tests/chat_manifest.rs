//! The chat example's protocol on the wire is what was released.

#[path = "../../examples/examples/dchat/protocol.rs"]
#[allow(unreachable_pub, dead_code, reason = "it is a module of a program")]
mod protocol;

use p2p_net::ProtocolSet;
use p2p_net::testing::manifest;

#[test]
fn the_wire_is_as_it_was_released() {
    let mine = ProtocolSet::linked().of_crate(env!("CARGO_CRATE_NAME"));
    manifest::check(&mine, concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/examples/dchat/protocols.json"));
}
