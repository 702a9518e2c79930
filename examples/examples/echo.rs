//! The smallest plugin, both sides of it: whoever is sent an `Echo` sends it back, once.
//!
//! ```sh
//! cargo run --example echo
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{connected, ensure, exit, local};
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

// ANCHOR: link
use p2p_protocols as _;
// ANCHOR_END: link

fn main() -> ExitCode {
    let (sender, heard) = smol::channel::bounded::<String>(1);
    let nodes = || Ok((local("alice")?.state(sender.clone()), local("bob")?.state(sender.clone())));
    exit(nodes().and_then(|(alice, bob)| {
        connected(alice, bob, async |channel| {
            channel.send(&Shout { text: "hello".to_owned() }).await?;
            let text = heard.recv().await?;
            println!("the valley says {text:?}");
            ensure(text == "hello", "what was shouted")
        })
    }))
}
