//! A program that links two messages whose names have the same hash.

use p2p_net::message::lane::LaneError;
use p2p_net::p2p::NewError;
use p2p_net::prelude::*;
use p2p_net::protocol::BuildError;
use p2p_net::{P2p, ProtocolSet};
use p2p_protocols as _;

// These two words are known to collide under FNV-1a with 32 bits.
#[derive(Message, Serialize, Deserialize)]
struct Liquid;

#[derive(Message, Serialize, Deserialize)]
struct Costarring;

#[protocol]
async fn water(_liquid: Liquid) {}

#[protocol]
async fn film(_costarring: Costarring) {}

#[test]
fn the_error_names_both_messages_and_what_to_do() {
    assert_eq!(Liquid::ID, Costarring::ID);
    let made = smol::block_on(P2p::new(Settings::default())).map(drop);
    assert!(matches!(made, Err(NewError::Protocols(BuildError::Lanes(LaneError::SameId { .. })))), "{made:?}");
    let (text, id) = (made.unwrap_err().to_string(), Liquid::ID.to_string());
    for part in ["`liquid`", "`costarring`", &id, "another `name`"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn leaving_out_either_protocol_is_enough() {
    for set in [ProtocolSet::linked().without::<water>(), ProtocolSet::linked().without::<film>()] {
        assert!(smol::block_on(P2p::builder(Settings::default()).protocols(set).build()).is_ok());
    }
}
