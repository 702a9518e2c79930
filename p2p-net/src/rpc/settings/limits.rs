//! Every bound and every waiting time of the RPC, each with its reason.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::settings::duration;

/// The bounds of a server, each for every transport; sizes are bytes, times in TOML are text with a unit (`5s`).
///
/// ```
/// use p2p_net::rpc::RpcSettings;
///
/// let settings = RpcSettings::from_toml("[limits]\nrequest_timeout = \"5s\"")?;
/// assert_eq!(settings.limits.request_timeout.as_secs(), 5);
/// # Ok::<_, p2p_net::settings::SettingsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RpcLimits {
    /// Bytes of one message that comes in; default 5 MiB, as in geth: a call that brings a file.
    pub body_bytes: usize,
    /// Bytes of one answer, or of all answers to a batch; default 25 MiB, as in geth. Those of a batch that do not fit are errors.
    pub answer_bytes: usize,
    /// Calls in one batch; default 1,000, as in geth.
    pub batch: usize,
    /// Lists and maps within each other; default 64: more than anybody writes, and no danger to a stack. At most 127.
    pub depth: usize,
    /// Connections of one transport at once; default 128: the people and programs of one machine.
    pub connections: usize,
    /// Messages of one connection that may be under way, a batch counted once; default 64.
    pub concurrent_calls: usize,
    /// Subscriptions of one connection; default 64.
    pub subscriptions: usize,
    /// Notifications that wait for a subscriber before the oldest is lost; default 1,024.
    pub queued_notifications: usize,
    /// Bytes of notifications that wait for a subscriber before the oldest is lost; default 4 MiB.
    pub queued_bytes: usize,
    /// Bytes of answers of one connection that wait to be read, though one alone may have more; default 32 MiB: the longest
    /// answer, and small ones before it. Calls are read while the longest has room; of those under way already, what finds
    /// none is an error.
    pub queued_answer_bytes: usize,
    /// Time for one call; default 30 s, as in geth.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// Time for a request over HTTP to come, from its first byte to its last; default 30 s, as in geth: all that a caller who
    /// sends a byte now and then can hold a connection for.
    #[serde(with = "duration")]
    pub read_timeout: Duration,
    /// How long a connection of HTTP is kept for the next request; default 2 min, as in geth.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// How long a caller may take no byte of what is being sent to it before it is dropped; default 20 s, as for peers. However
    /// slow it reads, it is not dropped while it does.
    #[serde(with = "duration")]
    pub write_stall: Duration,
    /// Time for the end of a connection to be told; default 1 s: stopping must not wait for the slow.
    #[serde(with = "duration")]
    pub close_linger: Duration,
}

impl Default for RpcLimits {
    fn default() -> Self {
        Self {
            body_bytes: 5 * 1024 * 1024,
            answer_bytes: 25 * 1024 * 1024,
            batch: 1_000,
            depth: 64,
            connections: 128,
            concurrent_calls: 64,
            subscriptions: 64,
            queued_notifications: 1_024,
            queued_bytes: 4 * 1024 * 1024,
            queued_answer_bytes: 32 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(120),
            write_stall: Duration::from_secs(20),
            close_linger: Duration::from_secs(1),
        }
    }
}
