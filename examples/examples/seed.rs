//! A seed node: others visit it to learn of each other.
//!
//! ```sh
//! cargo run --example seed -- --listen tls://127.0.0.1:9000 --data /tmp/seed
//! ```
//!
//! The first line of its output is the URL that others name as their seed; it runs until Ctrl-C or `SIGTERM`. It has no
//! protocol of its own: the ones that ship with p2p-net make a node a seed.

#![allow(clippy::print_stdout, reason = "a program")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Parser};
use futures::StreamExt;
use p2p_examples::{Outcome, exit, interrupts, log_to_stderr};
use p2p_net::node_url::NodeUrl;
use p2p_net::{P2p, Settings};
use p2p_protocols as _;
use smol::Executor;

/// A seed node, until Ctrl-C.
#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 is any free one. May be given more than once.
    #[arg(long, value_name = "URL", required = true)]
    listen: Vec<NodeUrl>,
    /// Folder for its key and its address book; without one, each start is a new node.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Logs what it does; twice for more.
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
}

fn main() -> ExitCode {
    let args = Args::parse();
    log_to_stderr(args.verbose);
    let ex = Arc::new(Executor::new());
    exit(smol::block_on(ex.run(serve(args, ex.clone()))))
}

async fn serve(args: Args, ex: Arc<Executor<'static>>) -> Outcome {
    let mut interrupts = interrupts()?;
    // ANCHOR: settings
    let settings = Settings {
        name: "seed".to_owned(),
        data_dir: args.data,
        // It keeps no peers of its own choice: it visits those it hears of, to tell others only what is true.
        ..Settings::seed(args.listen)
    };
    // ANCHOR_END: settings
    // ANCHOR: run
    let p2p = P2p::new(settings).await?;
    p2p.clone().start(ex.clone()).await?;
    for url in p2p.advertised() {
        println!("{url}");
    }
    let run = ex.spawn(p2p.clone().run(ex.clone()));
    interrupts.next().await;
    p2p.stop().await;
    Ok(run.await?)
    // ANCHOR_END: run
}
