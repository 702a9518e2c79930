//! A chat without a server: nodes that know only a seed's address find each other and talk.
//!
//! ```sh
//! cargo run --example dchat              # a seed and three nodes in this process, who check what they hear
//! cargo run --example seed  -- --listen tls://127.0.0.1:9000
//! cargo run --example dchat -- --name alice --listen tls://127.0.0.1:9001 --seed tls://127.0.0.1:9000
//! cargo run --example dchat -- --name bob   --listen tls://127.0.0.1:9002 --seed tls://127.0.0.1:9000
//! ```
//!
//! Read [`protocol`] first: it is the chat. [`demo`] is the program without arguments, [`program`] the one with.

#![allow(clippy::print_stdout, reason = "a program")]
#![allow(unreachable_pub, reason = "a program has no public items, and `pub` is shorter")]

mod args;
mod demo;
mod people;
mod program;
mod protocol;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use p2p_examples::{exit, log_to_stderr};
use p2p_protocols as _;
use smol::Executor;

use crate::args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    log_to_stderr(args.verbose);
    let ex = Arc::new(Executor::new());
    exit(smol::block_on(ex.run(async {
        match args.settings()? {
            Some(settings) => program::run(settings, ex.clone()).await,
            None => demo::run(ex.clone()).await,
        }
    })))
}
