//! State that a program shares with its protocols: a store that peers write to and the program reads.
//!
//! ```sh
//! cargo run --example shared_state
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use p2p_examples::{Outcome, between, ensure, exit, local};
use p2p_net::prelude::*;
use p2p_protocols as _;

// ANCHOR: state
#[derive(Default)]
struct Store(Mutex<BTreeMap<String, String>>);

impl Store {
    fn put(&self, key: String, value: String) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value)
    }

    fn get(&self, key: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}
// ANCHOR_END: state

// ANCHOR: plugin
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 4096, reply = Before)]
struct Put {
    key: String,
    value: String,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 4096)]
struct Before(Option<String>);

#[protocol(sessions = !SEED)]
async fn store(Put { key, value }: Put, store: State<Store>) -> Before {
    Before(store.put(key, value))
}
// ANCHOR_END: plugin

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    // ANCHOR: give
    let shelf = Arc::new(Store::default());
    let alice = local("alice")?.state(Store::default());
    let bob = local("bob")?.shared_state(shelf.clone());
    // ANCHOR_END: give
    let bob = smol::block_on(bob.build())?;
    between(&smol::block_on(alice.build())?, &bob, async |channel| {
        let put = |value: &str| Put { key: "colour".to_owned(), value: value.to_owned() };
        let before = channel.request(put("blue")).await?.0;
        ensure(before.is_none(), "an empty store at first")?;
        let before = channel.request(put("green")).await?.0;
        println!("before {before:?}, now {:?}", shelf.get("colour"));
        ensure(before.as_deref() == Some("blue"), "blue before green")?;
        ensure(shelf.get("colour").as_deref() == Some("green"), "green in the program's own hands")?;
        // ANCHOR: ask
        let same = bob.state_of::<Store>().ok_or("bob was given a store")?;
        // ANCHOR_END: ask
        ensure(same.get("colour").as_deref() == Some("green"), "the node to hold the same store")
    })
}
