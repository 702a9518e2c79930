//! Nodes on loopback, for programs that are several nodes at once.

use std::error::Error;
use std::sync::Arc;

use p2p_net::p2p::{NewError, P2pBuilder};
use p2p_net::{Channel, P2p, P2pPtr, Settings};
use smol::Executor;

use crate::Outcome;

/// A node in the making that listens at a free port of this machine and dials nobody by itself.
///
/// # Errors
///
/// None that a user could cause.
pub fn local(name: &str) -> Result<P2pBuilder, Box<dyn Error>> {
    let listen = vec!["tls://127.0.0.1:0".parse()?];
    Ok(P2p::builder(Settings { name: name.to_owned(), listen, outbound_slots: 0, ..Settings::default() }))
}

/// Makes two nodes of their builders, and does with them what [`between`] does.
///
/// # Errors
///
/// Those of the nodes, and of the program.
pub fn connected(first: P2pBuilder, second: P2pBuilder, program: impl AsyncFnOnce(Channel) -> Outcome) -> Outcome {
    let (first, second) = smol::block_on(async { Ok::<_, NewError>((first.build().await?, second.build().await?)) })?;
    between(&first, &second, program)
}

/// Starts both nodes, connects the first to the second, runs `program` with the first one's channel, and stops both.
///
/// # Errors
///
/// Those of the nodes, and of the program.
pub fn between(first: &P2pPtr, second: &P2pPtr, program: impl AsyncFnOnce(Channel) -> Outcome) -> Outcome {
    let ex = Arc::new(Executor::new());
    smol::block_on(ex.run(async {
        let outcome = async {
            for node in [first, second] {
                node.clone().start(ex.clone()).await?;
                ex.spawn(node.clone().run(ex.clone())).detach();
            }
            let url = second.advertised().into_iter().next().ok_or("the second node listens nowhere")?;
            let peer = first.add_peer(&url).await?;
            program(first.channel(&peer).ok_or("the connection is gone already")?).await
        };
        let outcome = outcome.await;
        first.stop().await;
        second.stop().await;
        outcome
    }))
}

/// An error that says what was expected, unless `holds`.
///
/// # Errors
///
/// When it does not hold.
pub fn ensure(holds: bool, expected: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(format!("expected {}", expected.into()).into()) }
}
