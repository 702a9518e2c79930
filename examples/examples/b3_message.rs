//! A call from outside becomes a message to a peer.
//!
//! ```sh
//! cargo run --example b3_message
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{Folder, Outcome, build, ensure, exit, local, on_executor, url_of};
use p2p_net::event::{PeerEvent, PeerEvents, Seen};
use p2p_net::prelude::*;
use p2p_net::rpc::{Apis, Client, IpcSettings, RpcSettings, Server};
use p2p_protocols as _;
use serde_json::json;

#[derive(Message, Serialize, Deserialize)]
#[message(name = "foo_say", max_bytes = 64)]
struct Say(String);

#[protocol(sessions = !SEED)]
async fn foo(Say(text): Say, from: NodeId) {
    println!("{} says {text}", from.short());
}

// ANCHOR: api
struct FooApi {
    p2p: P2pPtr,
}

#[rpc(namespace = "foo")]
impl FooApi {
    /// Says `text` to every peer; how many that are.
    async fn send_msg(&self, text: String) -> Result<usize> {
        let channels = self.p2p.channels();
        for channel in &channels {
            channel.send(&Say(text.clone())).await?;
        }
        Ok(channels.len())
    }
}
// ANCHOR_END: api

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let (folder, alice, bob) = (Folder::new("b3")?, build(local("alice")?)?, build(local("bob")?)?);
    on_executor(async |ex| {
        for node in [&alice, &bob] {
            node.clone().start(ex.clone()).await?;
            ex.spawn(node.clone().run(ex.clone())).detach();
        }
        let (mut at_alice, mut at_bob) = (alice.subscribe_message_events(), bob.subscribe_message_events());
        alice.add_peer(&url_of(&bob)?).await?;

        // ANCHOR: serve
        let path = folder.file("alice.ipc");
        let settings = RpcSettings { ipc: Some(IpcSettings::at(&path)), ..RpcSettings::default() };
        let server = Server::start(Apis::new().with(FooApi { p2p: alice.clone() })?, settings, ex).await?;
        // ANCHOR_END: serve

        // ANCHOR: call
        let client = Client::connect(ex, &path.display().to_string()).await?;
        let peers: usize = client.call("foo_sendMsg", json!(["foobar"])).await?;
        // ANCHOR_END: call
        ensure(peers == 1, "one peer to say it to")?;

        let mut received = 0;
        while received == 0 {
            received += usize::from(is_received(&at_bob.next().await.ok_or("bob stopped")?));
        }
        // With the nodes ends what there is to see of them: so it was one, and not one so far.
        server.stop().await;
        alice.stop().await;
        bob.stop().await;
        received += count(&mut at_bob, is_received).await;
        let sent = count(&mut at_alice, is_sent).await;
        println!("alice sent {sent}, bob received {received}");
        ensure((sent, received) == (1, 1), "one message sent, and one received")
    })
}

fn is_sent(seen: &Seen) -> bool {
    matches!(seen, Seen::Event(PeerEvent::MsgSend { message: "foo_say", .. }))
}

fn is_received(seen: &Seen) -> bool {
    matches!(seen, Seen::Event(PeerEvent::MsgRecv { message: "foo_say", .. }))
}

/// How many of the events to the end are of the kind.
async fn count(events: &mut PeerEvents, kind: impl Fn(&Seen) -> bool) -> usize {
    let mut count = 0;
    while let Some(seen) = events.next().await {
        count += usize::from(kind(&seen));
    }
    count
}
