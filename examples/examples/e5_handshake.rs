//! Two nodes that are not connected agree on keys through a third, and use them: who steals the nodes' own keys later cannot read
//! what was said.
//!
//! ```sh
//! cargo run --example e5_handshake
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
        let topic = Topic::of("foo");
        let mut messages = carol.subscribe(topic);
        // ANCHOR: session
        carol.add_handshake(topic);
        alice.set_peer_public_key(carol.public_key(), topic, Prefix::EMPTY)?;
        let session = alice.handshake(&carol.public_key(), topic).await?;
        alice.send_sym(session, topic, b"bar")?;
        // ANCHOR_END: session
        let message = heard(&mut messages).await?;
        println!("{:?} says {}", message.sender, String::from_utf8_lossy(&message.payload));
        let in_session = matches!(message.sender, Sender::Session { peer, .. } if peer == alice.public_key());
        ensure(message.payload == b"bar" && in_session, "\"bar\" by alice, in the session")?;

        // ANCHOR: reply
        let mut replies = alice.subscribe(topic);
        carol.reply(&message, b"baz")?;
        let reply = heard(&mut replies).await?;
        // ANCHOR_END: reply
        let same =
            matches!(reply.sender, Sender::Session { peer, key } if peer == carol.public_key() && key == session);
        ensure(reply.payload == b"baz" && same, "\"baz\" by carol, in the same session")
    })
}
