//! A node with a data folder: who it is and whom it knows is there at the second start.
//!
//! ```sh
//! cargo run --example c1_stack
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{Folder, Outcome, ensure, exit, on_executor};
use p2p_net::hosts::Source;
use p2p_net::service::{FolderError, NewError, Node, NodeSettings, NodeState};
use p2p_protocols as _;

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let folder = Folder::new("c1")?;
    // ANCHOR: config
    let config = r#"
        name = "foo"
        app_version = "42"
        listen = ["tls://127.0.0.1:0"]
        outbound_slots = 0
    "#;
    std::fs::write(folder.file("config.toml"), config)?;
    // ANCHOR_END: config
    on_executor(async |ex| {
        // ANCHOR: first
        let settings = NodeSettings::in_folder(folder.path()).await?;
        let node = Node::builder(settings.clone()).build().await?;
        node.start(ex).await?;
        println!("first start:  {} {}", node.node_info().name, node.node_info().id);
        // ANCHOR_END: first
        let somebody = "tls://203.0.113.7:9000".parse()?;
        node.p2p().hosts().hear(&somebody, Source::Operator)?;

        // ANCHOR: twice
        let twice = Node::builder(settings.clone()).build().await;
        let Err(NewError::Folder(error @ FolderError::InUse { .. })) = twice else {
            return Err("two nodes use one folder".into());
        };
        println!("meanwhile:    {error}");
        // ANCHOR_END: twice
        let id = node.node_info().id;
        node.stop().await?;
        ensure(node.state() == NodeState::Stopped, "a node that has stopped")?;

        // ANCHOR: second
        let again = Node::builder(settings).build().await?;
        again.start(ex).await?;
        println!("second start: {} {}", again.node_info().name, again.node_info().id);
        // ANCHOR_END: second
        ensure(again.node_info().id == id, "the same id")?;
        let known: Vec<_> = again.p2p().hosts().list().into_iter().map(|(url, _)| url).collect();
        println!("it knows:     {known:?}");
        ensure(known == [somebody], "the address that it heard of at its first start")?;
        again.stop().await?;
        Ok(())
    })
}
