//! Everything an author may write, once.
#![deny(warnings, unreachable_pub, unused_qualifications, unused_lifetimes, rust_2018_idioms, let_underscore_drop)]
#![forbid(unsafe_code)]

use std::sync::Arc;

use futures::StreamExt;
use p2p_net::prelude::*;
use p2p_net::protocol::Context;
use p2p_net::{FromChannel, FromNode, P2pPtr, ProtocolSet, SessionFlags};

const KIB: usize = 1024;
const FEW: SessionFlags = SessionFlags::MANUAL;

#[derive(Message, Serialize, Deserialize)]
#[message(name = "chat-say", max_bytes = 4 * KIB, window = 1 << 16)]
pub struct Say {
    pub text: String,
    pub data: Bytes,
    #[serde(with = "serde_bytes")]
    pub raw: Vec<u8>,
    #[message(opaque = "foreign-1")]
    pub foreign: Foreign,
    pub colour: Colour,
    pub page: Page<Option<Colour>>,
}

#[derive(Serialize, Deserialize)]
pub struct Foreign;

#[derive(Schema, Serialize, Deserialize)]
pub enum Colour {
    Red,
    Grey(u8),
    Mixed { r: u8, g: u8 },
}

#[derive(Schema, Serialize, Deserialize)]
pub struct Page<T> {
    pub rows: Vec<T>,
}

#[derive(Message, Serialize, Deserialize)]
#[message(reply = Pong)]
pub struct Ping(pub u64, pub u32);

#[derive(Message, Serialize, Deserialize)]
pub struct Pong;

type Alias = Pong;

pub struct Log;

/// An extractor of another crate.
pub struct Node(pub P2pPtr);

impl FromNode for Node {
    fn from_node(node: &P2pPtr) -> Result<Self> {
        Ok(Self(node.clone()))
    }
}

pub struct Here<'c>(pub &'c Channel);

impl<'c> FromChannel<'c> for Here<'c> {
    fn from_channel(context: &'c Context) -> Result<Self> {
        Ok(Self(context.channel()))
    }
}

pub struct Chat {
    log: State<Log>,
}

#[protocol(sessions = (!SEED & ALL) - FEW ^ MANUAL, name = "chat", version = 2)]
impl Chat {
    async fn init(log: State<Log>, _settings: Arc<Settings>) -> Result<Self> {
        Ok(Self { log })
    }

    /// Documented.
    #[on]
    async fn say<'a>(&'a self, channel: &'a Channel, Say { text, .. }: Say, _here: Here<'_>) -> Result<()> {
        log::info!("{}: {text}", channel.peer_id());
        let _ = self.plain();
        Ok(())
    }

    #[on]
    async fn ping(&self, _ping: Ping, _: NodeId, _: &P2p, _: P2pPtr, _: Node) -> Result<Pong, std::fmt::Error> {
        Ok(Pong)
    }

    #[on]
    async fn pong(&self, _pong: Alias) {}

    #[job]
    async fn greet(&self, channel: Channel, _log: State<Log>) -> Result<()> {
        let _pong: Pong = channel.request(Ping(1, 2)).await?;
        Ok(())
    }

    #[cfg(any())]
    #[job]
    async fn never(&self, missing: Missing) {}

    fn plain(&self) -> &Log {
        &self.log
    }
}

/// A protocol that is a function.
#[protocol(sessions = SEED)]
pub async fn shout(say: Say, channel: &Channel) -> Result<()> {
    channel.send(&say).await?;
    Ok(())
}

pub async fn still_a_function(say: Say, channel: &Channel) -> Result<()> {
    shout(say, channel).await
}

/// Rows.
#[derive(Message, Serialize, Deserialize)]
#[message(stream = Pong, rate = "100/10s", priority = high)]
pub struct Query;

#[derive(Message, Serialize, Deserialize)]
#[message(stream = Page2, rate = RATE, priority = normal)]
pub struct Pages;

#[derive(Message, Serialize, Deserialize)]
pub struct Page2(pub Vec<u16>);

const RATE: &str = "1/1m";
const BEAT: &str = "1h";

#[derive(Clone, Default)]
pub struct Limits {
    pub most: usize,
    pub pause: std::time::Duration,
}

#[derive(Default)]
pub struct Library {
    shelf: Vec<Vec<u16>>,
}

#[protocol(scope = node, config = Limits, sessions = INBOUND)]
impl Library {
    fn init(_limits: Config<Limits>, _node: P2pPtr, _: &P2p, _settings: Arc<Settings>) -> Self {
        Self::default()
    }

    #[on]
    async fn query(&self, _query: Query) -> impl Stream<Item = Pong> {
        futures::stream::iter([Pong])
    }

    #[on]
    async fn pages<'a>(&'a self, _: Pages, channel: &'a Channel) -> impl Stream<Item = Result<Page2>> + use<'a> {
        futures::stream::iter(&self.shelf).map(|page| match channel.disconnect() {
            None => Ok(Page2(page.clone())),
            Some(_) => Err(Error::msg("gone")),
        })
    }

    #[every("500ms")]
    async fn tick(&self, _node: &P2p) {}

    #[every(BEAT)]
    async fn beat(&self, _limits: Config<Limits>) -> Result<()> {
        Ok(())
    }

    #[every(std::time::Duration::from_secs(1) + limits.pause)]
    async fn pause(&self, limits: Config<Limits>, _: Node) {}

    #[job]
    async fn run(&self, _: Node) {}

    #[stop]
    async fn bye(&self) {}

    #[cfg(any())]
    #[every("1s")]
    async fn never(&self, missing: Missing) {}
}

#[protocol(name = "numbers")]
pub async fn numbers(_query: Query) -> impl Stream<Item = Result<Pong, std::fmt::Error>> {
    futures::stream::empty()
}

pub async fn read(channel: &Channel) -> Result<usize> {
    let mut rows = channel.stream(Pages);
    let mut count = 0;
    while let Some(page) = rows.next().await {
        count += page?.0.len();
    }
    Ok(count)
}

pub fn configured(set: ProtocolSet) -> ProtocolSet {
    set.configure::<Library>(|limits| limits.most = 3)
}

pub fn set(all: ProtocolSet) -> ProtocolSet {
    all.without::<Chat>().without::<shout>()
}

fn main() {}
