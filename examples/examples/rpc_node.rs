//! A node with an API of its own and geth's `admin`, over a Unix socket, HTTP and WebSocket, for clients of any make.
//!
//! ```sh
//! cargo run --example rpc_node
//! ```
//!
//! It prints where it is reached as one line of JSON, together with the URL of a second node and that of a node without room
//! for anybody, and runs until its input ends.

#![allow(clippy::print_stdout, reason = "a program")]

use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;

use futures::stream;
use p2p_examples::{Outcome, build, exit, local, url_of};
use p2p_net::node_url::NodeUrl;
use p2p_net::prelude::*;
use p2p_net::rpc::{Admin, Apis, HttpSettings, IpcSettings, RpcError, RpcSettings, Server};
use p2p_protocols as _;
use smol::Executor;

/// What this program offers besides `admin`.
struct Foo {
    p2p: P2pPtr,
}

#[rpc(namespace = "foo")]
impl Foo {
    /// Says hello.
    async fn hello_world(&self) -> String {
        "foobar".to_owned()
    }

    /// Takes `subtrahend`, or 1, from `minuend`.
    async fn subtract(&self, minuend: i64, subtrahend: Option<i64>) -> i64 {
        minuend - subtrahend.unwrap_or(1)
    }

    /// The names of the connected peers.
    async fn names(&self) -> Vec<String> {
        self.p2p.peers().into_iter().map(|peer| peer.name).collect()
    }

    /// Fails with a code of its own.
    async fn fail(&self) -> Result<(), RpcError> {
        Err(RpcError::new(-32_050, "on purpose").with_data(7.into()))
    }

    /// The numbers up to `last`.
    fn numbers(&self, last: u64) -> impl Stream<Item = u64> {
        stream::iter(1..=last)
    }
}

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let full = Settings { max_peers: 0, ..settings("full")? };
    let (node, other, full) = (build(local("foo")?)?, build(local("other")?)?, build(P2p::builder(full))?);
    let ex = Arc::new(Executor::new());
    smol::block_on(ex.run(async {
        for node in [&node, &other, &full] {
            node.clone().start(ex.clone()).await?;
            ex.spawn(node.clone().run(ex.clone())).detach();
        }
        let apis = Apis::new().with(Admin::new(node.clone()))?.with(Foo { p2p: node.clone() })?;
        let settings = RpcSettings {
            ipc: Some(IpcSettings::at(std::env::temp_dir().join(format!("foo-{}.ipc", std::process::id())))),
            http: Some(HttpSettings::offering(["*"])),
            websocket: Some(HttpSettings::offering(["*"])),
            ..RpcSettings::default()
        };
        let server = Server::start(apis, settings, &ex).await?;
        println!("{}", reached_at(&node, &server, &url_of(&other)?, &url_of(&full)?)?);
        let end = smol::unblock(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
        server.stop().await;
        for node in [&node, &other, &full] {
            node.stop().await;
        }
        end.map(drop).map_err(Into::into)
    }))
}

fn settings(name: &str) -> Result<Settings, Box<dyn std::error::Error>> {
    let listen = vec!["tls://127.0.0.1:0".parse()?];
    Ok(Settings { name: name.to_owned(), listen, outbound_slots: 0, ..Settings::default() })
}

fn reached_at(
    node: &P2p,
    server: &Server,
    other: &NodeUrl,
    full: &NodeUrl,
) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let (http, websocket) = (server.http().ok_or("no HTTP")?, server.websocket().ok_or("no WebSocket")?);
    Ok(serde_json::json!({
        "id": node.id(),
        "url": node.advertised(),
        "other": other,
        "full": full,
        "ipc": server.ipc(),
        "http": format!("http://{http}"),
        "websocket": format!("ws://{websocket}"),
    }))
}
