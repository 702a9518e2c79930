//! A node that greets whoever asks, or asks to be greeted.
//!
//! ```sh
//! cargo run -p greeter              # greets, until Ctrl-C
//! cargo run -p greeter -- URL NAME  # asks the node at URL
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

// ANCHOR: program
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use greeter::Greet;
use p2p_net::{P2p, Settings};
use p2p_protocols as _;
use smol::Executor;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let ex = Arc::new(Executor::new());
    smol::block_on(ex.run(async {
        let listen = vec!["tls://127.0.0.1:0".parse()?];
        let node = P2p::new(Settings { name: "greeter".to_owned(), listen, ..Settings::default() }).await?;
        node.clone().start(ex.clone()).await?;
        let run = ex.spawn(node.clone().run(ex.clone()));

        let mut arguments = std::env::args().skip(1);
        match arguments.next() {
            // Greets, until Ctrl-C.
            None => println!("{}", node.advertised()[0]),
            // Asks the node at the URL to greet the name.
            Some(url) => {
                let peer = node.add_peer(&url.parse()?).await?;
                let channel = node.channel(&peer).ok_or("the connection is gone already")?;
                let name = arguments.next().unwrap_or_default();
                println!("{}", channel.request(Greet { name }).await?.text);
                node.stop().await;
            }
        }
        Ok(run.await?)
    }))
}
// ANCHOR_END: program
