//! A program that links two protocols of one name and version.

use p2p_net::p2p::NewError;
use p2p_net::prelude::*;
use p2p_net::protocol::BuildError;
use p2p_net::{P2p, ProtocolSet};
use p2p_protocols as _;

#[derive(Message, Serialize, Deserialize)]
struct Say;

#[derive(Message, Serialize, Deserialize)]
struct Shout;

#[derive(Default)]
struct Twin;

const TWIN: u32 = line!() + 1;
#[protocol(name = "twin")]
impl Twin {
    #[on]
    async fn say(&self, _say: Say) {}
}

#[derive(Default)]
struct OtherTwin;

const OTHER_TWIN: u32 = line!() + 1;
#[protocol(name = "twin")]
impl OtherTwin {
    #[on]
    async fn shout(&self, _shout: Shout) {}
}

#[test]
fn the_error_names_both_places_and_what_to_do() {
    let made = smol::block_on(P2p::new(Settings::default())).map(drop);
    assert!(matches!(made, Err(NewError::Protocols(BuildError::Duplicate { .. }))), "{made:?}");
    let text = made.unwrap_err().to_string();
    for part in
        ["`twin/1`", ".without::<", "rename one", &format!("protocol.rs:{TWIN}"), &format!("protocol.rs:{OTHER_TWIN}")]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn leaving_out_either_is_enough() {
    for set in [ProtocolSet::linked().without::<Twin>(), ProtocolSet::linked().without::<OtherTwin>()] {
        let node = smol::block_on(P2p::builder(Settings::default()).protocols(set).build()).unwrap();
        assert_eq!(node.node_info().protocols, ["version/1", "address/1", "ping/1", "twin/1"]);
    }
}
