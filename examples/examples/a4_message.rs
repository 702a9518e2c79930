//! A protocol of one message: both ends send one and receive one, and both can be watched.
//!
//! ```sh
//! cargo run --example a4_message
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{Outcome, build, ensure, exit, local, running, url_of};
use p2p_net::P2pPtr;
use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::prelude::*;
use p2p_protocols as _;

// ANCHOR: protocol
/// The one message of the protocol.
#[derive(Message, Serialize, Deserialize)]
#[message(name = "foo_say", max_bytes = 64)]
struct Say(String);

#[derive(Default)]
struct Foo;

/// Says one thing to whoever connects, and takes what they say.
#[protocol(name = "foo", version = 42)]
impl Foo {
    #[job]
    async fn greet(&self, channel: &Channel) -> Result<()> {
        Ok(channel.send(&Say("foobar".to_owned())).await?)
    }

    #[on]
    async fn say(&self, Say(text): Say, peer: NodeId) {
        println!("{} says {text}", peer.short());
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
        one_each_way(&mut at_alice, &bob).await?;
        one_each_way(&mut at_bob, &alice).await
    })
}

// ANCHOR: watch
/// Waits until a `foo_say` went to `other` and one came from there.
async fn one_each_way(events: &mut PeerEvents, other: &P2pPtr) -> Outcome {
    let (mut sent, mut received) = (0, 0);
    while (sent, received) != (1, 1) {
        let Seen::Event(event) = events.next().await.ok_or("the node stopped")? else { continue };
        let (protocol, bytes, peer) = match event {
            PeerEvent::MsgSend { peer, protocol, message: "foo_say", bytes } => {
                sent += 1;
                (protocol, bytes, peer)
            }
            PeerEvent::MsgRecv { peer, protocol, message: "foo_say", bytes } => {
                received += 1;
                (protocol, bytes, peer)
            }
            _ => continue,
        };
        // Six letters, and one byte that says so.
        ensure((protocol, bytes, peer) == (Some("foo"), 7, other.id()), "7 bytes of the protocol foo")?;
    }
    Ok(())
}
// ANCHOR_END: watch
