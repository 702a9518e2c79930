//! A program that links a protocol which takes a state, and gives none.

use p2p_net::P2p;
use p2p_net::p2p::NewError;
use p2p_net::prelude::*;
use p2p_net::protocol::BuildError;
use p2p_protocols as _;

#[derive(Message, Serialize, Deserialize)]
struct Say;

struct Counter;

const PLACE: u32 = line!() + 1;
#[protocol]
async fn counts(_say: Say, _counter: State<Counter>) {}

#[test]
fn the_error_names_protocol_place_and_type_and_what_to_do() {
    let made = smol::block_on(P2p::new(Settings::default())).map(drop);
    assert!(matches!(made, Err(NewError::Protocols(BuildError::MissingState { .. }))), "{made:?}");
    let text = made.unwrap_err().to_string();
    for part in ["`counts`", &format!("state_missing.rs:{PLACE}"), "composition_state_missing::Counter>`", ".state(..)"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn giving_it_is_enough() {
    assert!(smol::block_on(P2p::builder(Settings::default()).state(Counter).build()).is_ok());
}
