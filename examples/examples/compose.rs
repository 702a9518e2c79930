//! Which protocols a node runs: everything that is linked, less some, or one alone.
//!
//! ```sh
//! cargo run --example compose
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;
use std::time::Duration;

use p2p_examples::{Outcome, ensure, exit};
use p2p_net::prelude::*;
use p2p_net::protocol::ProtocolSet;
use p2p_protocols::address::ProtocolAddress;
use p2p_protocols::ping::ProtocolPing;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Note(String);

#[protocol(sessions = !SEED)]
async fn notes(Note(text): Note, channel: &Channel) {
    log::info!("{}: {text}", channel.peer_id());
}

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    // ANCHOR: sets
    let all = ProtocolSet::linked();
    let silent = all.clone().without::<ProtocolPing>().without::<ProtocolAddress>();
    let alone = all.clone().only::<notes>();
    let patient = all.clone().configure::<ProtocolPing>(|ping| ping.interval = Some(Duration::from_secs(300)));
    // ANCHOR_END: sets

    print!("{all}");
    ensure(names(&all) == ["version", "address", "notes", "ping"], "all that is linked, the handshake first")?;
    ensure(names(&silent) == ["version", "notes"], "a node without ping and address")?;
    ensure(names(&alone) == ["version", "notes"], "the handshake and one protocol")?;
    ensure(all.to_string().contains("notes/1"), "the table to name every protocol")?;

    smol::block_on(async {
        // ANCHOR: build
        let node = P2p::builder(Settings::default()).protocols(patient).build().await?;
        // ANCHOR_END: build
        let running = node.node_info().protocols;
        println!("{running:?}");
        ensure(running == ["version/1", "address/1", "notes/1", "ping/1"], "a node that says what it runs")
    })
}

fn names(set: &ProtocolSet) -> Vec<&'static str> {
    set.iter().map(|protocol| protocol.name).collect()
}
