//! The handshake: who are you, of which network, and what do we both speak?
//!
//! Each end sends its [`Version`] as a request and answers the other's with a [`Verack`]; an end that has its answer and
//! has given one is done. What does not fit ends the channel with a reason that both ends see. In DarkFi: the version
//! exchange. The layout of [`Version`] is frozen: it is read before anything could be agreed about it.

use p2p_net::disconnect::DisconnectReason;
use p2p_net::node_url::NodeUrl;
use p2p_net::prelude::*;
use p2p_net::protocol::{Offer, Signalled};
use p2p_net::signal::Signal;

/// The most listen addresses of a peer that are looked at.
const MAX_LISTEN: usize = 8;

/// The most bytes of a name that are kept.
const MAX_NAME: usize = 256;

/// What a node says of itself before anything else.
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(max_bytes = 48 * 1024, window = 128 * 1024, reply = Verack)]
pub struct Version {
    /// The network it belongs to.
    pub network: String,
    /// What it calls itself: `name/v1.0.0/linux/rust1.95`.
    pub agent: String,
    /// Its protocols, with versions and fingerprints.
    pub offer: Offer,
    /// Where it says it listens.
    pub listen: Vec<NodeUrl>,
    /// Where it sees the other end.
    pub observed: String,
}

/// The other's version is accepted.
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024)]
pub struct Verack;

/// The version exchange.
#[derive(Debug, Default)]
pub struct ProtocolVersion {
    accepted: Signal,
}

/// The handshake: who are you, of which network, and what do we both speak?
#[protocol(name = "version", sessions = ALL, phase = handshake)]
impl ProtocolVersion {
    #[job]
    async fn introduce(&self, node: &P2p, channel: &Channel) -> Result<()> {
        let version = Version {
            network: node.settings().network.clone(),
            agent: node.agent(),
            offer: channel.offer().clone(),
            listen: node.advertised(),
            observed: channel.remote().to_string(),
        };
        let (Verack, rtt) = channel.request(version).timed().await?;
        channel.record_rtt(rtt);
        self.accepted.wait().await;
        Ok(())
    }

    #[on]
    async fn version(&self, theirs: Version, node: &P2p, channel: &Channel) -> Result<Signalled<Verack>> {
        let ours = &node.settings().network;
        if theirs.network != *ours {
            let detail = format!("this is network {ours:?}, not {:?}", theirs.network);
            return Err(Error::disconnect(DisconnectReason::NetworkMismatch, detail));
        }
        if let Err(refused) = channel.agree(&theirs.offer) {
            return Err(Error::disconnect(DisconnectReason::IncompatibleVersion, refused.to_string()));
        }
        if self.accepted.is_given() {
            return Err(Error::disconnect(DisconnectReason::Malformed, "a second version"));
        }
        let mut agent = theirs.agent;
        agent.truncate(agent.floor_char_boundary(MAX_NAME));
        log::debug!(target: "net", "{} is {agent:?} and sees us at {:?}", channel.peer_id().short(), theirs.observed);
        let mut listen: Vec<_> =
            theirs.listen.iter().take(MAX_LISTEN).filter_map(|url| reachable(url, channel)).collect();
        listen.shrink_to_fit();
        for url in &listen {
            let peer = channel.peer_id();
            // Where this node has just dialled it need not be dialled again to find out whether that is true.
            let stored = if channel.url().is_some_and(|dialled| dialled.without_id() == url.without_id()) {
                node.hosts().reached(url, peer)
            } else {
                node.hosts().hear_from(url, peer, channel.remote().ip())
            };
            if let Err(error) = stored {
                log::debug!(target: "net", "{url} is not stored: {error}");
            }
        }
        channel.introduce(agent, theirs.observed, listen);
        // This end is done only when its answer is on its way: a main-phase message that overtook it would wait for ever
        // for the other end, which waits for the answer.
        Ok(Signalled { reply: Verack, signal: self.accepted.clone() })
    }
}

/// An address of the peer as this end can use it: one that listens everywhere is where its connection comes from, and one
/// that names another node is not the peer's to tell.
fn reachable(url: &NodeUrl, channel: &Channel) -> Option<NodeUrl> {
    if url.id().is_some_and(|id| id != channel.peer_id()) {
        return None;
    }
    match (url.ip(), channel.remote().ip()) {
        (Some(listen), Some(seen)) if listen.is_unspecified() => {
            NodeUrl::at(url.scheme(), (seen, url.port()).into()).ok().map(|url| url.with_id(channel.peer_id()))
        }
        _ => Some(url.clone()),
    }
}
