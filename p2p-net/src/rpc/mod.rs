//! APIs of a node: methods and subscriptions that other processes call, by JSON-RPC 2.0.
//!
//! An API is a type and its `async fn`s. [`#[rpc]`](macro@crate::rpc) makes them methods of a namespace and writes a typed
//! client beside them; a [`Server`] offers a set of them, [`Apis`], over the transports its [`RpcSettings`] name, and
//! in process:
//!
//! ```
//! use p2p_net::prelude::*;
//! use p2p_net::rpc::{Apis, RpcSettings, Server};
//!
//! struct Foo;
//!
//! #[rpc(namespace = "foo")]
//! impl Foo {
//!     /// Says hello.
//!     async fn hello_world(&self) -> String {
//!         "foobar".to_owned()
//!     }
//! }
//!
//! # let ex = std::sync::Arc::new(smol::Executor::new());
//! # smol::block_on(ex.run(async {
//! let apis = Apis::new().with(Foo)?;
//! let server = Server::start(apis, RpcSettings::default(), &ex).await?;
//! let foo = FooClient::from(server.client());
//! assert_eq!(foo.hello_world().await?, "foobar");
//! server.stop().await;
//! # Ok::<_, Box<dyn std::error::Error>>(()) }))?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Names on the wire are geth's: the method `hello_world` of the namespace `foo` is `foo_helloWorld`, the subscription
//! `ticks` is begun with `foo_subscribe` and `"ticks"`. Nothing here knows a protocol of the network.
//!
//! From above to below: [`Server`] and [`Client`]; a *connection* (bytes in, bytes out, subscriptions); the *dispatch* of one
//! message to the [`Api`] it names; the *wire*, which is JSON-RPC itself. A *transport* turns a socket into messages.

mod admin;
mod api;
mod apis;
mod argument;
mod client;
mod connection;
mod discover;
mod dispatch;
mod error;
mod http;
mod listener;
mod outbox;
mod places;
mod schema;
mod server;
mod settings;
mod subscription;
mod transport;
mod wire;

pub use admin::{
    Admin, AdminClient, AdminEvent, AdminNodeInfo, AdminPeer, AdminPeerNetwork, AdminPorts, AdminProtocol,
};
pub use api::{Answer, Api, ApiDescription, MethodDescription, ParamDescription, Rows};
pub use apis::{Apis, ApisError};
pub use argument::{Arguments, argument};
pub use client::{CallError, Client, Subscription, SubscriptionError, encode};
pub use error::{RpcError, code};
#[doc(hidden)]
pub use serde::{Deserialize, Serialize};
pub use server::{Server, StartError};
pub use settings::{HttpSettings, IpcSettings, RpcLimits, RpcSettings, TcpSettings, Token};
pub use subscription::{Sink, answer, answer_result, rows};
#[cfg(unix)]
pub use transport::unix::SocketError;
pub use wire::{Id, Params};
