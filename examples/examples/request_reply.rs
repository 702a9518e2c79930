//! A request and its reply: one line for whoever asks, and an error that reaches him as an error.
//!
//! ```sh
//! cargo run --example request_reply
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{Outcome, connected, ensure, exit, local};
use p2p_net::channel::RequestError;
use p2p_net::prelude::*;
use p2p_protocols as _;

// ANCHOR: messages
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 32, reply = Quotient)]
struct Divide {
    dividend: i64,
    divisor: i64,
}

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Quotient(i64);
// ANCHOR_END: messages

// ANCHOR: handler
#[protocol(sessions = !SEED)]
async fn arithmetic(Divide { dividend, divisor }: Divide) -> Result<Quotient> {
    let quotient = dividend.checked_div(divisor);
    quotient.map(Quotient).ok_or_else(|| Error::msg(format!("{dividend} / {divisor} is no number")))
}
// ANCHOR_END: handler

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    connected(local("alice")?, local("bob")?, async |channel| {
        // ANCHOR: ask
        let quotient: Quotient = channel.request(Divide { dividend: 84, divisor: 2 }).await?;
        println!("84 / 2 = {}", quotient.0);
        ensure(quotient == Quotient(42), "42")?;

        let error = channel.request(Divide { dividend: 1, divisor: 0 }).await.err().ok_or("1 / 0 was answered")?;
        println!("{error}");
        ensure(matches!(error, RequestError::Failed { .. }), "an error of the other end's handler")?;
        // ANCHOR_END: ask
        ensure(channel.disconnect().is_none(), "a channel that survives an error of a request")
    })
}
