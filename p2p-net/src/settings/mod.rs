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
mod keys;
mod limits;
mod text;
mod validate;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::error::SettingsError;
pub use self::limits::Limits;
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
    /// Peers to stay connected with (the manual session); default none.
    pub peers: Vec<NodeUrl>,
    /// Nodes to ask for addresses at start (the seed session); default none.
    pub seeds: Vec<NodeUrl>,
    /// Connections this node keeps to peers of its own choice; default 8: enough that one honest peer is very likely
    /// among them, few enough that the network has room for all.
    pub outbound_slots: usize,
    /// Most peers at once, all sessions together; default 64; 0 refuses everyone.
    pub max_peers: usize,
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
            seeds: Vec::new(),
            outbound_slots: 8,
            max_peers: 64,
            transports: vec!["tls".to_owned()],
            random_seed: None,
            limits: Limits::default(),
        }
    }
}
