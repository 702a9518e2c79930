//! Nodes on loopback, for programs that are several nodes at once.

use std::error::Error;
use std::sync::Arc;

use p2p_net::node_url::NodeUrl;
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
    Ok(P2p::builder(settings(name)?))
}

/// The settings of such a node.
///
/// # Errors
///
/// None that a user could cause.
pub fn settings(name: &str) -> Result<Settings, Box<dyn Error>> {
    let listen = vec!["tls://127.0.0.1:0".parse()?];
    Ok(Settings { name: name.to_owned(), listen, outbound_slots: 0, ..Settings::default() })
}

/// Runs a program on an executor, which it is given to spawn on.
///
/// # Errors
///
/// Those of the program.
pub fn on_executor(program: impl AsyncFnOnce(&Arc<Executor<'static>>) -> Outcome) -> Outcome {
    let ex = Arc::new(Executor::new());
    smol::block_on(ex.run(program(&ex)))
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
    running([first, second], async || {
        let peer = first.add_peer(&url_of(second)?).await?;
        program(first.channel(&peer).ok_or("the connection is gone already")?).await
    })
}

/// Starts nodes, runs `program` while they run, and stops them.
///
/// # Errors
///
/// Those of the nodes, and of the program.
pub fn running<const N: usize>(nodes: [&P2pPtr; N], program: impl AsyncFnOnce() -> Outcome) -> Outcome {
    let ex = Arc::new(Executor::new());
    smol::block_on(ex.run(async {
        let outcome = async {
            for node in nodes {
                node.clone().start(ex.clone()).await?;
                ex.spawn(node.clone().run(ex.clone())).detach();
            }
            program().await
        };
        let outcome = outcome.await;
        for node in nodes {
            node.stop().await;
        }
        outcome
    }))
}

/// Makes a node of its builder, in a program that is not asynchronous yet.
///
/// # Errors
///
/// Those of [`P2pBuilder::build`].
pub fn build(builder: P2pBuilder) -> Result<P2pPtr, NewError> {
    smol::block_on(builder.build())
}

/// Where a node that runs is reached.
///
/// # Errors
///
/// When it listens nowhere.
pub fn url_of(node: &P2pPtr) -> Result<NodeUrl, Box<dyn Error>> {
    Ok(node.advertised().into_iter().next().ok_or("the node listens nowhere")?)
}

/// An error that says what was expected, unless `holds`.
///
/// # Errors
///
/// When it does not hold.
pub fn ensure(holds: bool, expected: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(format!("expected {}", expected.into()).into()) }
}
