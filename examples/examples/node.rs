//! A node with a data folder and a socket by which other programs control it, until Ctrl-C.
//!
//! ```sh
//! cargo run --example node -- --data /tmp/alice
//! cargo run --example p2pctl -- --ipc /tmp/alice/node.ipc rpc_modules
//! ```
//!
//! Its settings are in `config.toml` in the folder, if there is one. Without any it listens at a free port of this machine, and
//! offers everything over the socket `node.ipc`.

#![allow(clippy::print_stdout, reason = "a program")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Parser};
use futures::StreamExt;
use p2p_examples::{Outcome, exit, interrupts, log_to_stderr, on_executor};
use p2p_net::rpc::IpcSettings;
use p2p_net::service::{Node, NodeSettings};
use p2p_protocols as _;
use smol::Executor;

/// A node, until Ctrl-C.
#[derive(Parser)]
struct Args {
    /// Folder for its settings, its key, its address book and its socket.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Logs what it does; twice for more.
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
}

fn main() -> ExitCode {
    let args = Args::parse();
    log_to_stderr(args.verbose);
    exit(on_executor(async |ex| run(args, ex).await))
}

async fn run(args: Args, ex: &Arc<Executor<'static>>) -> Outcome {
    let mut interrupts = interrupts()?;
    let mut settings = NodeSettings::in_folder(args.data).await?;
    if settings.p2p.listen.is_empty() {
        settings.p2p.listen.push("tls://127.0.0.1:0".parse()?);
    }
    settings.rpc.ipc.get_or_insert_with(|| IpcSettings::at("node.ipc"));
    let node = Node::builder(settings).build().await?;
    node.start(ex).await?;
    for url in node.p2p().advertised() {
        println!("{url}");
    }
    if let Some(path) = node.rpc().and_then(|rpc| rpc.ipc()) {
        println!("{}", path.display());
    }
    interrupts.next().await;
    Ok(node.stop().await?)
}
