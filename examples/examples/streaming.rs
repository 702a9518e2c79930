//! A request that is answered by a stream: rows come at the pace of who reads them, and stop when he has enough.
//!
//! ```sh
//! cargo run --example streaming
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use futures::StreamExt;
use futures::stream;
use p2p_examples::{Outcome, connected, ensure, exit, local};
use p2p_net::prelude::*;
use p2p_protocols as _;

// ANCHOR: plugin
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 32, stream = Square)]
struct Squares {
    from: u64,
}

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024)]
struct Square(u64);

/// Endless, or nearly: no row is made before somebody has room for it.
#[protocol(sessions = !SEED)]
async fn squares(Squares { from }: Squares) -> impl Stream<Item = Result<Square>> {
    stream::iter(from..).map(|n| n.checked_mul(n).map(Square).ok_or_else(|| Error::msg(format!("{n} is too large"))))
}
// ANCHOR_END: plugin

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    connected(local("alice")?, local("bob")?, async |channel| {
        // ANCHOR: read
        let mut rows = channel.stream(Squares { from: 1 });
        let mut sum = 0;
        while sum < 1_000_000 {
            sum += rows.next().await.ok_or("the squares ended")??.0;
        }
        drop(rows);
        // ANCHOR_END: read
        println!("the first squares sum up to {sum}");
        ensure(sum == 1_005_720, "1005720, the sum of the first 144 squares")?;

        // An error ends the stream, after the rows before it.
        let last = u64::from(u32::MAX);
        let rows: Vec<_> = channel.stream(Squares { from: last }).take(3).collect().await;
        println!("{rows:?}");
        ensure(rows.len() == 2 && rows[0] == Ok(Square(last * last)) && rows[1].is_err(), "one square and one error")
    })
}
