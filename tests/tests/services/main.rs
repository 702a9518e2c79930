//! Services on a node: their order, their failures, what they share, who may call them, and the folder they live in.

mod apis;
#[path = "../common/mod.rs"]
mod common;
mod folder;
mod life;
mod protocols;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::{local, on_threads};
use futures::future::pending;
use p2p_net::prelude::*;
use p2p_net::rpc::{CallError, Client, RpcSettings, TcpSettings, code};
use p2p_net::service::{Node, NodeBuilder, NodeSettings, NodeState, ServiceSettings, StartError};
use p2p_net::signal::Signal;
use p2p_protocols as _;
use smol::Executor;

/// What happened, in order; every service of a test has the same one.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// What a service does beside writing it down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Well,
    FailsToStart,
    PanicsAtStart,
    FailsToStop,
    PanicsAtStop,
    NeverStarts,
    NeverStops,
}

macro_rules! services {
    ($($name:ident = $text:literal),*) => {
        $(
            struct $name(Does, Diary, Signal);

            #[service(name = $text)]
            impl $name {
                #[start]
                async fn begin(&self, p2p: P2pPtr) -> Result<()> {
                    assert!(!p2p.advertised().is_empty(), "the network listens before services start");
                    self.1.write(concat!("start ", $text));
                    self.2.give();
                    match self.0 {
                        Does::FailsToStart => Err(Error::msg("no shelf")),
                        Does::PanicsAtStart => panic!("on purpose"),
                        Does::NeverStarts => pending().await,
                        _ => Ok(()),
                    }
                }

                #[stop]
                async fn end(&self) -> Result<()> {
                    self.1.write(concat!("stop ", $text));
                    match self.0 {
                        Does::FailsToStop => Err(Error::msg("the shelf is full")),
                        Does::PanicsAtStop => panic!("on purpose"),
                        Does::NeverStops => pending().await,
                        _ => Ok(()),
                    }
                }
            }
        )*
    };
}

services!(One = "one", Two = "two", Three = "three");

/// Three services, of which the second is special.
fn three(diary: &Diary, second: Does) -> NodeBuilder {
    three_with(NodeSettings::from(local()), diary, second, &Signal::default())
}

fn three_with(settings: NodeSettings, diary: &Diary, second: Does, begun: &Signal) -> NodeBuilder {
    let new = |does| (does, diary.clone(), Signal::default());
    let ((a, b, c), (d, e, f)) = (new(Does::Well), new(Does::Well));
    Node::builder(settings)
        .service(One(a, b, c))
        .service(Two(second, diary.clone(), begun.clone()))
        .service(Three(d, e, f))
}

async fn started(builder: NodeBuilder, ex: &Arc<Executor<'static>>) -> Node {
    let node = builder.build().await.unwrap();
    node.start(ex).await.unwrap();
    node
}

/// What may stop its own node.
struct Switch;

struct SwitchApi(P2pPtr);

#[rpc(namespace = "switch")]
impl SwitchApi {
    async fn off(&self) -> Result<()> {
        Ok(Node::of(&self.0)?.stop().await?)
    }
}

#[service]
impl Switch {
    #[api]
    fn api(&self, p2p: P2pPtr) -> SwitchApi {
        SwitchApi(p2p)
    }
}
