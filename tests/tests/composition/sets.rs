//! Which protocols a program runs: what is linked, what is taken out, and what cannot run together.

use p2p_net::p2p::NewError;
use p2p_net::prelude::*;
use p2p_net::protocol::BuildError;
use p2p_net::{P2p, ProtocolSet, State};
use p2p_protocols::address::ProtocolAddress;
use p2p_protocols::ping::ProtocolPing;
use p2p_protocols::version::ProtocolVersion;

#[derive(Message, Serialize, Deserialize)]
struct Say;

#[derive(Message, Serialize, Deserialize)]
struct Shout;

#[derive(Default)]
struct Twin;

#[protocol(name = "twin")]
impl Twin {
    #[on]
    async fn say(&self, _say: Say) {}
}

#[derive(Default)]
struct OtherTwin;

#[protocol(name = "twin")]
impl OtherTwin {
    #[on]
    async fn shout(&self, _shout: Shout) {}
}

/// Another message that is called `say`.
mod elsewhere {
    use p2p_net::prelude::*;

    #[derive(Message, Serialize, Deserialize)]
    pub struct Say {
        text: String,
    }

    #[derive(Default)]
    pub struct Chat;

    #[protocol]
    impl Chat {
        #[on]
        async fn say(&self, say: Say) {
            drop(say.text);
        }
    }
}

struct Counter;

#[derive(Default)]
struct Counts;

#[protocol(name = "counts")]
impl Counts {
    #[on]
    async fn say(&self, _say: Say, _counter: State<Counter>) {}
}

fn build(set: ProtocolSet) -> Result<Vec<String>, BuildError> {
    match smol::block_on(P2p::builder(Settings::default()).protocols(set).build()) {
        Ok(node) => Ok(node.node_info().protocols),
        Err(NewError::Protocols(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

fn shipped() -> ProtocolSet {
    ProtocolSet::empty().with::<ProtocolPing>().with::<ProtocolVersion>().with::<ProtocolAddress>()
}

#[test]
fn what_is_linked_is_sorted_by_phase_and_name_and_can_be_printed() {
    let names: Vec<_> = ProtocolSet::linked().iter().map(|known| known.name).collect();
    assert_eq!(names, ["version", "address", "chat", "counts", "ping", "twin", "twin"]);
    let printed = ProtocolSet::linked().to_string();
    for text in ["version/1", "handshake", "sets.rs:", "get_addresses"] {
        assert!(printed.contains(text), "{text} is not in\n{printed}");
    }
}

#[test]
fn two_protocols_of_one_name_are_an_error_that_names_both_places() {
    let error = build(shipped().with::<Twin>().with::<OtherTwin>()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`twin/1`") && text.contains(".without::<"), "{text}");
    assert_eq!(text.matches("sets.rs:").count(), 2, "{text}");
    assert!(build(shipped().with::<Twin>().with::<OtherTwin>().without::<Twin>()).is_ok());
    // The same protocol twice is once.
    assert_eq!(build(shipped().with::<Twin>().with::<Twin>()).unwrap().len(), 4);
}

#[test]
fn two_messages_of_one_name_are_an_error_that_names_both_types() {
    let error = build(shipped().with::<Twin>().with::<elsewhere::Chat>()).unwrap_err();
    assert!(matches!(error, BuildError::Lanes(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("sets::Say") && text.contains("elsewhere::Say") && text.contains("`say`"), "{text}");
}

#[test]
fn a_state_that_nobody_gave_is_an_error_that_names_protocol_place_and_type() {
    let text = build(shipped().with::<Counts>()).unwrap_err().to_string();
    assert!(text.contains("`counts`") && text.contains("sets.rs:") && text.contains("sets::Counter"), "{text}");
    let given = P2p::builder(Settings::default()).protocols(shipped().with::<Counts>()).state(Counter).build();
    assert!(smol::block_on(given).is_ok());
}

#[test]
fn a_set_without_handshake_is_an_error_unless_it_is_meant() {
    for set in [ProtocolSet::empty(), shipped().without::<ProtocolVersion>(), ProtocolSet::empty().only::<Twin>()] {
        assert_eq!(build(set), Err(BuildError::NoHandshake));
    }
}

#[test]
fn only_keeps_the_handshake_and_without_takes_out() {
    assert_eq!(build(shipped()).unwrap(), ["version/1", "address/1", "ping/1"]);
    assert_eq!(build(ProtocolSet::linked().only::<Twin>()).unwrap(), ["version/1", "twin/1"]);
    assert_eq!(build(shipped().without::<ProtocolAddress>()).unwrap(), ["version/1", "ping/1"]);
    assert_eq!((ProtocolSet::empty().len(), shipped().len()), (0, 3));
}
