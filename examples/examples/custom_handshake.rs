//! A handshake of one's own, beside the shipped one: only who knows the word gets in.
//!
//! ```sh
//! cargo run --example custom_handshake
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{Outcome, connected, ensure, exit, local};
use p2p_net::disconnect::DisconnectReason;
use p2p_net::prelude::*;
use p2p_net::protocol::Signalled;
use p2p_net::signal::Signal;
use p2p_protocols as _;

// ANCHOR: plugin
/// May I come in?
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 256, window = 1024, reply = Welcome)]
struct Knock {
    word: String,
}

/// You may.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024)]
struct Welcome;

/// The word, which the program knows.
struct Word(&'static str);

#[derive(Default)]
struct Door {
    welcomed: Signal,
}

#[protocol(sessions = ALL, phase = handshake)]
impl Door {
    /// Done when this end was welcomed and has welcomed the other.
    #[job]
    async fn enter(&self, channel: &Channel, word: State<Word>) -> Result<()> {
        channel.request(Knock { word: word.0.to_owned() }).await?;
        self.welcomed.wait().await;
        Ok(())
    }

    #[on]
    async fn knock(&self, knock: Knock, word: State<Word>) -> Result<Signalled<Welcome>> {
        if knock.word != word.0 {
            return Err(Error::disconnect(DisconnectReason::HandshakeRefused, "that is not the word"));
        }
        Ok(Signalled { reply: Welcome, signal: self.welcomed.clone() })
    }
}
// ANCHOR_END: plugin

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let node = |name, word| Ok::<_, Box<dyn std::error::Error>>(local(name)?.state(Word(word)));

    connected(node("alice", "sesame")?, node("bob", "sesame")?, async |channel| {
        let protocols = channel.info().protocols;
        println!("in, with {protocols:?}");
        ensure(protocols.iter().any(|name| name == "door/1"), "a channel that went through the door")
    })?;

    let outside = connected(node("alice", "sesame")?, node("mallory", "barley")?, async |_channel| Ok(()));
    let refused = outside.err().ok_or("expected mallory to stay outside")?.to_string();
    println!("out: {refused}");
    ensure(refused.contains("that is not the word"), "to be told why")
}
