//! Three nodes in a line, and a message that shows nothing of where it goes: it arrives through the one in the middle, which
//! cannot read it.
//!
//! ```sh
//! cargo run --example e2_routing
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
    around(local("bob")?, [behind("alice"), behind("carol")], async |bob, [alice, carol]| {
        let topic = Topic::of("foo");
        let (mut at_bob, mut at_carol) = (bob.subscribe(topic), carol.subscribe(topic));
        // ANCHOR: dark
        alice.set_peer_public_key(carol.public_key(), topic, Prefix::EMPTY)?;
        alice.send_asym(&carol.public_key(), topic, b"bar")?;
        // ANCHOR_END: dark
        let message = heard(&mut at_carol).await?;
        println!("carol hears {} by {:?}", String::from_utf8_lossy(&message.payload), message.sender);
        ensure(message.payload == b"bar", "\"bar\"")?;
        ensure(message.sender == Sender::Asymmetric(alice.public_key()), "alice's key with it")?;

        let seen = bob.counters();
        ensure(seen.passed_on == 1 && seen.unopened == 1, "bob to try it, in vain, and to pass it on")?;
        alice.set_peer_public_key(bob.public_key(), topic, Prefix::EMPTY)?;
        alice.send_asym(&bob.public_key(), topic, b"for bob")?;
        ensure(heard(&mut at_bob).await?.payload == b"for bob", "bob to hear what is for him, and nothing before")
    })
}
