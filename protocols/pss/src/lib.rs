//! A relay for p2p-net: sealed messages to nodes there is no connection with. In Swarm: pss.
//!
//! A program that says `use p2p_pss as _;` runs it: [`PssLink`] on every channel but visits to seeds and channels over a
//! relay, [`PssNode`] once. [`Pss::of`] gives the application its handle; handlers and jobs take it as an argument, `pss: Pss`.
//!
//! A message goes from peer to peer, each time to one that is nearer to its destination, in a few copies. It shows as much
//! of its receiver's [address](Address) as its sender likes: all of it is the fastest; a part hides the receiver among all
//! that share the part, and the message goes to each of them; nothing at all is full darkness, and it goes to everybody.
//! What it says is sealed: to a public key, signed inside; under a shared key; in a session with keys of its own; or raw.
//!
//! It is a crate of its own, and no default of `p2p-protocols`: a plugin that is linked runs, features are those of a whole
//! build, and so one program of a workspace with that feature would have made all of them relays.
//!
//! | module | what it is |
//! |---|---|
//! | [`address`], [`topic`], [`envelope`] | what travels, and where to |
//! | [`table`], [`known`] | who is near, and who could be |
//! | [`forward`], [`cache`], [`dark`], [`outbox`] | where a message goes next, and whether |
//! | [`replays`] | what was opened |
//! | [`seal`], [`content`], [`keys`], [`handshake`] | what those on the way cannot read |
//! | [`Pss`], [`link`], [`keeper`] | the plugin |
//! | [`Datagrams`], `rpc` | channels over it, and the API for other processes (feature `rpc`) |
//!
//! All but the last two rows do no I/O. What is promised to whom: `docs/wire.md`, "The relay".

pub mod address;
pub mod cache;
mod config;
pub mod content;
mod counters;
pub mod dark;
mod datagrams;
pub mod envelope;
mod errors;
pub mod forward;
pub mod handshake;
mod held;
pub mod keeper;
mod keyring;
pub mod keys;
pub mod known;
pub mod link;
mod links;
mod mailbox;
pub mod outbox;
mod pss;
mod receive;
mod received;
pub mod replays;
#[cfg(feature = "rpc")]
pub mod rpc;
pub mod seal;
mod send;
pub mod table;
pub mod topic;

pub use address::{Address, Prefix};
pub use config::{ConfigError, MAX_ROTATION, PssConfig};
pub use counters::Counters;
pub use datagrams::{DATAGRAM_NAME, Datagrams, MAX_DATAGRAM};
pub use envelope::Envelope;
pub use errors::{HANDSHAKE_LIMIT, HandshakeError, SendError};
pub use held::Held;
pub use keeper::PssNode;
pub use keyring::{MAX_KEYS, MAX_KEYS_PER_TOPIC, MAX_PEERS, TooManyKeys};
pub use keys::{KeyId, SymmetricKey};
pub use link::PssLink;
pub use mailbox::{Heard, MAX_UNREAD, Subscription};
pub use pss::Pss;
pub use received::{Received, Sender};
pub use topic::Topic;
