//! A whole service: a protocol, an API that uses it, and what the two share.
//!
//! ```sh
//! cargo run --example c4_full
//! ```

#![allow(clippy::print_stdout, reason = "a program")]
#![allow(clippy::disallowed_names, reason = "the tutorial has no others")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use p2p_examples::{Outcome, ensure, exit, on_executor, settings, url_of};
use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::prelude::*;
use p2p_net::service::Node;
use p2p_protocols as _;

// ANCHOR: protocol
#[derive(Message, Serialize, Deserialize)]
#[message(name = "foo_ping", max_bytes = 16, reply = Pong)]
struct Ping(u64);

#[derive(Message, Serialize, Deserialize)]
#[message(name = "foo_pong", max_bytes = 16)]
struct Pong(u64);

#[protocol(sessions = !SEED)]
async fn fooping(Ping(number): Ping, foo: State<Foo>) -> Pong {
    foo.answered.fetch_add(1, Ordering::Relaxed);
    Pong(number)
}
// ANCHOR_END: protocol

// ANCHOR: api
struct FooApi {
    p2p: P2pPtr,
    foo: State<Foo>,
}

#[rpc(namespace = "foo")]
impl FooApi {
    /// Pings a peer; returns when its pong has come.
    async fn ping(&self, id: NodeId) -> Result<()> {
        let number = self.foo.pongs.load(Ordering::Relaxed);
        let channel = self.p2p.channel(&id).ok_or_else(|| Error::msg(format!("{id} is no peer of this node")))?;
        let Pong(same) = channel.request(Ping(number)).await?;
        if same != number {
            return Err(Error::msg("the pong to another ping"));
        }
        self.foo.pongs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// How many pongs have come.
    async fn pong_count(&self) -> u64 {
        self.foo.pongs.load(Ordering::Relaxed)
    }

    /// Takes leave of a peer, for good: whether it was there.
    async fn quit(&self, id: NodeId) -> bool {
        self.p2p.remove_peer(&id)
    }
}
// ANCHOR_END: api

// ANCHOR: service
/// What the protocol and the API share, on one node.
#[derive(Default)]
struct Foo {
    pongs: AtomicU64,
    answered: AtomicU64,
}

#[service(protocols = [fooping])]
impl Foo {
    #[api]
    fn api(&self, p2p: P2pPtr, foo: State<Foo>) -> FooApi {
        FooApi { p2p, foo }
    }

    #[stop]
    async fn end(&self) {
        println!("{} pings answered", self.answered.load(Ordering::Relaxed));
    }
}
// ANCHOR_END: service

fn main() -> ExitCode {
    exit(on_executor(async |ex| {
        // ANCHOR: nodes
        let alice = Node::builder(settings("alice")?).service(Foo::default()).build().await?;
        let bob = Node::builder(settings("bob")?).service(Foo::default()).build().await?;
        alice.start(ex).await?;
        bob.start(ex).await?;
        let (mut at_alice, mut at_bob) = (alice.p2p().subscribe_events(), bob.p2p().subscribe_events());
        let peer = alice.p2p().add_peer(&url_of(bob.p2p())?).await?;
        // ANCHOR_END: nodes
        let back = loop {
            // The end that was dialled knows a moment later.
            match at_bob.next().await.ok_or("bob stopped")? {
                Seen::Event(PeerEvent::Add { peer, .. }) => break peer,
                _ => continue,
            }
        };

        // ANCHOR: call
        let (foo, oof) = (FooApiClient::from(alice.attach()?), FooApiClient::from(bob.attach()?));
        for _ in 0..4 {
            foo.ping(peer).await?;
        }
        for _ in 0..2 {
            oof.ping(back).await?;
        }
        let counts = (foo.pong_count().await?, oof.pong_count().await?);
        // ANCHOR_END: call
        println!("alice has {} pongs, bob has {}", counts.0, counts.1);
        ensure(counts == (4, 2), "4 pongs and 2")?;
        let peers = alice.peers_of::<Foo>();
        ensure((peers.any.len(), peers.all.len()) == (1, 1), "one peer of the service")?;

        // ANCHOR: quit
        ensure(foo.quit(peer).await?, "a peer to take leave of")?;
        println!("alice sees bob go: {}", drop_of(&mut at_alice, bob.p2p().id()).await?);
        println!("bob sees alice go: {}", drop_of(&mut at_bob, alice.p2p().id()).await?);
        // ANCHOR_END: quit
        ensure(alice.peers_of::<Foo>().any.is_empty(), "no peer of the service")?;
        alice.stop().await?;
        bob.stop().await?;
        Outcome::Ok(())
    }))
}

/// Waits until `peer` is gone; why it is.
async fn drop_of(events: &mut PeerEvents, peer: NodeId) -> Result<String, Box<dyn std::error::Error>> {
    loop {
        match events.next().await.ok_or("the node stopped")? {
            Seen::Event(PeerEvent::Drop { peer: gone, reason }) if gone == peer => return Ok(reason.to_string()),
            _ => {}
        }
    }
}
