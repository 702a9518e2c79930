//! A message under a key that two nodes share: it arrives, and says only that its sender has the key.
//!
//! ```sh
//! cargo run --example e3_sym
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

#[path = "../src/relay.rs"]
mod relay;

use std::process::ExitCode;

use p2p_examples::{Outcome, ensure, exit, local};
use p2p_protocols as _;
use p2p_pss::{Prefix, Sender, SymmetricKey, Topic};
use relay::{around, behind, heard};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    around(local("bob")?, [behind("alice")], async |bob, [alice]| {
        let (topic, shared) = (Topic::of("foo"), SymmetricKey::generate()?);
        let mut messages = bob.subscribe(topic);
        // ANCHOR: shared
        let bobs = bob.set_symmetric_key(shared.clone(), topic, Prefix::full(&alice.base_addr()))?;
        let alices = alice.set_symmetric_key(shared, topic, Prefix::full(&bob.base_addr()))?;
        alice.send_sym(alices, topic, b"bar")?;
        // ANCHOR_END: shared
        let message = heard(&mut messages).await?;
        println!("{:?} says {}", message.sender, String::from_utf8_lossy(&message.payload));
        ensure(message.payload == b"bar" && message.sender == Sender::Symmetric(bobs), "\"bar\", by the shared key")
    })
}
