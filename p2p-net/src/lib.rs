//! Write peer-to-peer protocols by annotation.
//!
//! A protocol is a message struct and a handler. `#[protocol]` makes it a plugin, and linking the crate it is in makes it
//! part of every node the program builds:
//!
//! ```
//! use p2p_net::prelude::*;
//!
//! #[derive(Message, Serialize, Deserialize)]
//! #[message(max_bytes = 4096)]
//! struct Say {
//!     text: String,
//! }
//!
//! #[protocol(sessions = !SEED)]
//! async fn shout(say: Say, channel: &Channel) -> Result<()> {
//!     log::info!("{}: {}", channel.peer_id(), say.text);
//!     Ok(())
//! }
//! ```
//!
//! The rest of the crate is the network underneath, from above to below:
//!
//! | module | what it is |
//! |---|---|
//! | [`p2p`] | the node: `P2p::new`, `start`, `run`, `stop`, `broadcast`, `add_peer` |
//! | [`settings`] | what a node can be told, every value with its unit and default |
//! | [`session`] | why channels exist: seed, manual, inbound, outbound, relayed |
//! | [`hosts`] | the address book |
//! | [`protocol`](mod@protocol) | what a plugin is, and which ones a node runs |
//! | [`channel`] | an authenticated connection to one peer |
//! | [`message`] | what travels over it: messages, lanes, inboxes, frames |
//! | [`transport`] | `tls`, `tcp` and `memory` behind one trait |
//! | [`relay`] | channels over carriers of single datagrams, to nodes there is no connection with |
//! | [`event`], [`disconnect`] | what happens to peers, and why |
//! | `manifest` | all of that as a file, and whether a change of it breaks the wire (feature `manifest`) |
//! | `rpc` | APIs that other processes call: JSON-RPC 2.0 (feature `rpc`) |
//! | `service` | whole nodes: protocols and APIs brought together (feature `service`) |
//! | `testing` | a network in memory on virtual time (feature `testing`) |
//!
//! The library logs with [`log`], target `net`, and never prints.

#[cfg(feature = "testing")]
#[doc(hidden)]
#[path = "bench.rs"]
pub mod __bench;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod base32;
pub mod channel;
pub mod clock;
pub mod disconnect;
mod error;
pub mod event;
#[cfg(test)]
mod folder;
pub mod hosts;
pub mod identity;
#[cfg(feature = "manifest")]
pub mod manifest;
pub mod message;
pub mod node_url;
pub mod p2p;
pub mod prelude;
pub mod protocol;
pub mod rate;
pub mod relay;
#[cfg(feature = "rpc")]
pub mod rpc;
#[cfg(feature = "service")]
pub mod service;
pub mod session;
pub mod settings;
pub mod signal;
mod tasks;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transport;

pub use channel::Channel;
pub use error::{Error, Result};
pub use identity::NodeId;
pub use message::{Bytes, Message, Request, Schema, StreamRequest};
pub use p2p::{P2p, P2pPtr};
#[cfg(feature = "rpc")]
pub use p2p_macros::rpc;
pub use p2p_macros::{Message, Schema, every, job, on, protocol, stop};
#[cfg(feature = "service")]
pub use p2p_macros::{api, service, start};
pub use protocol::{Config, FromChannel, FromNode, ProtocolSet, SessionFlags, State};
pub use settings::Settings;
