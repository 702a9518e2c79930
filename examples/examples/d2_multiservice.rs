//! Two services on one node that share state: what is set through one is read through the other.
//!
//! ```sh
//! cargo run --example d2_multiservice
//! ```

#![allow(clippy::print_stdout, reason = "a program")]
#![allow(clippy::disallowed_names, reason = "the tutorial has no others")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use p2p_examples::{Outcome, ensure, exit, on_executor, settings};
use p2p_net::prelude::*;
use p2p_net::service::Node;
use p2p_protocols as _;
use serde_json::json;

// ANCHOR: services
/// Holds a number and shows it.
#[derive(Default)]
struct Foo {
    value: AtomicU64,
}

#[rpc(namespace = "foo")]
impl Foo {
    async fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

#[service]
impl Foo {
    #[api]
    fn api(&self, foo: State<Foo>) -> State<Foo> {
        foo
    }
}

/// Sets the number that foo holds.
struct Bar;

struct BarApi {
    foo: State<Foo>,
}

#[rpc(namespace = "bar")]
impl BarApi {
    async fn set(&self, value: u64) {
        self.foo.value.store(value, Ordering::Relaxed);
    }
}

#[service]
impl Bar {
    #[api]
    fn api(&self, foo: State<Foo>) -> BarApi {
        BarApi { foo }
    }
}
// ANCHOR_END: services

fn main() -> ExitCode {
    exit(on_executor(async |ex| {
        // ANCHOR: without
        let error =
            Node::builder(settings("lonely")?).service(Bar).build().await.err().ok_or("bar is content alone")?;
        println!("{error}");
        // ANCHOR_END: without
        ensure(error.to_string().starts_with("service `bar`"), "an error that names the service")?;

        // ANCHOR: call
        let node = Node::builder(settings("both")?).service(Bar).service(Foo::default()).build().await?;
        node.start(ex).await?;
        let client = node.attach()?;
        client.call::<()>("bar_set", json!([42])).await?;
        let value: u64 = client.call("foo_get", ()).await?;
        // ANCHOR_END: call
        println!("foo_get: {value}");
        ensure(value == 42, "42")?;
        let same = node.service::<Foo>().ok_or("the node has no foo")?;
        ensure(same.value.load(Ordering::Relaxed) == 42, "42 in the program's own hands")?;
        node.stop().await?;
        Outcome::Ok(())
    }))
}
