//! Nodes around another one, none of which can be dialled: what they say to each other goes through it.
//!
//! A module of each program that needs it, and not of the library of all: what that links, every program would run.
#![allow(dead_code, reason = "no program needs all of it")]

use std::error::Error;
use std::sync::Arc;

use p2p_examples::Outcome;
use p2p_net::p2p::P2pBuilder;
use p2p_net::{P2p, P2pPtr, Settings};
use p2p_pss::{Heard, Pss, Received, Subscription};
use smol::Executor;

/// A node in the making that listens nowhere: nobody can connect to it, whoever learns of it.
pub(crate) fn behind(name: &str) -> P2pBuilder {
    P2p::builder(Settings { name: name.to_owned(), outbound_slots: 0, ..Settings::default() })
}

/// Starts all nodes, connects the `ends` to the one in the `middle`, runs `program` with the relays of all, and stops them.
///
/// # Errors
///
/// Those of the nodes, and of the program.
pub(crate) fn around<const N: usize>(
    middle: P2pBuilder,
    ends: [P2pBuilder; N],
    program: impl AsyncFnOnce(Pss, [Pss; N]) -> Outcome,
) -> Outcome {
    let ex = Arc::new(Executor::new());
    smol::block_on(ex.run(async {
        let mut nodes = Vec::new();
        for builder in [middle].into_iter().chain(ends) {
            nodes.push(builder.build().await?);
        }
        let outcome = async {
            let mut relays = connect(&nodes, &ex).await?.into_iter();
            let middle = relays.next().ok_or("no node in the middle")?;
            let ends = relays.collect::<Vec<_>>().try_into().map_err(|_| "another number of nodes")?;
            program(middle, ends).await
        };
        let outcome = outcome.await;
        // The middle is the last: what the ends say to each other goes through it.
        for node in nodes.iter().rev() {
            node.stop().await;
        }
        outcome
    }))
}

async fn connect(nodes: &[P2pPtr], ex: &Arc<Executor<'static>>) -> Result<Vec<Pss>, Box<dyn Error>> {
    let mut relays = Vec::new();
    for node in nodes {
        node.clone().start(ex.clone()).await?;
        ex.spawn(node.clone().run(ex.clone())).detach();
        relays.push(Pss::of(node).ok_or("the node runs no relay")?);
    }
    let url = nodes[0].advertised().into_iter().next().ok_or("the node in the middle listens nowhere")?;
    for end in &nodes[1..] {
        end.add_peer(&url).await?;
    }
    for (number, relay) in relays.iter().enumerate() {
        relay.has_peers(if number == 0 { nodes.len() - 1 } else { 1 }).await;
    }
    Ok(relays)
}

/// The next message, none of which may be lost.
///
/// # Errors
///
/// When one was lost, or the node has stopped.
pub(crate) async fn heard(messages: &mut Subscription<Received>) -> Result<Received, Box<dyn Error>> {
    match messages.next().await {
        Some(Heard::Message(message)) => Ok(message),
        Some(Heard::Lost(count)) => Err(format!("{count} messages were not read in time").into()),
        None => Err("the node has stopped".into()),
    }
}
