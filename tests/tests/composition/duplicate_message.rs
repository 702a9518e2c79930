//! A program that links two message types of one name.

use p2p_net::message::lane::LaneError;
use p2p_net::p2p::NewError;
use p2p_net::prelude::*;
use p2p_net::protocol::BuildError;
use p2p_net::{P2p, ProtocolSet};
use p2p_protocols as _;

#[derive(Message, Serialize, Deserialize)]
struct Say;

#[protocol]
async fn chat(_say: Say) {}

/// Another message that is called `say`.
mod elsewhere {
    use p2p_net::prelude::*;

    #[derive(Message, Serialize, Deserialize)]
    pub struct Say {
        text: String,
    }

    #[protocol]
    pub async fn forum(say: Say) {
        drop(say.text);
    }
}

#[test]
fn the_error_names_both_types_and_what_to_do() {
    let made = smol::block_on(P2p::new(Settings::default())).map(drop);
    let same = matches!(made, Err(NewError::Protocols(BuildError::Lanes(LaneError::SameName { .. }))));
    assert!(same, "{made:?}");
    let text = made.unwrap_err().to_string();
    for part in [
        "composition_duplicate_message::Say`",
        "composition_duplicate_message::elsewhere::Say`",
        "`say`",
        "another `name`",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn leaving_out_either_protocol_is_enough() {
    for set in [ProtocolSet::linked().without::<chat>(), ProtocolSet::linked().without::<elsewhere::forum>()] {
        assert!(smol::block_on(P2p::builder(Settings::default()).protocols(set).build()).is_ok());
    }
}
