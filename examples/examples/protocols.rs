//! Prints the protocols that are linked into a program: `cargo run --example protocols`, or with `-- --json` as a manifest.
//!
//! The table shows what a node would run and what travels: names, versions, sessions, and each message with its id, its
//! fingerprint and its bounds. Two builds whose tables agree can talk to each other.

use std::io::Write;

use p2p_net::ProtocolSet;
use p2p_net::prelude::*;
// Nothing else of this crate is named: the line links its plugins.
use p2p_protocols as _;

/// How many things are there?
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64, rate = "10/1s", stream = Thing)]
struct Things {
    most: u32,
}

/// One of them.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 1024)]
struct Thing {
    name: String,
}

/// A protocol of this program's own, beside the linked ones.
#[protocol(sessions = !SEED, version = 2)]
async fn inventory(things: Things) -> impl Stream<Item = Thing> {
    futures::stream::iter((0..things.most).map(|n| Thing { name: format!("thing {n}") }))
}

fn main() -> std::io::Result<()> {
    let set = ProtocolSet::linked();
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => write!(std::io::stdout(), "{set}")?,
        ["--json"] => write!(std::io::stdout(), "{}", set.manifest().to_json()?)?,
        _ => return Err(std::io::Error::other(format!("{arguments:?}: the only argument there is, is --json"))),
    }
    // An example checks what it shows.
    let names: Vec<_> = set.iter().map(|protocol| protocol.name).collect();
    if names == ["version", "address", "inventory", "ping"] {
        return Ok(());
    }
    Err(std::io::Error::other(format!("other protocols than expected: {names:?}")))
}
