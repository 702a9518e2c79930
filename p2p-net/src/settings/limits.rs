//! Every bound and every waiting time of a node, in one place, each with its reason.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use crate::rate::Rate;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The bounds of a node; times in TOML are text with a unit (`5s`), sizes are bytes.
///
/// ```
/// use p2p_net::Settings;
///
/// let settings = Settings::from_toml("[limits]\nrequest_timeout = \"5s\"")?;
/// assert_eq!(settings.limits.request_timeout.as_secs(), 5);
/// # Ok::<(), p2p_net::settings::SettingsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Time for the whole handshake of a connection, cryptography and version exchange; default 5 s: some ten round
    /// trips of a slow link, and all that a silent socket can hold a slot for.
    #[serde(with = "duration")]
    pub handshake_timeout: Duration,
    /// Time to reach an address, before the handshake; default 10 s: three retransmissions of a lost first packet.
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    /// Time for the whole visit to one seed, connecting included; default 15 s: connect and handshake at their longest.
    #[serde(with = "duration")]
    pub seed_timeout: Duration,
    /// How long a peer may take no byte of what waits for it before it is dropped; default 20 s: longer than a mobile
    /// link goes silent, shorter than a user waits.
    #[serde(with = "duration")]
    pub write_stall: Duration,
    /// How long one `send` waits for its lane; default 20 s, as for a stalled peer: two handlers that wait for each
    /// other end in an error, not in silence.
    #[serde(with = "duration")]
    pub send_timeout: Duration,
    /// Time for the reason of a close to reach the peer; default 1 s: stopping must not wait for the slow.
    #[serde(with = "duration")]
    pub close_linger: Duration,
    /// How often a channel without other traffic shows that it lives; default 30 s: below the minute after which routers
    /// forget idle connections. The shipped ping asks that often. In DarkFi: `channel_heartbeat_interval`.
    #[serde(with = "duration")]
    pub heartbeat_interval: Duration,
    /// Wait after the first failure of an address, doubled with each further one; default 1 s.
    #[serde(with = "duration")]
    pub reconnect_min: Duration,
    /// Longest wait between two attempts at an address; default 5 min: a node that comes back is found soon.
    #[serde(with = "duration")]
    pub reconnect_max: Duration,
    /// Time for the reply to a request that names no deadline of its own; default 20 s.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// Inbound connections that may be in their handshake at once; default 64: bounds what strangers cost.
    pub pending_handshakes: usize,
    /// Inbound connections from one IPv4 address or IPv6 /64, handshakes included; default 8: a household behind one
    /// address.
    pub inbound_per_ip: usize,
    /// Inbound connections from one /24 (IPv4) or /48 (IPv6), handshakes included; default 32: half of `max_peers`, so one
    /// provider cannot fill a node.
    pub inbound_per_network: usize,
    /// Channels over a relay at once; default 32: half of `max_peers`, because what they carry is paid for by the nodes
    /// between. They count as peers.
    pub relayed_channels: usize,
    /// Relayed channels that others open and whose handshake runs; default 16: a stranger who may be anywhere costs some
    /// 10 KiB and a key exchange until it has proved who it is.
    pub relayed_handshakes: usize,
    /// How long a relayed channel waits for the other end before it gives up; default 60 s: a lost packet is sent again
    /// some eight times by then, less and less often.
    #[serde(with = "duration")]
    pub relayed_timeout: Duration,
    /// Whether addresses of this machine are exempt from all bounds by IP or network; default true: many nodes on one
    /// machine are how people develop. Off for a node behind a local proxy, where everybody looks local.
    pub loopback_exempt: bool,
    /// New connections from one IPv4 address or IPv6 /64, counted before any cryptography; default `1 per 1s, burst 16`: a TLS hello
    /// costs 85 µs of processor time.
    pub inbound_rate_per_ip: Rate,
    /// Addresses taken from one peer; default `1 per 10s, burst 1000`: one full answer at once, then a trickle.
    pub addresses_per_peer: Rate,
    /// Addresses kept in the address book; default 5,000: half a megabyte on disk, some 10 ms to
    /// save or load, and far more than a node ever dials.
    pub address_book_size: usize,
    /// Events kept for a subscriber that does not read; default 1,024: then it loses the oldest.
    pub event_queue: usize,
    /// Bytes of small messages that wait for one channel's writer, and as many of large ones; default 256 KiB: four writes of
    /// the writer. Each message type may have one large message waiting in any case.
    pub outbox_bytes: usize,
    /// Most memory one channel may need by its protocols' windows, in bytes; default 64 MiB: thirty message types with
    /// the default window, both directions counted.
    pub channel_memory: usize,
    /// Memory that the windows of all channels together may grow by, in bytes; default 128 MiB: four channels that each
    /// carry 1 Gbit/s over 100 ms. One channel's windows grow only while they stay within `channel_memory`; 0: none grows.
    pub window_growth: usize,
    /// Time between two checks of an address that was only heard of; default 30 s: a node that runs for a day knows
    /// thousands, and nobody notices the probes.
    #[serde(with = "duration")]
    pub refine_interval: Duration,
    /// Time between two saves of the address book; default 5 min: what a crash loses.
    #[serde(with = "duration")]
    pub save_interval: Duration,
    /// Penalty points at which a peer is banned; default 100.
    pub penalty_threshold: u32,
    /// Time in which one penalty point is forgiven; default 30 s: a full score is gone in under an hour.
    #[serde(with = "duration")]
    pub penalty_decay: Duration,
    /// Length of a ban; default 1 h: long against a flood, short against a mistake.
    #[serde(with = "duration")]
    pub ban_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: seconds(5),
            connect_timeout: seconds(10),
            seed_timeout: seconds(15),
            write_stall: seconds(20),
            send_timeout: seconds(20),
            close_linger: seconds(1),
            heartbeat_interval: seconds(30),
            reconnect_min: seconds(1),
            reconnect_max: seconds(5 * 60),
            request_timeout: seconds(20),
            pending_handshakes: 64,
            inbound_per_ip: 8,
            inbound_per_network: 32,
            relayed_channels: 32,
            relayed_handshakes: 16,
            relayed_timeout: seconds(60),
            loopback_exempt: true,
            inbound_rate_per_ip: Rate::new(1, seconds(1), 16),
            addresses_per_peer: Rate::new(1, seconds(10), 1_000),
            address_book_size: 5_000,
            event_queue: 1_024,
            outbox_bytes: 256 * 1024,
            channel_memory: 64 * 1024 * 1024,
            window_growth: 128 * 1024 * 1024,
            refine_interval: seconds(30),
            save_interval: seconds(5 * 60),
            penalty_threshold: 100,
            penalty_decay: seconds(30),
            ban_time: seconds(3_600),
        }
    }
}
