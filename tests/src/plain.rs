//! Messages and protocols without macros, for tests of the core: what a handler does is told by the message itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, pending};
use p2p_net::message::{Bytes, Field, Message, One, Request, Schema, Shape};
use p2p_net::protocol::{Construct, Context, Handles, Offer, Phase, Protocol, ProtocolBase, ProtocolDescriptor};
use p2p_net::{Error, ProtocolSet, Result, SessionFlags};
use serde::{Deserialize, Serialize};

macro_rules! message {
    ($(#[$doc:meta])* $name:ident { $field:ident: $type:ty } $wire:literal, $max:expr, $window:expr $(, $reply:ty)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {
            /// What it carries.
            pub $field: $type,
        }

        impl Schema for $name {
            const SHAPE: Shape =
                Shape::Struct(stringify!($name), &[Field::new(stringify!($field), &<$type>::SHAPE)]);
        }

        impl Message for $name {
            const NAME: &'static str = $wire;
            const MAX_BYTES: usize = $max;
            const WINDOW: u32 = $window;
            type Answer = message!(@answer $($reply)?);
        }

        $(impl Request for $name {
            type Reply = $reply;
        })?
    };
    (@answer) => { One<()> };
    (@answer $reply:ty) => { One<$reply> };
}

message! {
    /// A line of text; the texts `panic`, `error` and `sleep` make its handler do so.
    Note { text: String } "note", 4096, 64 << 10
}
message! {
    /// A question, answered by its number plus one; 13 makes its handler refuse.
    Ask { n: u32 } "ask", 8, 1 << 10, Answer
}
message! {
    /// The answer to an [`Ask`].
    Answer { n: u32 } "answer", 8, 1 << 10
}
message! {
    /// A message of many frames.
    Blob { bytes: Bytes } "blob", 1 << 20, 256 << 10
}
message! {
    /// The smallest message in the smallest window.
    Tick { n: u8 } "tick", 1, 26
}
message! {
    /// What [`Deaf`] subscribes to and never reads.
    Unread { bytes: Bytes } "unread", 1 << 10, 64 << 10
}
message! {
    /// What [`Calm`] counts.
    Count { n: u32 } "count", 8, 4 << 10
}
message! {
    /// A message whose window is larger than what sockets buffer.
    Bulk { bytes: Bytes } "bulk", 1 << 20, 14 << 20
}
message! {
    /// The offers of [`Greeter`].
    Greeting { offer: Offer } "greeting", 16 << 10, 64 << 10
}

/// What the handlers of one node saw: give it to the node as a state.
#[derive(Debug, Default)]
pub struct Record {
    notes: Mutex<Vec<String>>,
    /// Blobs handled.
    pub blobs: AtomicUsize,
    /// Ticks handled.
    pub ticks: AtomicUsize,
    /// Counts handled.
    pub counts: AtomicUsize,
}

impl Record {
    /// The texts of the notes handled.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

macro_rules! protocol {
    ($(#[$doc:meta])* $name:ident $wire:literal $phase:ident $start:ident [$($message:ty),*]) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl Protocol for $name {
            const DESCRIPTOR: &'static ProtocolDescriptor = &ProtocolDescriptor {
                name: $wire,
                version: 1,
                sessions: SessionFlags::ALL,
                phase: Phase::$phase,
                handlers: &[$(Handles::message::<$message>()),*],
                requires: &[],
                construct: Construct::Channel(|_| async { Ok(Arc::new($name) as Arc<dyn ProtocolBase>) }.boxed()),
                at: concat!(file!(), ":", line!()),
                module: module_path!(),
                docs: "",
            };
        }

        impl ProtocolBase for $name {
            fn name(&self) -> &'static str {
                $wire
            }

            fn start(self: Arc<Self>, context: Context) -> BoxFuture<'static, Result<()>> {
                $start(context).boxed()
            }
        }
    };
}

pub(crate) use protocol;

protocol! {
    /// Handles notes, questions, blobs and ticks, one after another.
    Desk "desk" Main desk [Note, Ask, Blob, Tick]
}
protocol! {
    /// Subscribes to [`Unread`] and never reads.
    Deaf "deaf" Main deaf [Unread]
}
protocol! {
    /// A sibling that counts.
    Calm "calm" Main calm [Count]
}
protocol! {
    /// Brings the message [`Bulk`].
    Bulky "bulky" Main deaf [Bulk]
}
protocol! {
    /// A handshake: both ends send their offers and agree.
    Greeter "greeter" Handshake greet [Greeting]
}

/// [`Desk`], [`Deaf`] and [`Calm`].
pub fn office() -> ProtocolSet {
    ProtocolSet::empty().with::<Desk>().with::<Deaf>().with::<Calm>()
}

async fn desk(context: Context) -> Result<()> {
    let (channel, record) = (context.channel().clone(), context.node().state_of::<Record>());
    let Some(mut inbox) = context.take_inbox() else { return Ok(()) };
    context.jobs().serve(async move {
        while let Ok(delivery) = inbox.next().await {
            let count = |counter: fn(&Record) -> &AtomicUsize| {
                record.as_ref().map(|record| counter(record).fetch_add(1, Ordering::Relaxed));
            };
            match delivery.id {
                Note::ID => {
                    let Note { text } = delivery.decode()?;
                    match text.as_str() {
                        "panic" => panic!("a handler that panics"),
                        "error" => return Err(Error::msg("a handler that fails")),
                        "sleep" => pending::<()>().await,
                        _ => {}
                    }
                    if let Some(record) = &record {
                        record.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                    }
                }
                Ask::ID => {
                    let Ask { n } = delivery.decode()?;
                    match delivery.correlation {
                        Some(to) if n == 13 => channel.refuse(to, "not that number").await?,
                        Some(to) => channel.reply(to, &Answer { n: n.wrapping_add(1) }).await?,
                        None => {}
                    }
                }
                Blob::ID => {
                    delivery.decode::<Blob>()?;
                    count(|record| &record.blobs);
                }
                _ => {
                    delivery.decode::<Tick>()?;
                    count(|record| &record.ticks);
                }
            }
        }
        Ok(())
    });
    Ok(())
}

pub(crate) async fn deaf(context: Context) -> Result<()> {
    let inbox = context.take_inbox();
    context.jobs().serve(async move {
        let _unread = inbox;
        pending().await
    });
    Ok(())
}

async fn calm(context: Context) -> Result<()> {
    let record = context.node().state_of::<Record>();
    let Some(mut inbox) = context.take_inbox() else { return Ok(()) };
    context.jobs().serve(async move {
        while let Ok(delivery) = inbox.next().await {
            delivery.decode::<Count>()?;
            record.as_ref().map(|record| record.counts.fetch_add(1, Ordering::Relaxed));
        }
        Ok(())
    });
    Ok(())
}

async fn greet(context: Context) -> Result<()> {
    let channel = context.channel();
    let Some(mut inbox) = context.take_inbox() else { return Ok(()) };
    channel.send(&Greeting { offer: channel.offer().clone() }).await?;
    let greeting: Greeting = inbox.next().await?.decode()?;
    channel.agree(&greeting.offer)?;
    Ok(())
}
