//! Typed messages both ways, and how a handler ends things: the connection, with a reason that both ends know, or its own
//! protocol alone.
//!
//! ```sh
//! cargo run --example d1_protocols
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{Outcome, build, ensure, exit, local, running, url_of};
use p2p_net::channel::SendError;
use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::prelude::*;
use p2p_protocols as _;
use smol::channel::Sender;

// ANCHOR: protocol
#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Hello {
    text: String,
}

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Bye {
    forever: bool,
}

/// What came, by type.
#[derive(Debug, PartialEq)]
enum Came {
    Hello(Hello),
    Bye(Bye),
}

struct Talk {
    came: State<Sender<Came>>,
}

/// Two types of messages, each with a handler of its own.
#[protocol(name = "talk", version = 1)]
impl Talk {
    fn init(came: State<Sender<Came>>) -> Self {
        Self { came }
    }

    #[on]
    async fn hello(&self, hello: Hello) -> Result<()> {
        Ok(self.came.send(Came::Hello(hello)).await?)
    }

    #[on]
    async fn bye(&self, bye: Bye) -> Result<()> {
        let forever = bye.forever;
        self.came.send(Came::Bye(bye)).await?;
        match forever {
            // Ends the connection.
            true => Err(Error::disconnect(DisconnectReason::Requested, "then goodbye")),
            // Ends this protocol on this connection, and nothing else.
            false => Err(Error::leave("see you")),
        }
    }
}
// ANCHOR_END: protocol

fn main() -> ExitCode {
    exit(run())
}

/// Waits until a peer is there.
async fn added(events: &mut PeerEvents) -> Outcome {
    while !matches!(events.next().await.ok_or("the node stopped")?, Seen::Event(PeerEvent::Add { .. })) {}
    Ok(())
}

fn run() -> Outcome {
    let (to_alice, at_alice) = smol::channel::bounded::<Came>(8);
    let (to_bob, at_bob) = smol::channel::bounded::<Came>(8);
    let (alice, bob) = (build(local("alice")?.state(to_alice))?, build(local("bob")?.state(to_bob))?);
    running([&alice, &bob], async || {
        let mut events = bob.subscribe_events();
        alice.add_peer(&url_of(&bob)?).await?;
        added(&mut events).await?;
        let (here, there) = (alice.channel(&bob.id()), bob.channel(&alice.id()));
        let (here, there) = (here.ok_or("no channel")?, there.ok_or("no channel")?);

        // ANCHOR: typed
        let hello = |text: &str| Hello { text: text.to_owned() };
        here.send(&hello("from alice")).await?;
        there.send(&hello("from bob")).await?;
        ensure(at_bob.recv().await? == Came::Hello(hello("from alice")), "what alice said")?;
        ensure(at_alice.recv().await? == Came::Hello(hello("from bob")), "what bob said")?;
        // ANCHOR_END: typed

        // ANCHOR: leave
        here.send(&Bye { forever: false }).await?;
        ensure(at_bob.recv().await? == Came::Bye(Bye { forever: false }), "a goodbye")?;
        let left = loop {
            if let Err(error) = here.send(&hello("still there?")).await {
                break error;
            }
            smol::future::yield_now().await;
        };
        println!("alice cannot send: {left}");
        ensure(matches!(left, SendError::Left { protocol: "talk", by: Side::Remote, .. }), "the protocol to be over")?;
        ensure(alice.peers_running("talk").is_empty() && alice.peer_count() == 1, "the connection to stay")?;
        // ANCHOR_END: leave

        // A new connection runs it again.
        bob.remove_peer(&alice.id());
        here.closed().await;
        added(&mut events).await?;

        // ANCHOR: error
        let there = bob.channel(&alice.id()).ok_or("no channel")?;
        there.send(&Bye { forever: true }).await?;
        let end = there.closed().await;
        println!("bob is told: {end}");
        ensure((end.reason, end.by) == (DisconnectReason::Requested, Side::Remote), "a reason that alice gives")?;
        ensure(end.detail == "then goodbye", "her words")
        // ANCHOR_END: error
    })
}
