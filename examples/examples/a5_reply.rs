//! A message that is answered: each end sends a ping and a pong, and receives a ping and a pong.
//!
//! ```sh
//! cargo run --example a5_reply
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use p2p_examples::{Outcome, build, ensure, exit, local, running, url_of};
use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::prelude::*;
use p2p_protocols as _;

// ANCHOR: protocol
#[derive(Message, Serialize, Deserialize)]
#[message(name = "foo_ping", max_bytes = 64, reply = Pong)]
struct Ping {
    sent_by: String,
    number: u32,
}

#[derive(Message, Serialize, Deserialize)]
#[message(name = "foo_pong", max_bytes = 16)]
struct Pong {
    number: u32,
}

#[derive(Default)]
struct FooPing;

/// Pings whoever connects, once, and answers pings.
#[protocol(name = "fooping", version = 42)]
impl FooPing {
    #[job]
    async fn ask(&self, channel: &Channel, settings: &Settings) -> Result<()> {
        let pong = channel.request(Ping { sent_by: settings.name.clone(), number: 7 }).await?;
        if pong.number == 7 { Ok(()) } else { Err(Error::msg("the answer to another ping")) }
    }

    #[on]
    async fn ping(&self, Ping { sent_by, number }: Ping) -> Pong {
        println!("ping {number} from {sent_by}");
        Pong { number }
    }
}
// ANCHOR_END: protocol

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let (alice, bob) = (build(local("alice")?)?, build(local("bob")?)?);
    running([&alice, &bob], async || {
        let (mut at_alice, mut at_bob) = (alice.subscribe_message_events(), bob.subscribe_message_events());
        alice.add_peer(&url_of(&bob)?).await?;
        for events in [&mut at_alice, &mut at_bob] {
            let seen = four(events).await?;
            println!("{seen:?}");
            let once = ["ping received", "ping sent", "pong received", "pong sent"].map(|what| (what, 1));
            ensure(seen == BTreeMap::from(once), "each of them once")?;
        }
        ensure(alice.peer_count() == 1 && bob.peer_count() == 1, "them to stay connected")
    })
}

/// Counts until four pings and pongs went or came.
async fn four(events: &mut PeerEvents) -> Result<BTreeMap<&'static str, u32>, Box<dyn std::error::Error>> {
    let mut seen = BTreeMap::new();
    while seen.values().sum::<u32>() < 4 {
        let what = match events.next().await.ok_or("the node stopped")? {
            Seen::Event(PeerEvent::MsgSend { message: "foo_ping", .. }) => "ping sent",
            Seen::Event(PeerEvent::MsgRecv { message: "foo_ping", .. }) => "ping received",
            Seen::Event(PeerEvent::MsgSend { message: "foo_pong", .. }) => "pong sent",
            Seen::Event(PeerEvent::MsgRecv { message: "foo_pong", .. }) => "pong received",
            _ => continue,
        };
        *seen.entry(what).or_default() += 1;
    }
    Ok(seen)
}
