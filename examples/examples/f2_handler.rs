//! A handler that replies: what is sent about a topic comes back.
//!
//! ```sh
//! cargo run --example f2_handler
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

#[path = "../src/relay.rs"]
mod relay;

use std::process::ExitCode;

use p2p_examples::{Outcome, ensure, exit, local};
use p2p_protocols as _;
use p2p_pss::{Prefix, Sender, Topic};
use relay::{around, behind, heard};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    around(local("bob")?, [behind("alice"), behind("carol")], async |_bob, [alice, carol]| {
        let topic = Topic::of("echo");
        // ANCHOR: respond
        carol.respond(topic, async |message| Some(message.payload));
        // ANCHOR_END: respond
        let mut replies = alice.subscribe(topic);
        alice.set_peer_public_key(carol.public_key(), topic, Prefix::full(&carol.base_addr()))?;
        alice.send_asym(&carol.public_key(), topic, b"sendmeback")?;
        let reply = heard(&mut replies).await?;
        println!("{:?} says {}", reply.sender, String::from_utf8_lossy(&reply.payload));
        let echoed = reply.payload == b"sendmeback" && reply.sender == Sender::Asymmetric(carol.public_key());
        ensure(echoed, "\"sendmeback\" from carol")
    })
}
