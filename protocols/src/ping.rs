//! The heartbeat: is the peer still there, and how far away is it? First seed: `ProtocolPing`.

use p2p_net::disconnect::DisconnectReason;
use p2p_net::prelude::*;

/// Are you there?
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024, reply = Pong)]
pub struct Ping;

/// I am.
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024)]
pub struct Pong;

/// Asks every `ping_interval`, notes the round trip, and drops a peer that does not answer within `ping_timeout`.
#[derive(Debug, Default)]
pub struct ProtocolPing;

#[protocol(name = "ping", sessions = !SEED)]
impl ProtocolPing {
    #[on]
    async fn ping(&self, _ping: Ping) -> Pong {
        Pong
    }

    #[job]
    async fn beat(&self, node: &P2p, channel: &Channel) -> Result<()> {
        let (clock, limits) = (node.clock(), &node.settings().limits);
        loop {
            let asked = clock.now();
            let pong = clock.timeout(limits.ping_timeout, channel.request(Ping)).await;
            let _pong: Pong =
                pong.map_err(|late| Error::disconnect(DisconnectReason::PingTimeout, late.to_string()))??;
            channel.record_rtt(clock.now() - asked);
            clock.sleep(limits.ping_interval).await;
        }
    }
}
