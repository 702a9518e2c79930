//! How far away is a peer? The shipped heartbeat measures it; a program only reads it.
//!
//! ```sh
//! cargo run --example ping
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;
use std::time::Duration;

use p2p_examples::{Outcome, between, ensure, exit, local};
use p2p_net::ProtocolSet;
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::p2p::NewError;
use p2p_protocols::ping::{Ping, ProtocolPing};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    // ANCHOR: configure
    let often = ProtocolSet::linked().configure::<ProtocolPing>(|ping| ping.interval = Some(Duration::from_millis(20)));
    // ANCHOR_END: configure
    let (alice, bob) = (local("alice")?.protocols(often.clone()), local("bob")?.protocols(often));
    let (alice, bob) = smol::block_on(async { Ok::<_, NewError>((alice.build().await?, bob.build().await?)) })?;
    let mut events = alice.subscribe_message_events();
    between(&alice, &bob, async |channel| {
        // ANCHOR: read
        let rtt = loop {
            if let Some(rtt) = channel.info().rtt {
                break rtt;
            }
            events.next().await.ok_or("the node stopped")?;
        };
        // ANCHOR_END: read
        println!("{} is {rtt:?} away", channel.peer_id());
        ensure(!rtt.is_zero(), "a round trip that takes time")?;

        // The beat goes on.
        loop {
            let seen = events.next().await.ok_or("the node stopped")?;
            if matches!(seen, Seen::Event(PeerEvent::MsgSend { message, .. }) if message == <Ping as p2p_net::Message>::NAME)
            {
                return Ok(());
            }
        }
    })
}
