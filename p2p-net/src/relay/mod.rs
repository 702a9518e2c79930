//! Channels over a relay: to nodes that there is no connection with.
//!
//! A carrier moves single datagrams between nodes by their ids, over whatever is between, and promises nothing: they may be
//! lost, doubled, reordered and read on the way. Over it, from below: an ordered, reliable stream of bytes (`arq`, pure), TLS
//! with the two nodes' keys from end to end, and an ordinary [`Channel`](crate::Channel) whose session is
//! [`RELAYED`](crate::SessionFlags::RELAYED). Protocols run over it unchanged.
//!
//! ```no_run
//! use std::sync::Arc;
//! use p2p_net::relay::{Datagrams, RelayedError};
//! use p2p_net::{Channel, NodeId, P2pPtr};
//!
//! async fn reach(node: &P2pPtr, carrier: Arc<dyn Datagrams>, far: NodeId) -> Result<Channel, RelayedError> {
//!     let relay = node.relay_over(carrier)?; // from now on others may open channels, too
//!     relay.dial(far).await
//! }
//! ```

mod arq;
mod carrier;
mod link;
mod places;
mod segment;
mod station;

pub use arq::Broken;
pub use carrier::{Datagrams, LEAST_DATAGRAM};
pub use station::{Relay, RelayedError};
