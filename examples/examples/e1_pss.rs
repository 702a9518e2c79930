//! A message sealed to a node: it arrives, and says for certain who sent it.
//!
//! ```sh
//! cargo run --example e1_pss
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

#[path = "../src/relay.rs"]
mod relay;

use std::process::ExitCode;

use p2p_examples::{Outcome, ensure, exit, local};
// ANCHOR: link
use p2p_protocols as _;
use p2p_pss::{Prefix, Sender, Topic};
// ANCHOR_END: link
use relay::{around, behind, heard};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    around(local("bob")?, [behind("alice")], async |bob, [alice]| {
        let topic = Topic::of("foo");
        // ANCHOR: send
        let mut messages = bob.subscribe(topic);
        alice.set_peer_public_key(bob.public_key(), topic, Prefix::full(&bob.base_addr()))?;
        alice.send_asym(&bob.public_key(), topic, b"bar")?;
        let message = heard(&mut messages).await?;
        // ANCHOR_END: send
        println!("{:?} says {}", message.sender, String::from_utf8_lossy(&message.payload));
        ensure(message.payload == b"bar", "\"bar\"")?;
        ensure(message.sender == Sender::Asymmetric(alice.public_key()), "alice's key with it")
    })
}
