//! What a node says of itself, asked in three ways: here, by an attached client, over its socket.
//!
//! ```sh
//! cargo run --example c2_nodeinfo
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{Folder, Outcome, ensure, exit, on_executor, settings};
use p2p_net::Settings;
use p2p_net::rpc::{AdminNodeInfo, Client, IpcSettings, RpcSettings};
use p2p_net::service::Node;
use p2p_protocols as _;
use serde_json::Value;

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let folder = Folder::new("c2")?;
    on_executor(async |ex| {
        // ANCHOR: node
        let settings = Settings { data_dir: Some(folder.path().to_owned()), ..settings("foo")? };
        let rpc = RpcSettings { ipc: Some(IpcSettings::at("node.ipc")), ..RpcSettings::default() };
        let node = Node::builder(settings).rpc(rpc).build().await?;
        node.start(ex).await?;
        // ANCHOR_END: node

        // ANCHOR: three
        let here = serde_json::to_value(AdminNodeInfo::of(node.p2p()))?;

        let attached: Value = node.attach()?.call("admin_nodeInfo", ()).await?;

        let path = node.rpc().and_then(|rpc| rpc.ipc()).ok_or("the node has no socket")?;
        let client = Client::connect(ex, &path.display().to_string()).await?;
        let over_the_socket: Value = client.call("admin_nodeInfo", ()).await?;
        // ANCHOR_END: three
        println!("{here:#}");
        ensure(path.parent() == Some(folder.path()), "a socket in the data folder")?;
        ensure(here["id"] == node.node_info().id.to_string(), "the id of this node")?;
        ensure(attached == here, "the attached client to be told the same")?;
        ensure(over_the_socket == here, "whoever asks over the socket to be told the same")?;
        node.stop().await?;
        Ok(())
    })
}
