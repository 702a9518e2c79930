//! The node itself as an API: `admin_nodeInfo` over a Unix socket.
//!
//! ```sh
//! cargo run --example b2_method
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{Folder, Outcome, build, ensure, exit, local, on_executor};
use p2p_net::rpc::{Admin, Apis, Client, IpcSettings, RpcSettings, Server};
use p2p_protocols as _;
use serde_json::Value;

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let (folder, p2p) = (Folder::new("b2")?, build(local("foo")?)?);
    on_executor(async |ex| {
        p2p.clone().start(ex.clone()).await?;

        // ANCHOR: serve
        let path = folder.file("node.ipc");
        let settings = RpcSettings { ipc: Some(IpcSettings::at(&path)), ..RpcSettings::default() };
        let server = Server::start(Apis::new().with(Admin::new(p2p.clone()))?, settings, ex).await?;
        // ANCHOR_END: serve

        // ANCHOR: call
        let client = Client::connect(ex, &path.display().to_string()).await?;
        let answer: Value = client.call("admin_nodeInfo", ()).await?;
        // ANCHOR_END: call
        println!("{answer:#}");
        let info = p2p.node_info();
        let url = info.url.ok_or("the node listens nowhere")?;
        ensure(answer["id"] == info.id.to_string(), "the id of the node")?;
        ensure(answer["name"] == info.name, "its name")?;
        ensure(answer["enode"] == url.to_string(), "its URL")?;
        ensure(answer["ports"]["listener"] == url.port(), "its port")?;
        server.stop().await;
        p2p.stop().await;
        Ok(())
    })
}
