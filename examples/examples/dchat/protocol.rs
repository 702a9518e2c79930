//! The chat protocol: all of it. A line that arrives is handed to the program, which gave the node the other end of a queue.
//!
//! When the program is slow the queue fills, then the message's window, and then whoever sends waits: nothing grows.

use p2p_net::prelude::*;
use smol::channel::Sender;

// ANCHOR: queue
/// The program's queue: lines, and the peer who proved to have said them.
pub type Lines = Sender<(NodeId, Say)>;
// ANCHOR_END: queue

// ANCHOR: protocol
#[derive(Debug, Clone, PartialEq, Eq, Message, Serialize, Deserialize)]
#[message(max_bytes = 4096)]
pub struct Say {
    pub name: String,
    pub text: String,
}

#[protocol(sessions = !SEED)]
pub async fn chat(say: Say, from: NodeId, lines: State<Lines>) -> Result<()> {
    Ok(lines.send((from, say)).await?)
}
// ANCHOR_END: protocol
