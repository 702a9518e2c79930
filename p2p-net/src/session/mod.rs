//! Sessions: why channels exist. Seed visits, peers the settings name, peers that come to us, slots to be filled, nodes that
//! only a relay reaches.
//!
//! Every session hands its connections to `serve`, which runs a channel from its handshake to its end. A session
//! decides whom to connect and what to do afterwards; it knows no concrete protocol.

mod connector;
mod inbound;
mod manual;
mod outbound;
mod peers;
mod reach;
mod refine;
mod relayed;
mod seed;
mod serve;

pub use connector::ConnectError;
pub use inbound::InboundSession;
pub use manual::ManualSession;
pub use outbound::OutboundSession;
pub(crate) use peers::Peers;
pub(crate) use reach::reach;
pub(crate) use refine::refine;
pub(crate) use relayed::{accept_relayed, dial_relayed};
pub use seed::SeedSession;
pub(crate) use serve::LiveChannels;
