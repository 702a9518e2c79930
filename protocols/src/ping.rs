//! The heartbeat: is the peer still there, and how far away is it? First seed: `ProtocolPing`.

use std::time::Duration;

use p2p_net::disconnect::DisconnectReason;
use p2p_net::prelude::*;

/// Are you there?
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024, priority = high, reply = Pong)]
pub struct Ping;

/// I am.
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024)]
pub struct Pong;

/// How often to ask, and how long to wait for the answer.
///
/// `ProtocolSet::linked().configure::<ProtocolPing>(|ping| ping.interval = Some(Duration::from_secs(5)))`
#[derive(Debug, Clone, Default)]
pub struct PingConfig {
    /// Time between two pings; none: the setting `limits.ping_interval`.
    pub interval: Option<Duration>,
    /// Time for the answer; none: the setting `limits.ping_timeout`.
    pub timeout: Option<Duration>,
}

/// Asks at its [interval](PingConfig), notes the round trip, and drops a peer that does not answer in time.
#[derive(Debug, Default)]
pub struct ProtocolPing;

#[protocol(name = "ping", sessions = !SEED, config = PingConfig)]
impl ProtocolPing {
    #[on]
    async fn ping(&self, _ping: Ping) -> Pong {
        Pong
    }

    #[job]
    async fn beat(&self, node: &P2p, channel: &Channel, config: Config<PingConfig>) -> Result<()> {
        let (clock, limits) = (node.clock(), &node.settings().limits);
        loop {
            let (asked, timeout) = (clock.now(), config.timeout.unwrap_or(limits.ping_timeout));
            let pong = clock.timeout(timeout, channel.request(Ping)).await;
            pong.map_err(|late| Error::disconnect(DisconnectReason::PingTimeout, late.to_string()))??;
            channel.record_rtt(clock.now() - asked);
            clock.sleep(config.interval.unwrap_or(limits.ping_interval)).await;
        }
    }
}
