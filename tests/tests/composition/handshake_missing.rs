//! A program that links protocols of its own, and nothing that compares versions and networks. It must not name the crate of
//! the shipped plugins, but in the text it expects.

use p2p_net::p2p::NewError;
use p2p_net::prelude::*;
use p2p_net::protocol::BuildError;
use p2p_net::{P2p, ProtocolSet};

#[derive(Message, Serialize, Deserialize)]
struct Say;

#[protocol]
async fn chat(_say: Say) {}

#[derive(Message, Serialize, Deserialize)]
struct Hello;

/// A handshake of the program's own.
#[derive(Default)]
struct Greeting;

#[protocol(phase = handshake)]
impl Greeting {
    #[on]
    async fn hello(&self, _hello: Hello) {}
}

fn build(set: ProtocolSet) -> Result<Vec<String>, NewError> {
    let node = smol::block_on(P2p::builder(Settings::default()).protocols(set).build())?;
    Ok(node.node_info().protocols)
}

#[test]
fn the_error_names_both_ways_out() {
    for set in [ProtocolSet::linked().without::<Greeting>(), ProtocolSet::empty().with::<chat>(), ProtocolSet::empty()]
    {
        let error = build(set).unwrap_err();
        assert!(matches!(error, NewError::Protocols(BuildError::NoHandshake)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("use p2p_protocols as _;") && text.contains(".without_handshake()"), "{text}");
    }
}

#[test]
fn a_handshake_of_ones_own_is_one() {
    assert_eq!(build(ProtocolSet::linked()).unwrap(), ["greeting/1", "chat/1"]);
}
