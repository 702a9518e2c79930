//! Calls the methods of a running node: one from the command line, or many from a prompt.
//!
//! ```sh
//! cargo run --example node   -- --data /tmp/alice
//! cargo run --example p2pctl -- --ipc /tmp/alice/node.ipc rpc_modules
//! cargo run --example p2pctl -- --ipc /tmp/alice/node.ipc --json admin_peers
//! cargo run --example p2pctl -- --ipc /tmp/alice/node.ipc admin_subscribe peerEvents
//! cargo run --example p2pctl -- --ipc /tmp/alice/node.ipc attach
//! ```
//!
//! It knows no method: it calls what it is told, and asks the node what there is when it is not found. [`session`] calls,
//! [`table`] shows, [`prompt`] is the prompt.

#![allow(unreachable_pub, reason = "a program has no public items, and `pub` is shorter")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

mod args;
mod prompt;
mod session;
mod table;
mod words;

use std::process::ExitCode;

use clap::Parser;
use p2p_examples::{exit, on_executor};

use crate::args::Args;
use crate::session::Session;

fn main() -> ExitCode {
    let args = Args::parse();
    exit(on_executor(async |ex| {
        let mut session = Session::connect(ex, &args).await?;
        match args.method.as_str() {
            "attach" => prompt::run(session).await,
            method => Ok(session.run(method, args.arguments()).await?),
        }
    }))
}
