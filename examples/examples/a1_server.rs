//! A node starts, says who and where it is, and stops.
//!
//! ```sh
//! cargo run --example a1_server
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{Outcome, build, ensure, exit, running};
use p2p_net::p2p::P2pState;
use p2p_net::{P2p, Settings};
use p2p_protocols as _;

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    // ANCHOR: start
    let settings = Settings {
        name: "foo".to_owned(),
        app_version: "42".to_owned(),
        listen: vec!["tls://127.0.0.1:0".parse()?], // port 0: the system chooses one that is free
        ..Settings::default()
    };
    let node = build(P2p::builder(settings))?;
    // ANCHOR_END: start
    running([&node], async || {
        // ANCHOR: info
        let info = node.node_info();
        let url = info.url.ok_or("the node listens nowhere")?;
        println!("url   {url}");
        println!("name  {}", info.name);
        println!("id    {}", info.id);
        println!("ip    {}", url.host());
        println!("port  {}", url.port());
        // ANCHOR_END: info
        ensure(url.port() != 0, "the port that is really bound")?;
        ensure(url.id() == Some(info.id), "a URL that says whom to expect there")?;
        let start = format!("foo/v42/{}/rust", std::env::consts::OS);
        ensure(info.name.starts_with(&start), format!("a name that begins with {start}"))
    })?;
    ensure(node.state() == P2pState::Stopped && node.task_count() == 0, "a node that has stopped")
}
