//! A protocol as constant data: what a node knows of it before it runs.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{Context, ProtocolBase, SessionFlags};
use crate::error::Result;
use crate::message::{Message, MessageSpec};
use crate::p2p::P2pPtr;

/// When a protocol runs in the life of a channel.
///
/// ```
/// # use p2p_net::{prelude::*, protocol::{Phase, Protocol, Scope}};
/// # #[derive(Message, Serialize, Deserialize)] struct Knock;
/// #[protocol(phase = handshake)]
/// async fn door(_knock: Knock) {}
///
/// assert_eq!(door::DESCRIPTOR.phase, Phase::Handshake);
/// assert!(Phase::Handshake < Phase::Main);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// First, alone, and to its end: until then no other message is sent or handled.
    Handshake,
    /// For the rest of the channel's life.
    Main,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "handshake",
            Self::Main => "main",
        })
    }
}

/// A message that a protocol handles, and what its handler needs from the node.
#[derive(Debug, Clone, Copy)]
pub struct Handles {
    /// The message.
    pub message: MessageSpec,
    /// What the handler's other arguments need.
    pub requires: &'static [&'static [Requirement]],
}

impl Handles {
    /// `M`, handled by code that needs nothing from the node.
    pub const fn message<M: Message>() -> Self {
        Self { message: MessageSpec::of::<M>(), requires: &[] }
    }
}

/// Something the application must give the node before a protocol can run.
#[derive(Debug, Clone, Copy)]
pub enum Requirement {
    /// A [`State`](super::State) of this type.
    State {
        /// The type.
        id: fn() -> TypeId,
        /// Its path, for the error.
        name: fn() -> &'static str,
    },
    /// A [`Config`](super::Config) of this type: the node makes the default where nobody configured one.
    Config {
        /// The extractor's type.
        id: fn() -> TypeId,
        /// Makes the default.
        default: fn() -> Arc<dyn Any + Send + Sync>,
    },
}

/// How many instances of a protocol there are.
///
/// ```
/// # use p2p_net::{prelude::*, protocol::{Protocol, Scope}};
/// # #[derive(Message, Serialize, Deserialize)] struct Rumour;
/// #[protocol(scope = node)]
/// async fn gossip(_rumour: Rumour) {}
///
/// assert_eq!(gossip::DESCRIPTOR.scope(), Scope::Node);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// One for every channel.
    Channel,
    /// One for the whole node, which sees all channels of its sessions.
    Node,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Channel => "channel",
            Self::Node => "node",
        })
    }
}

/// Makes an instance for the channel of a context.
pub type Make = for<'c> fn(&'c Context) -> BoxFuture<'c, Result<Arc<dyn ProtocolBase>>>;

/// Makes the instance of a node.
pub type MakeNode = for<'n> fn(&'n P2pPtr) -> BoxFuture<'n, Result<Arc<dyn ProtocolBase>>>;

/// How instances of a protocol come to be.
#[derive(Debug, Clone, Copy)]
pub enum Construct {
    /// One for every channel of its sessions.
    Channel(Make),
    /// One for the whole node, made when it starts; it is [started](ProtocolBase::start) on every channel of its sessions.
    Node(MakeNode),
}

/// What a node knows of a protocol before it runs; a constant of every type under `#[protocol]`.
///
/// ```
/// # use p2p_net::{prelude::*, protocol::Protocol};
/// # #[derive(Message, Serialize, Deserialize)] struct Say;
/// #[protocol(sessions = !SEED, version = 2)]
/// async fn chat(_say: Say) {}
///
/// let known = chat::DESCRIPTOR;
/// assert_eq!((known.name, known.version, known.handlers.len()), ("chat", 2, 1));
/// assert!(!known.sessions.contains(SessionFlags::SEED));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ProtocolDescriptor {
    /// Its name on the wire and in logs; one a node.
    pub name: &'static str,
    /// Its version; both ends run the highest they share.
    pub version: u16,
    /// On whose channels it runs.
    pub sessions: SessionFlags,
    /// When it runs.
    pub phase: Phase,
    /// The messages it takes, and so those it can be sent.
    pub handlers: &'static [Handles],
    /// What its constructor and jobs need from the node.
    pub requires: &'static [&'static [Requirement]],
    /// How an instance is made.
    pub construct: Construct,
    /// `file:line` of the annotation.
    pub at: &'static str,
    /// The module of the annotation: `module_path!()`; it begins with the crate.
    pub module: &'static str,
    /// What its author says about it, or nothing.
    pub docs: &'static str,
}

impl ProtocolDescriptor {
    /// How many instances there are.
    pub const fn scope(&self) -> Scope {
        match self.construct {
            Construct::Channel(_) => Scope::Channel,
            Construct::Node(_) => Scope::Node,
        }
    }
}

/// A descriptor that was linked into the program; `#[protocol]` submits one.
#[derive(Debug)]
pub struct Linked(pub &'static ProtocolDescriptor);

inventory::collect!(Linked);
