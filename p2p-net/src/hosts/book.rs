//! The address book, pure: no clock, no lock, no file; time and randomness are passed in.
//!
//! A place (scheme, host, port) is first *heard* of and becomes *reached* when this node connected to it and a key was
//! proven there. The id in an address that was only told is not kept: it proves nothing, and a wrong one would keep us
//! away from an honest place. An attacker who floods the book gains little: one source and one network fill a bounded
//! share, and what was heard never displaces what was reached.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;

use super::entry::{Entry, Failing, Source, State};
use super::network::Network;
use super::time::UnixTime;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::settings::Settings;

/// One source may fill this part of the book with addresses nobody reached yet.
pub const SOURCE_SHARE: usize = 8;
/// One network may fill this part of the book.
pub const NETWORK_SHARE: usize = 16;
/// A place reached longer ago than this is worth checking again.
pub const STALE_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// Most addresses of our own that are remembered, so that others cannot make us remember more.
const MAX_OWN: usize = 64;

/// Why an address was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    /// An address of a machine or a private network, told from outside it.
    #[error("it is an address of a place the peer is not in")]
    OutOfReach,
    /// It is an address of this node.
    #[error("it is this node's own address")]
    Own,
    /// Its scheme is not among `transports`.
    #[error("its scheme is not allowed by the settings")]
    Scheme,
    /// It has no port, or an IP address that nobody can have.
    #[error("nobody can be reached there")]
    Unusable,
    /// It, or its node, is banned.
    #[error("it is banned")]
    Banned,
    /// The source tells addresses faster than `addresses_per_peer`.
    #[error("its source tells too many addresses in a short time")]
    Rate,
    /// The source's [share](SOURCE_SHARE) is used up.
    #[error("its source told as many addresses as one may")]
    SourceShare,
    /// The network's [share](NETWORK_SHARE) is used up.
    #[error("its network has as many addresses as one may")]
    NetworkShare,
    /// The book is full of better ones.
    #[error("the address book is full")]
    Full,
}

/// What became of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is in the book now.
    New,
    /// It was there before.
    Known,
}

/// What a failure led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It will be tried again.
    Retry(Failing),
    /// It is out of the book.
    Forgotten,
    /// It was not in the book.
    Unknown,
}

/// How many places are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Places nobody reached yet.
    pub heard: usize,
    /// Places this node reached.
    pub reached: usize,
    /// Of both, those whose last attempt failed.
    pub failing: usize,
    /// Nodes connected now, whether their address is in the book or not.
    pub connected: usize,
}

/// Tells what must not be picked or told, by the place and the id proven there.
pub type Excluded<'a> = dyn Fn(&NodeUrl, Option<NodeId>) -> bool + 'a;

/// The address book.
#[derive(Debug)]
pub struct Book {
    size: usize,
    retry_min: Duration,
    retry_max: Duration,
    loopback_exempt: bool,
    schemes: BTreeSet<String>,
    own_id: NodeId,
    own: BTreeSet<NodeUrl>,
    entries: BTreeMap<NodeUrl, Entry>,
    /// Places heard, by source.
    per_source: BTreeMap<Source, usize>,
    per_network: BTreeMap<Network, usize>,
    /// Live channels of each node.
    connected: BTreeMap<NodeId, usize>,
    last_reached: Option<UnixTime>,
}

/// Which of the places in the book may go for a newcomer.
#[derive(Clone, Copy)]
enum Victims {
    /// Places heard that fail.
    FailingHeard,
    /// Places heard.
    Heard,
    /// Places heard, and those reached that fail.
    HeardOrFailing,
}

impl Victims {
    fn include(self, entry: &Entry) -> bool {
        match self {
            Self::FailingHeard => !entry.is_reached() && entry.failing.is_some(),
            Self::Heard => !entry.is_reached(),
            Self::HeardOrFailing => !entry.is_reached() || entry.failing.is_some(),
        }
    }
}

impl Book {
    /// An empty book of the node `own_id`.
    pub fn new(settings: &Settings, own_id: NodeId) -> Self {
        Self {
            size: settings.limits.address_book_size,
            retry_min: settings.limits.reconnect_min,
            retry_max: settings.limits.reconnect_max,
            loopback_exempt: settings.limits.loopback_exempt,
            schemes: settings.transports.iter().cloned().collect(),
            own_id,
            own: BTreeSet::new(),
            entries: BTreeMap::new(),
            per_source: BTreeMap::new(),
            per_network: BTreeMap::new(),
            connected: BTreeMap::new(),
            last_reached: None,
        }
    }

    /// Remembers an address of this node: it is never stored, and forgotten if it was.
    pub fn add_own(&mut self, url: &NodeUrl) {
        let place = url.without_id();
        self.remove(&place);
        if self.own.len() < MAX_OWN {
            self.own.insert(place);
        }
    }

    /// Somebody told an address.
    ///
    /// # Errors
    ///
    /// Why it was not stored.
    pub fn hear(&mut self, url: &NodeUrl, from: Source, rng: &mut Rng) -> Result<Stored, NotStored> {
        let place = self.place(url)?;
        if self.entries.contains_key(&place) {
            return Ok(Stored::Known);
        }
        let network = Network::in_book(&place, self.loopback_exempt);
        if matches!(from, Source::Peer(_)) && self.per_source.get(&from).is_some_and(|n| *n >= self.share(SOURCE_SHARE))
        {
            let told_too = |entry: &Entry| entry.state == State::Heard { from };
            self.evict(rng, Victims::FailingHeard, told_too).ok_or(NotStored::SourceShare)?;
        }
        self.make_room(network.as_ref(), rng, Victims::FailingHeard, Victims::Heard)?;
        self.insert(place, Entry { state: State::Heard { from }, failing: None, network });
        Ok(Stored::New)
    }

    /// This node connected to an address, and `id` was proven there.
    ///
    /// # Errors
    ///
    /// Why it was not stored.
    pub fn reached(&mut self, url: &NodeUrl, id: NodeId, now: UnixTime, rng: &mut Rng) -> Result<Stored, NotStored> {
        self.last_reached = self.last_reached.max(Some(now));
        let place = self.place(&url.with_id(id))?;
        let known = self.remove(&place);
        let network = Network::in_book(&place, self.loopback_exempt);
        if known.is_none() {
            self.make_room(network.as_ref(), rng, Victims::HeardOrFailing, Victims::HeardOrFailing)?;
        }
        self.insert(place, Entry { state: State::Reached { id, at: now }, failing: None, network });
        Ok(if known.is_some() { Stored::Known } else { Stored::New })
    }

    /// An attempt at an address failed.
    pub fn failed(&mut self, url: &NodeUrl, now: UnixTime) -> Failed {
        let place = url.without_id();
        let Some(entry) = self.entries.get_mut(&place) else { return Failed::Unknown };
        let failing = entry.fail(now, self.retry_min, self.retry_max);
        if entry.is_hopeless(now, self.last_reached) {
            self.remove(&place);
            return Failed::Forgotten;
        }
        Failed::Retry(failing)
    }

    /// A channel to a node opened: its places are not picked while one is.
    pub fn connected(&mut self, id: NodeId) {
        *self.connected.entry(id).or_default() += 1;
    }

    /// A channel to a node closed.
    pub fn disconnected(&mut self, id: &NodeId) {
        count_down(&mut self.connected, id);
    }

    /// A place for an outbound slot, with the id that must be proven there if one was before; nothing `excluded`.
    ///
    /// Prefers what was reached to what was heard, then a network no peer is in yet; at random among equals. What was
    /// reached once and fails now has no such right: it takes turns with what was heard, by the toss of a coin, so that
    /// neither many dead friends nor a flood of rumours keeps the slots from the other.
    pub fn pick(&self, now: UnixTime, rng: &mut Rng, excluded: &Excluded<'_>) -> Option<NodeUrl> {
        let with_peers = self.entries.values().filter(|entry| self.is_connected(entry));
        let taken: BTreeSet<&Network> = with_peers.filter_map(|entry| entry.network.as_ref()).collect();
        let free = self.free(now).filter(|(place, entry)| !excluded(place, entry.id()));
        let heard_first = rng.bool();
        best(free, rng, |entry| {
            let turn = match (entry.is_reached(), entry.failing.is_some()) {
                (true, false) => 2,
                (reached, _) => u8::from(reached != heard_first),
            };
            (turn, !entry.network.as_ref().is_some_and(|n| taken.contains(n)))
        })
    }

    /// A place worth a visit only to see who is there: heard and reached by nobody yet, or not reached for a day.
    pub fn pick_to_verify(&self, now: UnixTime, rng: &mut Rng, excluded: &Excluded<'_>) -> Option<NodeUrl> {
        let stale = |entry: &Entry| match entry.state {
            State::Heard { .. } => true,
            State::Reached { at, .. } => now.since(at) >= STALE_AFTER,
        };
        let free = self.free(now).filter(|(place, entry)| stale(entry) && !excluded(place, entry.id()));
        best(free, rng, |_| ())
    }

    /// Up to `n` addresses to tell others, with their ids, shuffled: only those this node reached, that do not fail
    /// and are not `excluded`.
    pub fn known_good(&self, n: usize, rng: &mut Rng, excluded: &Excluded<'_>) -> Vec<NodeUrl> {
        let good = self
            .entries
            .iter()
            .filter(|(place, entry)| entry.is_reached() && entry.failing.is_none() && !excluded(place, entry.id()));
        let mut chosen = rng.choose_multiple(good, n);
        rng.shuffle(&mut chosen);
        chosen.into_iter().map(|(place, entry)| entry.url(place)).collect()
    }

    /// When the next place that is waiting after a failure may be tried.
    pub fn next_retry(&self, now: UnixTime) -> Option<UnixTime> {
        let waiting = self.entries.values().filter(|entry| !self.is_connected(entry));
        waiting.filter_map(|entry| entry.failing).map(|failing| failing.retry_at).filter(|at| *at > now).min()
    }

    /// Removes an address; whether it was there.
    pub fn forget(&mut self, url: &NodeUrl) -> bool {
        self.remove(&url.without_id()).is_some()
    }

    /// How many places are in which state.
    pub fn counts(&self) -> Counts {
        let reached = self.entries.values().filter(|entry| entry.is_reached()).count();
        Counts {
            heard: self.entries.len() - reached,
            reached,
            failing: self.entries.values().filter(|entry| entry.failing.is_some()).count(),
            connected: self.connected.len(),
        }
    }

    /// Every place, in the order of their addresses.
    pub fn iter(&self) -> impl Iterator<Item = (&NodeUrl, &Entry)> {
        self.entries.iter()
    }

    /// Puts back an entry that was saved, under today's bounds.
    pub(super) fn restore(&mut self, url: &NodeUrl, state: State, failing: Option<Failing>, rng: &mut Rng) {
        let restored = match state {
            State::Heard { from } => self.hear(url, from, rng),
            State::Reached { id, at } => self.reached(url, id, at, rng),
        };
        if restored.is_ok()
            && let Some(entry) = self.entries.get_mut(&url.without_id())
        {
            entry.failing = failing;
        }
    }

    /// The key under which an address stands, if it may stand in the book at all.
    fn place(&self, url: &NodeUrl) -> Result<NodeUrl, NotStored> {
        let place = url.without_id();
        if url.id() == Some(self.own_id) || self.own.contains(&place) {
            return Err(NotStored::Own);
        }
        if !self.schemes.contains(url.scheme()) {
            return Err(NotStored::Scheme);
        }
        let nobody = |ip: std::net::IpAddr| ip.is_unspecified() || ip.is_multicast() || is_broadcast(ip);
        if url.port() == 0 || url.ip().is_some_and(nobody) {
            return Err(NotStored::Unusable);
        }
        Ok(place)
    }

    fn share(&self, part: usize) -> usize {
        (self.size / part).max(1)
    }

    fn is_connected(&self, entry: &Entry) -> bool {
        entry.id().is_some_and(|id| self.connected.contains_key(&id))
    }

    /// What may be dialled now.
    fn free(&self, now: UnixTime) -> impl Iterator<Item = (&NodeUrl, &Entry)> {
        let due = self.entries.iter().filter(move |(_, entry)| entry.is_due(now, self.retry_max));
        due.filter(|(_, entry)| !self.is_connected(entry))
    }

    /// Keeps the bounds by network and in total with one more.
    fn make_room(
        &mut self,
        network: Option<&Network>,
        rng: &mut Rng,
        from_network: Victims,
        from_all: Victims,
    ) -> Result<(), NotStored> {
        if let Some(network) = network
            && self.per_network.get(network).is_some_and(|n| *n >= self.share(NETWORK_SHARE))
        {
            let neighbour = |entry: &Entry| entry.network.as_ref() == Some(network);
            self.evict(rng, from_network, neighbour).ok_or(NotStored::NetworkShare)?;
        }
        if self.entries.len() >= self.size {
            self.evict(rng, from_all, |_| true).ok_or(NotStored::Full)?;
        }
        Ok(())
    }

    /// Removes one of the victims: one merely heard before one reached, the one failing most, at random among equals.
    fn evict(&mut self, rng: &mut Rng, victims: Victims, among: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let candidates = self.entries.iter().filter(|(_, entry)| victims.include(entry) && among(entry));
        let victim = best(candidates, rng, |entry| (!entry.is_reached(), entry.failing.map_or(0, |f| f.count)))?;
        self.remove(&victim.without_id())
    }

    fn insert(&mut self, place: NodeUrl, entry: Entry) {
        if let State::Heard { from } = entry.state {
            *self.per_source.entry(from).or_default() += 1;
        }
        if let Some(network) = &entry.network {
            *self.per_network.entry(network.clone()).or_default() += 1;
        }
        self.entries.insert(place, entry);
    }

    fn remove(&mut self, place: &NodeUrl) -> Option<Entry> {
        let entry = self.entries.remove(place)?;
        if let State::Heard { from } = &entry.state {
            count_down(&mut self.per_source, from);
        }
        if let Some(network) = &entry.network {
            count_down(&mut self.per_network, network);
        }
        Some(entry)
    }
}

fn is_broadcast(ip: std::net::IpAddr) -> bool {
    ip == std::net::Ipv4Addr::BROADCAST
}

/// Counts one less of `key`, and forgets it at zero.
pub(super) fn count_down<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// The address of the highest rank, at random among equals, in one pass.
fn best<'a, R: Ord>(
    entries: impl Iterator<Item = (&'a NodeUrl, &'a Entry)>,
    rng: &mut Rng,
    rank: impl Fn(&Entry) -> R,
) -> Option<NodeUrl> {
    let mut best: Option<(R, &NodeUrl, &Entry)> = None;
    let mut equals = 0;
    for (place, entry) in entries {
        let rank = rank(entry);
        match best.as_ref().map(|(highest, ..)| rank.cmp(highest)) {
            Some(std::cmp::Ordering::Less) => continue,
            Some(std::cmp::Ordering::Equal) => equals += 1,
            Some(std::cmp::Ordering::Greater) | None => equals = 1,
        }
        if rng.usize(..equals) == 0 {
            best = Some((rank, place, entry));
        }
    }
    best.map(|(_, place, entry)| entry.url(place))
}

#[cfg(test)]
mod tests;
