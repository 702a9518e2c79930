//! A program in which no source file names the crate of the shipped plugins: it does not have them, and is told what to
//! write. This file must not name that crate either, but in the text it expects.

use p2p_net::p2p::NewError;
use p2p_net::protocol::BuildError;
use p2p_net::{P2p, ProtocolSet, Settings};

#[test]
fn what_no_source_file_names_is_not_linked_and_the_error_says_what_to_write() {
    assert!(ProtocolSet::linked().is_empty(), "{}", ProtocolSet::linked());
    let made = smol::block_on(P2p::new(Settings::default())).map(drop);
    assert!(matches!(made, Err(NewError::Protocols(BuildError::NoHandshake))), "{made:?}");
    let text = made.unwrap_err().to_string();
    assert!(text.contains("use p2p_protocols as _;") && text.contains(".without_handshake()"), "{text}");
}

#[test]
fn a_program_may_do_without() {
    let node = smol::block_on(P2p::builder(Settings::default()).without_handshake().build()).unwrap();
    assert_eq!(node.node_info().protocols, [] as [&str; 0]);
}
