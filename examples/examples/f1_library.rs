//! A relay of explicit parts: nothing is taken from what happens to be linked.
//!
//! ```sh
//! cargo run --example f1_library
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

#[path = "../src/relay.rs"]
mod relay;

use std::process::ExitCode;

use p2p_examples::{Outcome, ensure, exit, local};
use p2p_net::ProtocolSet;
use p2p_protocols::version::ProtocolVersion;
use p2p_pss::{Prefix, PssConfig, PssLink, PssNode, Topic};
use relay::{around, behind, heard};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    // ANCHOR: parts
    let relay = ProtocolSet::empty().with::<ProtocolVersion>().with::<PssLink>().with::<PssNode>();
    let relay = relay.configure::<PssNode>(|pss: &mut PssConfig| pss.lifetime = std::time::Duration::from_secs(30));
    // ANCHOR_END: parts
    let (bob, alice) = (local("bob")?.protocols(relay.clone()), behind("alice").protocols(relay));
    around(bob, [alice], async |bob, [alice]| {
        let topic = Topic::of("foo");
        let mut messages = bob.subscribe(topic);
        alice.send_raw(Prefix::EMPTY, topic, b"bar")?;
        let message = heard(&mut messages).await?;
        println!("bob hears {}", String::from_utf8_lossy(&message.payload));
        ensure(message.payload == b"bar", "\"bar\"")
    })
}
