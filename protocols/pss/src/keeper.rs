//! The relay of the whole node: keeps the table full, and runs what replies.
//!
//! While something is missing it asks its peers every second for nodes near its own address and in the bins that lack some,
//! and dials what [`Table::wanted`](crate::table::Table::wanted) chooses; once nothing is, ever more seldom, until a peer is
//! gone.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use p2p_net::disconnect::DisconnectReason;
use p2p_net::hosts::book::NotStored;
use p2p_net::node_url::NodeUrl;
use p2p_net::prelude::*;

use crate::address::Address;
use crate::config::PssConfig;
use crate::link::{GetNear, MAX_NEAR, Near};
use crate::mailbox::Heard;
use crate::pss::Pss;
use crate::table::Place;

/// How soon the table is looked at again.
pub const LOOK_SOON: Duration = Duration::from_secs(2);

/// The latest that it is.
pub const LOOK_AT_LAST: Duration = Duration::from_secs(60);

/// Questions in one round.
pub const QUESTIONS: usize = 4;

/// Nodes that are dialled at once.
pub const DIALS: usize = 8;

/// Time for the answer to a question: a peer that does not answer costs a round, not the table.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long a peer must pass messages on until it counts as one that was reached. Who accepts every connection and soon ends
/// it is tried as seldom as who accepts none.
pub const LASTING: Duration = Duration::from_secs(60);

/// How full a node may be before it parts with peers it can do without, in percent of the setting `max_peers`: so there is
/// room for those that come next to it, and for those that dial it for other reasons.
pub const FULL_PERCENT: usize = 75;

/// Responders that run at once; the messages of others wait.
pub const RESPONDERS: usize = 64;

/// The relay of a node.
#[derive(Debug)]
pub struct PssNode {
    pss: Pss,
}

/// Keeps the relay's table full, and runs what replies.
#[protocol(name = "pss_node", scope = node, config = PssConfig)]
impl PssNode {
    async fn init(node: P2pPtr, config: Config<PssConfig>) -> Result<Self> {
        config.validate()?;
        Ok(Self { pss: Pss::new(&node, PssConfig::clone(&config)) })
    }

    #[job]
    async fn keep_full(&self, node: P2pPtr) {
        let mut pause = LOOK_SOON;
        loop {
            let news = self.pss.learn(&node).await;
            let dialled = self.pss.dial(&node).await;
            self.pss.part(&node);
            pause = if news || dialled { LOOK_SOON } else { (pause * 2).min(LOOK_AT_LAST) };
            self.pss.change(LOOK_SOON, pause).await;
        }
    }

    #[job]
    async fn reply(&self) {
        let Some(to_answer) = self.pss.take_answering() else { return };
        let replies = to_answer.for_each_concurrent(RESPONDERS, async |heard| {
            let Heard::Message((responder, message)) = heard else {
                return log::warn!(target: "net", "pss: more came than was replied to, and some of it was lost");
            };
            let made = AssertUnwindSafe(responder(message.clone())).catch_unwind().await;
            let sent = match made {
                Ok(Some(payload)) => self.pss.reply(&message, &payload).map(drop),
                Ok(None) => Ok(()),
                Err(_) => return log::error!(target: "net", "pss: what replies about {} panicked", message.topic),
            };
            if let Err(error) = sent {
                log::debug!(target: "net", "pss: no reply about {}: {error}", message.topic);
            }
        });
        replies.await;
    }

    #[stop]
    async fn close(&self) {
        self.pss.close();
    }
}

impl PssNode {
    /// The relay.
    pub fn pss(&self) -> &Pss {
        &self.pss
    }
}

impl Pss {
    /// Asks peers whom they know; whether anybody is new.
    async fn learn(&self, node: &P2pPtr) -> bool {
        let chance = Address::from_bytes(std::array::from_fn(|_| (node.random_unit() * 256.0) as u8));
        let questions: Vec<_> = {
            let state = self.lock();
            let table = state.router.table();
            // Those about the bins first that lack most; the own address always.
            let lookups = table.lookups(&chance).into_iter().take(QUESTIONS);
            let nearest = |address: &Address| {
                let peers = table.nearest(address, 3);
                peers.get((node.random_unit() * peers.len() as f64) as usize).map(|place| place.id)
            };
            lookups.filter_map(|address| Some((nearest(&address)?, address))).collect()
        };
        let asked = questions.into_iter().map(|(peer, address)| self.ask(node, peer, address));
        let answers = join_all(asked).await;
        let heard = node.hosts().known_good(MAX_NEAR);
        let state = &mut *self.lock();
        let new = answers.iter().flatten().chain(&heard).filter(|url| state.known.hear(url));
        new.count() > 0
    }

    /// Asks a peer whom it knows near an address; those it may tell of.
    async fn ask(&self, node: &P2pPtr, peer: NodeId, address: Address) -> Vec<NodeUrl> {
        let Some(channel) = node.channel(&peer).filter(Channel::supports::<GetNear>) else { return Vec::new() };
        let answer = channel.request(GetNear { address: *address.as_bytes() }).within(ANSWER_WITHIN).await;
        let Near { nodes } = match answer {
            Ok(near) => near,
            Err(error) => {
                log::debug!(target: "net", "pss: {} was asked in vain: {error}", peer.short());
                return Vec::new();
            }
        };
        let may_be_told = |url: &NodeUrl| match node.hosts().hear_from(url, peer, channel.remote().ip()) {
            // It is sound, and only the book has no room for it.
            Ok(_) | Err(NotStored::Full | NotStored::SourceShare | NotStored::NetworkShare | NotStored::Rate) => true,
            Err(error) => {
                log::debug!(target: "net", "pss: {url} is not dialled: {error}");
                false
            }
        };
        let unknown = |url: &NodeUrl| url.id().is_some_and(|id| self.lock().known.url(&id).is_none());
        nodes.into_iter().take(MAX_NEAR).filter(|url| unknown(url) && may_be_told(url)).collect()
    }

    /// Parts with peers it dialled and can do without, while the node is nearly full.
    fn part(&self, node: &P2pPtr) {
        let state = &mut *self.lock();
        state.dialled.retain(|id| node.channel(id).is_some());
        let most = node.settings().max_peers * FULL_PERCENT / 100;
        for _ in most..node.peer_count() {
            let Some(spare) = state.router.table().spare(state.dialled.iter().copied()) else { return };
            state.dialled.remove(&spare);
            state.router.table_mut().remove(&spare);
            if let Some(channel) = node.channel(&spare) {
                channel.close(DisconnectReason::Requested, "not needed any more");
            }
        }
    }

    /// Dials nodes that the table lacks; whether any was reached.
    async fn dial(&self, node: &P2pPtr) -> bool {
        let urls: Vec<_> = {
            let (state, now) = (&mut *self.lock(), self.0.clock.now());
            state.links.lasted(LASTING, now).for_each(|peer| state.known.reached(peer));
            // A relayed channel is over this relay itself, and carries nothing for it.
            let direct = |channel: Channel| channel.session() != SessionFlags::RELAYED;
            let unconnected = |place: &Place| !node.channel(&place.id).is_some_and(direct);
            let wanted = state.router.table().wanted(state.known.ready(now).filter(unconnected));
            let urls = wanted.into_iter().take(DIALS).filter_map(|id| Some((id, state.known.url(&id)?.clone())));
            let urls: Vec<_> = urls.collect();
            urls.iter().for_each(|(id, _)| state.known.failed(id, now));
            urls
        };
        let dials = urls.iter().map(async |(id, url)| {
            let reached = node.reach(url).await;
            if reached.is_ok() {
                self.lock().dialled.insert(*id);
            }
            if let Err(error) = &reached {
                log::debug!(target: "net", "pss: {error}");
            }
            reached.is_ok()
        });
        join_all(dials).await.contains(&true)
    }
}
