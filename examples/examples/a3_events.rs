//! A connection is an event at both of its ends.
//!
//! ```sh
//! cargo run --example a3_events
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{Outcome, build, ensure, exit, local, running, url_of};
use p2p_net::disconnect::Side;
use p2p_net::event::{PeerEvent, Seen};
use p2p_protocols as _;

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let (alice, bob) = (build(local("alice")?)?, build(local("bob")?)?);
    running([&alice, &bob], async || {
        // ANCHOR: subscribe
        let (mut at_alice, mut at_bob) = (alice.subscribe_events(), bob.subscribe_events());
        alice.add_peer(&url_of(&bob)?).await?;
        for (name, events, other, by) in
            [("alice", &mut at_alice, bob.id(), Side::Local), ("bob", &mut at_bob, alice.id(), Side::Remote)]
        {
            // A visit to see whether an address is right is an event of its own, and no peer.
            let event = loop {
                match events.next().await.ok_or("the node stopped")? {
                    Seen::Event(PeerEvent::Refused { .. }) => {}
                    Seen::Event(event) => break event,
                    Seen::Lost(many) => return Err(format!("{many} events were lost").into()),
                }
            };
            println!("{name} sees {event:?}");
            ensure(event == PeerEvent::Add { peer: other, dialled_by: by }, "the other to be added")?;
        }
        // ANCHOR_END: subscribe
        drop(at_alice); // that is all it takes to unsubscribe

        alice.remove_peer(&bob.id());
        loop {
            match at_bob.next().await.ok_or("the node stopped")? {
                Seen::Event(PeerEvent::Drop { peer, reason }) if peer == alice.id() => {
                    println!("bob sees alice go: {reason}");
                    return Ok(());
                }
                _ => {}
            }
        }
    })
}
