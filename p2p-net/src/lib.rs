//! Write peer-to-peer protocols by annotation.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod base32;
pub mod channel;
pub mod clock;
pub mod disconnect;
mod error;
pub mod event;
pub mod hosts;
pub mod identity;
pub mod message;
pub mod node_url;
pub mod p2p;
pub mod prelude;
pub mod protocol;
pub mod rate;
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
pub use message::{Bytes, Message, Request, Schema};
pub use p2p::{P2p, P2pPtr};
pub use p2p_macros::{Message, Schema, job, on, protocol};
pub use protocol::{FromChannel, FromNode, ProtocolSet, SessionFlags, State};
pub use settings::Settings;
