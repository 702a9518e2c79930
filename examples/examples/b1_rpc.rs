//! A method that other processes call: JSON-RPC 2.0 over a Unix socket.
//!
//! ```sh
//! cargo run --example b1_rpc
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use futures::io::BufReader;
use futures::{AsyncBufReadExt, AsyncWriteExt};
use p2p_examples::{Folder, ensure, exit, on_executor};
use p2p_net::prelude::*;
use p2p_net::rpc::{Apis, Client, IpcSettings, RpcSettings, Server};
use serde_json::{Value, json};
use smol::net::unix::UnixStream;

// ANCHOR: api
struct FooApi;

#[rpc(namespace = "foo")]
impl FooApi {
    /// What every tutorial begins with.
    async fn hello_world(&self) -> String {
        "foobar".to_owned()
    }
}
// ANCHOR_END: api

fn main() -> ExitCode {
    exit(on_executor(async |ex| {
        let folder = Folder::new("b1")?;
        // ANCHOR: serve
        let path = folder.file("foo.ipc");
        let settings = RpcSettings { ipc: Some(IpcSettings::at(&path)), ..RpcSettings::default() };
        let server = Server::start(Apis::new().with(FooApi)?, settings, ex).await?;
        // ANCHOR_END: serve

        // ANCHOR: call
        let client = Client::connect(ex, &path.display().to_string()).await?;
        let result: String = client.call("foo_helloWorld", ()).await?;
        // ANCHOR_END: call
        println!("by name:  {result}");
        ensure(result == "foobar", "foobar")?;

        // ANCHOR: typed
        let result = FooApiClient::from(client).hello_world().await?;
        // ANCHOR_END: typed
        println!("by type:  {result}");
        ensure(result == "foobar", "foobar of the typed client too")?;

        let answer = by_hand(UnixStream::connect(&path).await?).await?;
        println!("by hand:  {answer}");
        ensure(answer == json!({ "jsonrpc": "2.0", "id": 1, "result": "foobar" }), "an answer of JSON-RPC 2.0")?;
        server.stop().await;
        ensure(!path.exists(), "the socket to be gone")
    }))
}

// ANCHOR: by_hand
/// What goes over the socket: one line each way.
async fn by_hand(mut socket: UnixStream) -> std::io::Result<Value> {
    socket.write_all(b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"foo_helloWorld\"}\n").await?;
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}
// ANCHOR_END: by_hand
