//! The relay on one channel: what waits for the peer leaves, what comes from it is passed on or opened, and both tell each
//! other whom they know.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::select;
use p2p_net::channel::SendError;
use p2p_net::disconnect::DisconnectReason;
use p2p_net::node_url::NodeUrl;
use p2p_net::prelude::*;
use p2p_net::rate::TokenBucket;

use crate::address::Address;
use crate::envelope::Envelope;
use crate::links::Taken;
use crate::outbox::PACE;
use crate::pss::Pss;

/// Nodes in one answer, at most: a neighbourhood and as many again.
pub const MAX_NEAR: usize = 16;

/// Whom do you know near this address?
///
/// A node asks each peer at most every other second, so that the rate is met by far.
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(name = "pss_get_near", max_bytes = 64, window = 4096, rate = "120/60s", reply = Near)]
pub struct GetNear {
    /// The address.
    pub address: [u8; 32],
}

/// These peers of mine.
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(name = "pss_near", max_bytes = 12_000, window = 64 * 1024)]
pub struct Near {
    /// Where they are, with their ids, the nearest first.
    pub nodes: Vec<NodeUrl>,
}

/// Passes messages to one peer, and takes those it passes on.
#[derive(Debug, Default)]
pub struct PssLink {
    /// Which link this is, once there is one.
    number: AtomicU64,
}

/// The relay: messages to nodes there is no connection with.
#[protocol(name = "pss", sessions = !(SEED | RELAYED))]
impl PssLink {
    #[job]
    async fn pump(&self, pss: Pss, channel: &Channel) -> Result<()> {
        if !channel.supports::<Envelope>() {
            return Ok(());
        }
        let (peer, clock) = (channel.peer_id(), &pss.0.clock);
        let (number, ready) = pss.link(peer);
        self.number.store(number, Ordering::Relaxed);
        let mut bucket = TokenBucket::default();
        loop {
            let more = ready.listen();
            let taken = pss.lock().links.take(&peer, number, pss.now());
            let envelope = match taken {
                Taken::Over => return Ok(()),
                Taken::Nothing => {
                    more.await;
                    continue;
                }
                Taken::Next(envelope) => envelope,
            };
            while !bucket.take(&PACE, clock.now()) {
                clock.sleep(PACE.per).await;
            }
            if let Err(error) = channel.send(&*envelope).await {
                pss.pass_elsewhere([(Some(peer), envelope)]);
                if !matches!(error, SendError::TimedOut { .. }) {
                    return Ok(());
                }
            }
        }
    }

    #[on]
    async fn envelope(&self, envelope: Envelope, pss: Pss, peer: NodeId) -> Result<()> {
        let malformed =
            |error: crate::envelope::Malformed| Error::disconnect(DisconnectReason::Malformed, error.to_string());
        pss.receive(peer, envelope).map_err(malformed)
    }

    #[on]
    async fn near(&self, ask: GetNear, pss: Pss, node: &P2p, peer: NodeId) -> Near {
        let near = pss.lock().router.table().nearest(&Address::from_bytes(ask.address), 2 * MAX_NEAR);
        let others = near.iter().map(|place| place.id).filter(|id| *id != peer);
        let urls = others.filter_map(|id| told(&node.channel(&id)?));
        Near { nodes: urls.take(MAX_NEAR).collect() }
    }

    #[stop]
    async fn unlink(&self, pss: Pss, peer: NodeId) {
        pss.unlink(&peer, self.number.load(Ordering::Relaxed));
    }
}

/// Where others reach the peer: where this node did, or where it says it listens, if it comes from there.
fn told(channel: &Channel) -> Option<NodeUrl> {
    let peer = channel.peer_id();
    if let Some(url) = channel.url() {
        return Some(url.with_id(peer));
    }
    let (info, seen) = (channel.info(), channel.remote().ip());
    let own = |url: &NodeUrl| url.id().is_none_or(|id| id == peer) && url.ip() == seen;
    info.listen.iter().find(|url| own(url)).map(|url| url.with_id(peer))
}

impl Pss {
    /// A peer messages can be passed to, from now on: the link's number, and what tells when something waits.
    fn link(&self, peer: NodeId) -> (u64, Arc<event_listener::Event>) {
        let state = &mut *self.lock();
        state.router.table_mut().add(peer);
        let link = state.links.add(peer, self.0.clock.now());
        self.0.changed.notify(usize::MAX);
        link
    }

    /// The peer is gone, unless it has another link by now; what waited for it goes to the next best.
    fn unlink(&self, peer: &NodeId, number: u64) {
        let waited = {
            let state = &mut *self.lock();
            let waited = state.links.remove(peer, number);
            if waited.is_some() {
                state.router.table_mut().remove(peer);
                state.dialled.remove(peer);
            }
            waited
        };
        if let Some(waited) = waited {
            self.pass_elsewhere(waited.into_waiting());
            self.0.changed.notify(usize::MAX);
        }
    }

    /// Waits until peers have come or gone, or for `at_most`; not less than `at_least`.
    pub(crate) async fn change(&self, at_least: Duration, at_most: Duration) {
        let changed = self.0.changed.listen();
        self.0.clock.sleep(at_least).await;
        select(pin!(changed), pin!(self.0.clock.sleep(at_most.saturating_sub(at_least)))).await;
    }
}
