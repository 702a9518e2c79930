//! Another process sends and receives: through the namespace `pss` of one node's RPC over a Unix socket, of another's over
//! WebSocket. The program starts itself a second time, as the client.
//!
//! ```sh
//! cargo run --example e7_client
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

#[path = "../src/relay.rs"]
mod relay;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use futures::StreamExt;
use p2p_examples::{Folder, Outcome, ensure, exit, local, on_executor};
use p2p_net::rpc::{Apis, Client, HttpSettings, IpcSettings, RpcSettings, Server};
use p2p_protocols as _;
use p2p_pss::Pss;
use p2p_pss::rpc::{Hex, PssApi, PssApiClient, PssNotification};
use relay::{around, behind};
use smol::Executor;
use smol::process::Command;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    exit(match arguments.as_slice() {
        [] => nodes(),
        [alice, carol] => on_executor(async |ex| client(ex, alice, carol).await),
        _ => Err("no arguments for the nodes, or the addresses of two nodes' RPC for the client".into()),
    })
}

/// Alice, bob and carol in a line; those at the ends are called from outside.
fn nodes() -> Outcome {
    let folder = Folder::new("e7")?;
    around(local("bob")?, [behind("alice"), behind("carol")], async |_bob, [alice, carol]| {
        let ex = Arc::new(Executor::new());
        ex.run(async {
            // ANCHOR: serve
            let path = folder.file("alice.ipc");
            let unix = RpcSettings { ipc: Some(IpcSettings::at(&path)), ..RpcSettings::default() };
            let websocket = RpcSettings { websocket: Some(HttpSettings::offering(["pss"])), ..RpcSettings::default() };
            let (alices, carols) = (serve(alice, unix, &ex).await?, serve(carol, websocket, &ex).await?);
            // ANCHOR_END: serve
            let address = format!("ws://{}", carols.websocket().ok_or("no WebSocket")?);
            let status = Command::new(std::env::current_exe()?).arg(&path).arg(address).status().await?;
            alices.stop().await;
            carols.stop().await;
            ensure(status.success(), "the client to end well")
        })
        .await
    })
}

// ANCHOR: api
async fn serve(pss: Pss, settings: RpcSettings, ex: &Arc<Executor<'static>>) -> Result<Server, Box<dyn Error>> {
    Ok(Server::start(Apis::new().with(PssApi::new(pss))?, settings, ex).await?)
}
// ANCHOR_END: api

/// The other process: it knows two addresses, and runs no node.
async fn client(ex: &Arc<Executor<'static>>, alice: &str, carol: &str) -> Outcome {
    // ANCHOR: client
    let alice = PssApiClient::from(Client::connect(ex, alice).await?);
    let carol = PssApiClient::from(Client::connect(ex, carol).await?);
    let topic = carol.string_to_topic("foo".to_owned()).await?;
    let mut messages = carol.receive(topic, None).await?;

    let (key, address) = (carol.get_public_key().await?, carol.base_addr().await?);
    alice.set_peer_public_key(key, topic, Hex(address.0.into())).await?;
    alice.send_asym(key, topic, Hex(b"bar".to_vec())).await?;
    let message = messages.next().await.ok_or("the subscription has ended")??;
    // ANCHOR_END: client
    println!("process {} hears {}", std::process::id(), serde_json::to_string(&message)?);
    let sender = alice.get_public_key().await?.to_string();
    let expected = PssNotification::Message { msg: Hex(b"bar".to_vec()), asymmetric: true, key: Some(sender) };
    ensure(message == expected, "\"bar\", by alice")
}
