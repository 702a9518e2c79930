//! Two nodes with room for one peer each connect, and each lists the other; a third one is refused, and told why.
//!
//! ```sh
//! cargo run --example a2_connect
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use p2p_examples::{Outcome, build, ensure, exit, running, url_of};
use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::p2p::P2pBuilder;
use p2p_net::session::ConnectError;
use p2p_net::{P2p, Settings};
use p2p_protocols as _;

fn main() -> ExitCode {
    exit(run())
}

/// A node with room for one peer.
fn small(name: &str) -> Result<P2pBuilder, Box<dyn std::error::Error>> {
    let listen = vec!["tls://127.0.0.1:0".parse()?];
    let settings = Settings { name: name.to_owned(), listen, max_peers: 1, outbound_slots: 0, ..Settings::default() };
    Ok(P2p::builder(settings))
}

fn run() -> Outcome {
    let (alice, bob, carol) = (build(small("alice")?)?, build(small("bob")?)?, build(small("carol")?)?);
    running([&alice, &bob, &carol], async || {
        // ANCHOR: add
        let mut at_bob = bob.subscribe_events();
        let peer = alice.add_peer(&url_of(&bob)?).await?;
        ensure(peer == bob.id(), "the node that the URL names")?;
        // Until bob's end of the handshake is done too.
        while !matches!(at_bob.next().await.ok_or("the node stopped")?, Seen::Event(PeerEvent::Add { .. })) {}
        for node in [&alice, &bob] {
            for peer in node.peers() {
                println!("{} has {} at {}", node.node_info().name, peer.name, peer.remote);
            }
        }
        // ANCHOR_END: add
        let ids = |of: &P2p| of.peers().iter().map(|peer| peer.id).collect::<Vec<_>>();
        ensure(ids(&alice) == [bob.id()] && ids(&bob) == [alice.id()], "each to list the other")?;

        // ANCHOR: refused
        let refused = match carol.add_peer(&url_of(&alice)?).await {
            Err(ConnectError::Refused { reason, .. }) => reason,
            Ok(_) => return Err("alice has room for one peer, and took two".into()),
            Err(error) => return Err(error.into()),
        };
        println!("carol is refused: {refused}");
        // ANCHOR_END: refused
        ensure(refused.reason == DisconnectReason::TooManyPeers && refused.by == Side::Remote, "alice to say why")?;
        ensure(carol.peer_count() == 0 && ids(&alice) == [bob.id()], "nothing to have changed")
    })
}
