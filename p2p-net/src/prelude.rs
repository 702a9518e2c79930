//! What a file with a protocol in it needs: `use p2p_net::prelude::*;`.
//!
//! serde's derives expand to the crate `serde`, which the author's package depends on itself.

pub use futures::Stream;
pub use log;
// Not through the crate's root, where a module is called `protocol` too.
#[cfg(feature = "rpc")]
pub use p2p_macros::rpc;
#[cfg(feature = "service")]
pub use p2p_macros::{api, service, start};
pub use p2p_macros::{every, job, on, protocol, stop};
pub use serde::{Deserialize, Serialize};

pub use crate::{
    Bytes, Channel, Config, Error, Message, NodeId, P2p, P2pPtr, Request, Result, Schema, SessionFlags, Settings,
    State, StreamRequest,
};
