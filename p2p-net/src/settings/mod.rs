//! What a program decides about its node: plain data, written in code or read from TOML.
//!
//! The program that starts a node fills this in; everything below reads it and never changes it. Nothing here opens a
//! file or a socket.
//!
//! ```
//! use p2p_net::settings::Settings;
//!
//! let settings = Settings { listen: vec!["tls://127.0.0.1:9000".parse()?], ..Settings::default() };
//! settings.validate()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod duration;
mod error;
pub(crate) mod keys;
mod limits;
pub(crate) mod text;
mod validate;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::error::SettingsError;
pub use self::limits::Limits;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;

/// The settings of a node.
///
/// ```
/// use std::time::Duration;
/// use p2p_net::Settings;
/// use p2p_net::settings::Limits;
///
/// let limits = Limits { heartbeat_interval: Duration::from_secs(10), ..Limits::default() };
/// let settings = Settings { name: "chat".to_owned(), listen: vec!["tls://0.0.0.0:9000".parse()?], limits, ..Settings::default() };
/// settings.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Name of the application, told to peers; default `p2p-net`, at most 64 bytes: for people to read, nothing depends on it.
    pub name: String,
    /// Version of the application, told to peers; default the version of this crate, at most 64 bytes.
    pub app_version: String,
    /// Which network this node belongs to, at most 64 bytes; default `main`. Nodes of another network are refused, so
    /// that a test network never mixes with the real one.
    pub network: String,
    /// Folder for the identity and the address book; default none: nothing is written, and each start is a new node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Addresses to listen on; default none: the node only dials.
    pub listen: Vec<NodeUrl>,
    /// Addresses to tell others instead of those in `listen`; default none. For a node behind a router or a proxy.
    pub external: Vec<NodeUrl>,
    /// Static peers, to stay connected with: dialled again, less and less often, whenever they are gone (the manual
    /// session); default none.
    pub peers: Vec<NodeUrl>,
    /// Ids of nodes that are admitted even when there are `max_peers`, whoever dials; default none. A ban still holds.
    pub trusted: Vec<NodeId>,
    /// Nodes to ask for addresses at start (the seed session); default none.
    pub seeds: Vec<NodeUrl>,
    /// Connections this node keeps to peers of its own choice, as far as `dial_ratio` leaves room; default 8: enough that one
    /// honest peer is very likely among them, few enough that the network has room for all.
    pub outbound_slots: usize,
    /// Most peers at once, all sessions together, and the trusted ones in addition; default 64; 0 refuses everyone else.
    pub max_peers: usize,
    /// One in so many of `max_peers` is for peers of this node's own choice, and the others for those who dial it; default 3.
    /// So no node fills up with what it dialled while newcomers find no room, and strangers who dial never take all places.
    /// Of `outbound_slots` no more are filled than that. Static peers are dialled all the same, and trusted ones always find
    /// room. In go-ethereum: `DialRatio`.
    pub dial_ratio: usize,
    /// URL schemes this node may use; default `tls` only: a scheme without encryption, such as `tcp` or `memory`, must
    /// be named.
    pub transports: Vec<String>,
    /// Seed of the node's random generator; default none: from the system. Set in simulations, so that they repeat; at
    /// most 2^63 - 1, the largest integer of TOML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random_seed: Option<u64>,
    /// Bounds and waiting times.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "p2p-net".to_owned(),
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            network: "main".to_owned(),
            data_dir: None,
            listen: Vec::new(),
            external: Vec::new(),
            peers: Vec::new(),
            trusted: Vec::new(),
            seeds: Vec::new(),
            outbound_slots: 8,
            max_peers: 64,
            dial_ratio: 3,
            transports: vec!["tls".to_owned()],
            random_seed: None,
            limits: Limits::default(),
        }
    }
}

/// Peers that a seed has at once: visits are short, and a thousand of them a second's worth for most networks.
const SEED_PEERS: usize = 1_000;

/// Addresses that a seed knows: as many as a book may hold.
const SEED_BOOK: usize = 50_000;

/// How soon a seed looks at the next address it heard of: it tells only what it reached itself, and has nothing else to do.
const SEED_REFINE: Duration = Duration::from_secs(1);

impl Settings {
    /// Those of a seed node that listens at `listen`: it keeps no peers of its own choice, has room for a thousand visitors,
    /// visits an address a second of those it hears of, and keeps 50,000.
    ///
    /// ```
    /// use p2p_net::Settings;
    ///
    /// let seed = Settings { name: "seed".to_owned(), ..Settings::seed(vec!["tls://0.0.0.0:9000".parse()?]) };
    /// seed.validate()?;
    /// assert_eq!((seed.max_dialled(), seed.max_inbound()), (0, 1_000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seed(listen: Vec<NodeUrl>) -> Self {
        let limits = Limits { address_book_size: SEED_BOOK, refine_interval: SEED_REFINE, ..Limits::default() };
        Self { listen, outbound_slots: 0, max_peers: SEED_PEERS, limits, ..Self::default() }
    }

    /// How many outbound slots are filled: `outbound_slots`, but no more than `dial_ratio` leaves, and one at least.
    ///
    /// ```
    /// use p2p_net::Settings;
    ///
    /// let few = Settings { max_peers: 9, ..Settings::default() };
    /// assert_eq!((few.max_dialled(), few.max_inbound()), (3, 6));
    /// assert_eq!(Settings::default().max_dialled(), 8);
    /// ```
    pub fn max_dialled(&self) -> usize {
        self.outbound_slots.min((self.max_peers / self.dial_ratio.max(1)).max(1))
    }

    /// How many peers may be ones that dialled this node: all places but those kept for its outbound slots.
    pub fn max_inbound(&self) -> usize {
        self.max_peers - self.outbound_slots.min(self.max_peers / self.dial_ratio.max(1))
    }
}
