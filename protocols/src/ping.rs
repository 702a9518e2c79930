//! The heartbeat: is the peer still there, and how far away is it? In DarkFi: `ProtocolPing`.

use std::time::Duration;

use p2p_net::prelude::*;

/// Are you there?
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024, priority = high, reply = Pong)]
pub struct Ping;

/// I am.
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024)]
pub struct Pong;

/// Asks at an interval, notes the round trip, and drops a peer that does not answer within `limits.request_timeout`.
///
/// `ProtocolSet::linked().configure::<ProtocolPing>(|ping| ping.interval = Some(Duration::from_secs(5)))`
#[derive(Debug, Clone, Default)]
pub struct ProtocolPing {
    /// Time between two pings; none: the setting `limits.heartbeat_interval`.
    pub interval: Option<Duration>,
}

/// The heartbeat: is the peer still there, and how far away is it?
#[protocol(name = "ping", sessions = !SEED, config = Self)]
impl ProtocolPing {
    #[on]
    async fn ping(&self, _ping: Ping) -> Pong {
        Pong
    }

    #[every(self.interval.unwrap_or(settings.limits.heartbeat_interval))]
    async fn beat(&self, channel: &Channel, settings: &Settings) -> Result<()> {
        let (Pong, rtt) = channel.request(Ping).timed().await?;
        channel.record_rtt(rtt);
        Ok(())
    }
}
