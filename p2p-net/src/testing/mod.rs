//! A network in memory on virtual time, for tests of plugins and of this library (feature `testing`).
//!
//! Everything runs in the calling thread; nothing sleeps for real. With one seed two runs are the same, byte for byte:
//! [`Simulation::trace_hash`] says so. A node of a simulation is a real node: the same sessions, channels and protocols,
//! over the [`memory`](crate::transport::memory) transport.
//!
//! For a plugin, two nodes that are connected are most often enough:
//!
//! ```
//! use p2p_net::prelude::*;
//! use p2p_net::testing;
//!
//! #[derive(Message, Serialize, Deserialize)]
//! #[message(max_bytes = 16, reply = Half)]
//! struct Halve(u32);
//!
//! #[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
//! #[message(max_bytes = 16)]
//! struct Half(u32);
//!
//! #[protocol]
//! async fn halves(Halve(number): Halve) -> Half {
//!     Half(number / 2)
//! }
//!
//! testing::pair().with::<halves>().run(async |[alice, bob]| {
//!     assert_eq!(alice.to(&bob).request(Halve(84)).await, Ok(Half(42)));
//! });
//! ```
//!
//! Links between [`TestNode`]s are delayed, cut and healed, and nodes crash and come back. [`pair`] and [`network()`] are built
//! on [`Simulation`], which is there for whoever decides himself who exists, listens and dials. [`manifest`] is the test that
//! notices when a change breaks the wire.

mod datagrams;
mod encoding;
mod lab;
pub mod manifest;
mod network;
mod node;
mod simulation;
mod trace;

pub use datagrams::DatagramNetwork;
pub use encoding::{decode, encode};
pub use network::{Network, network, pair};
pub use node::TestNode;
pub use simulation::{Simulation, secret_of};
pub use trace::{Trace, Traced};
