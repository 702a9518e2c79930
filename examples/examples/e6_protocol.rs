//! The plugin of `echo`, word for word, between two nodes that are not connected: a third one relays what they say, and
//! cannot read it.
//!
//! ```sh
//! cargo run --example e6_protocol
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

#[path = "../src/relay.rs"]
mod relay;

use std::process::ExitCode;

use p2p_examples::{Outcome, ensure, exit, local};
// ANCHOR: plugin
use p2p_net::prelude::*;
use smol::channel::Sender;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 1024)]
struct Shout {
    text: String,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 1024)]
struct Echo {
    text: String,
}

#[derive(Default)]
struct Valley;

#[protocol(sessions = !SEED)]
impl Valley {
    /// The side that answers.
    #[on]
    async fn shout(&self, shout: Shout, channel: &Channel) -> Result<()> {
        Ok(channel.send(&Echo { text: shout.text }).await?)
    }

    /// The side that asked.
    #[on]
    async fn echo(&self, echo: Echo, heard: State<Sender<String>>) -> Result<()> {
        Ok(heard.send(echo.text).await?)
    }
}
// ANCHOR_END: plugin
use p2p_protocols as _;
use relay::{around, behind};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let (sender, heard) = smol::channel::bounded::<String>(1);
    let with = |node: p2p_net::p2p::P2pBuilder| node.state(sender.clone());
    let (bob, ends) = (with(local("bob")?), [with(behind("alice")), with(behind("carol"))]);
    around(bob, ends, async |bob, [alice, carol]| {
        // ANCHOR: open
        let (relay, _carols) = (alice.carry_channels()?, carol.carry_channels()?);
        let channel = relay.dial(carol.public_key()).await?;
        // ANCHOR_END: open
        ensure(channel.session() == SessionFlags::RELAYED, "a channel over the relay")?;
        ensure(channel.peer_id() == carol.public_key(), "carol at its other end")?;

        // ANCHOR: use
        channel.send(&Shout { text: "hello".to_owned() }).await?;
        let text = heard.recv().await?;
        // ANCHOR_END: use
        println!("the valley says {text:?}");
        ensure(text == "hello", "what was shouted")?;
        let seen = bob.counters();
        println!("bob passed {} envelopes on, and opened {}", seen.passed_on, seen.received);
        ensure(seen.passed_on > 0 && seen.received == 0, "bob to pass all on, and to open none")?;
        ensure(alice.peers() == 1 && carol.peers() == 1, "no connection but those with bob")
    })
}
