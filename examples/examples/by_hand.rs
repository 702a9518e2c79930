//! A protocol without macros: what the annotations write, written by hand.
//!
//! ```sh
//! cargo run --example by_hand
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use p2p_examples::{Outcome, between, ensure, exit, local};
use p2p_net::message::{Field, Message, MessageSubscription, One, Schema, Shape};
use p2p_net::protocol::{Construct, Context, Handles, Phase, ProtocolBase, ProtocolDescriptor};
use p2p_net::{Channel, Error, P2pPtr, Result, SessionFlags};
use p2p_protocols as _;
use serde::{Deserialize, Serialize};
use smol::channel::Sender;

// ANCHOR: message
#[derive(Serialize, Deserialize)]
struct Say {
    text: String,
}

impl Schema for Say {
    const SHAPE: Shape = Shape::Struct("Say", &[Field::new("text", &String::SHAPE).docs("What is said.")]);
}

impl Message for Say {
    const NAME: &'static str = "say";
    const MAX_BYTES: usize = 4096;
    type Answer = One<()>;
}
// ANCHOR_END: message

// ANCHOR: descriptor
static CHAT: ProtocolDescriptor = ProtocolDescriptor {
    name: "chat",
    version: 1,
    sessions: SessionFlags::ALL,
    phase: Phase::Main,
    handlers: &[Handles::message::<Say>()],
    requires: &[],
    construct: Construct::Channel(|_| async { Err(Error::msg("registered with a constructor")) }.boxed()),
    at: concat!(file!(), ":", line!()),
    module: module_path!(),
    docs: "A line of text, from whoever is connected.",
};
// ANCHOR_END: descriptor

// ANCHOR: protocol
struct Chat {
    /// Subscribed to in `init`, read in `start`.
    says: Mutex<Option<MessageSubscription<Say>>>,
    heard: Sender<String>,
}

impl Chat {
    async fn init(channel: Channel, heard: Sender<String>) -> Result<Arc<dyn ProtocolBase>> {
        let says = channel.subscribe::<Say>()?;
        Ok(Arc::new(Self { says: Mutex::new(Some(says)), heard }))
    }
}

impl ProtocolBase for Chat {
    fn name(&self) -> &'static str {
        CHAT.name
    }

    fn start(self: Arc<Self>, context: Context) -> BoxFuture<'static, Result<()>> {
        let says = self.says.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            let mut says = says.ok_or_else(|| Error::msg("started twice"))?;
            context.jobs().serve(async move {
                while let Ok(say) = says.receive().await {
                    self.heard.send(say.text).await?;
                }
                Ok(())
            });
            Ok(())
        }
        .boxed()
    }
}
// ANCHOR_END: protocol

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let (sender, heard) = smol::channel::bounded::<String>(4);
    // ANCHOR: register
    let register = |node: &P2pPtr| {
        let heard = sender.clone();
        let registry = node.protocol_registry();
        registry.register(&CHAT, SessionFlags::ALL, move |channel, _node| Chat::init(channel, heard.clone()))
    };
    // ANCHOR_END: register
    let nodes = smol::block_on(async {
        let (alice, bob) = (local("alice")?.build().await?, local("bob")?.build().await?);
        register(&alice)?;
        register(&bob)?;
        Ok::<_, Box<dyn std::error::Error>>((alice, bob))
    });
    let (alice, bob) = nodes?;
    between(&alice, &bob, async |channel| {
        channel.send(&Say { text: "by hand".to_owned() }).await?;
        let text = heard.recv().await?;
        println!("heard {text:?}");
        ensure(text == "by hand", "what was said")
    })
}
