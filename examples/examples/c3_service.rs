//! Two services, and who may call which: everything over a Unix socket and HTTP, one of them over WebSocket.
//!
//! ```sh
//! cargo run --example c3_service
//! ```

#![allow(clippy::print_stdout, reason = "a program")]
#![allow(clippy::disallowed_names, reason = "the tutorial has no others")]

use std::process::ExitCode;

use p2p_examples::{Folder, Outcome, ensure, exit, on_executor, settings};
use p2p_net::prelude::*;
use p2p_net::rpc::{CallError, Client, HttpSettings, IpcSettings, RpcSettings, code};
use p2p_net::service::Node;
use p2p_protocols as _;

// ANCHOR: service
struct Foo {
    value: u32,
}

struct FooApi(State<Foo>);

#[rpc(namespace = "foo")]
impl FooApi {
    /// What foo holds.
    async fn the_answer(&self) -> u32 {
        self.0.value
    }
}

#[service]
impl Foo {
    #[api]
    fn api(&self, foo: State<Foo>) -> FooApi {
        FooApi(foo)
    }

    #[start]
    async fn begin(&self, p2p: &P2p) {
        println!("foo begins on node {}", p2p.id().short());
    }

    #[stop]
    async fn end(&self) {
        println!("foo ends");
    }
}
// ANCHOR_END: service

struct Bar {
    value: u32,
}

// ANCHOR: own_api
/// A service may be its own API.
#[rpc(namespace = "bar")]
impl Bar {
    /// What bar holds.
    async fn the_double(&self) -> u32 {
        self.value
    }
}

#[service]
impl Bar {
    #[api]
    fn api(&self, bar: State<Bar>) -> State<Bar> {
        bar
    }
}
// ANCHOR_END: own_api

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let folder = Folder::new("c3")?;
    // ANCHOR: node
    let rpc = RpcSettings {
        ipc: Some(IpcSettings::at(folder.file("node.ipc"))), // everything
        http: Some(HttpSettings::offering(["foo", "bar"])),
        websocket: Some(HttpSettings::offering(["foo"])),
        ..RpcSettings::default()
    };
    let node = Node::builder(settings("foo")?).rpc(rpc).service(Foo { value: 42 }).service(Bar { value: 84 });
    // ANCHOR_END: node
    on_executor(async |ex| {
        let node = node.build().await?;
        node.start(ex).await?;
        // ANCHOR: call
        let rpc = node.rpc().ok_or("the node has no RPC")?;
        let ipc = rpc.ipc().ok_or("no socket")?.display().to_string();
        let http = format!("http://{}", rpc.http().ok_or("no HTTP")?);
        let websocket = format!("ws://{}", rpc.websocket().ok_or("no WebSocket")?);
        for address in [ipc, http] {
            let client = Client::connect(ex, &address).await?;
            let values: [u32; 2] = [client.call("foo_theAnswer", ()).await?, client.call("bar_theDouble", ()).await?];
            println!("{address}: {values:?}");
            ensure(values == [42, 84], "42 and 84")?;
        }
        let client = Client::connect(ex, &websocket).await?;
        let value: u32 = client.call("foo_theAnswer", ()).await?;
        let refused = client.call::<u32>("bar_theDouble", ()).await;
        // ANCHOR_END: call
        println!("{websocket}: {value}, then {refused:?}");
        ensure(value == 42, "42 over WebSocket too")?;
        let not_found = matches!(&refused, Err(CallError::Rpc(error)) if error.code == code::METHOD_NOT_FOUND);
        ensure(not_found, "no bar over WebSocket")?;
        node.stop().await?;
        Ok(())
    })
}
