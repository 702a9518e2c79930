//! The peers of a node by how near they are: a Kademlia table over live connections. It does no I/O.
//!
//! A message is passed on to a peer that is nearer to its destination, so a node needs a peer in every bin in which there
//! are nodes at all. It keeps some in each of the far bins and all of those next to it; [`Table::wanted`] and
//! [`Table::lookups`] say what is missing. Source: Kademlia (Maymounkov and Mazières, 2002); the depth is Swarm's.

use std::collections::BTreeMap;

use p2p_net::NodeId;

use crate::address::{Address, Prefix};

/// Peers in one bin, at most: twice what a node asks for, since others choose it too.
pub const BIN_CAPACITY: usize = 16;

/// Peers that a node looks for in each bin before its depth. With one a message takes half a hop for every bit; every
/// further one is another way around a peer that is gone or that drops what it should pass on.
pub const BIN_WANTED: usize = 4;

/// The nearest nodes: a node is connected with all of them, so that whoever comes near an address reaches it.
pub const NEIGHBOURS: usize = 8;

/// A peer and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Who.
    pub id: NodeId,
    /// Where.
    pub address: Address,
}

impl Place {
    /// The place of a node.
    pub fn of(id: NodeId) -> Self {
        Self { id, address: Address::of(&id) }
    }
}

/// The connected peers of the node at `own`, by proximity.
#[derive(Debug)]
pub struct Table {
    own: Address,
    bins: BTreeMap<u32, Vec<Place>>,
    /// Connected, and without room in their bins, in the order in which they came.
    waiting: BTreeMap<u32, Vec<Place>>,
}

impl Table {
    /// A table without peers.
    pub fn new(own: Address) -> Self {
        Self { own, bins: BTreeMap::new(), waiting: BTreeMap::new() }
    }

    /// The address of this node.
    pub fn own(&self) -> &Address {
        &self.own
    }

    /// Adds a peer; whether it is there now. One that finds its bin full waits, for those that have been there for longer are
    /// likelier to stay. Nothing is passed on by way of one that waits; it gets what is for itself.
    pub fn add(&mut self, id: NodeId) -> bool {
        let place = Place::of(id);
        if place.address == self.own {
            return false;
        }
        let number = self.own.proximity(&place.address);
        let bin = self.bins.entry(number).or_default();
        if bin.contains(&place) {
            return true;
        }
        if bin.len() < BIN_CAPACITY {
            bin.push(place);
            return true;
        }
        let waiting = self.waiting.entry(number).or_default();
        if !waiting.contains(&place) {
            waiting.push(place);
        }
        false
    }

    /// Removes a peer; whether it was there. The first that waits for its place takes it.
    pub fn remove(&mut self, id: &NodeId) -> bool {
        let number = self.own.proximity(&Address::of(id));
        let removed = take(&mut self.bins, number, |place| place.id == *id).is_some();
        if !removed {
            take(&mut self.waiting, number, |place| place.id == *id);
        } else if let Some(next) = take(&mut self.waiting, number, |_| true) {
            self.bins.entry(number).or_default().push(next);
        }
        removed
    }

    /// How many peers there are.
    pub fn len(&self) -> usize {
        self.bins.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bins.is_empty()
    }

    /// All peers, the farthest first.
    pub fn peers(&self) -> impl Iterator<Item = &Place> {
        self.bins.values().flatten()
    }

    /// How many peers there are in a bin.
    pub fn in_bin(&self, bin: u32) -> usize {
        self.bins.get(&bin).map_or(0, Vec::len)
    }

    /// The first bin of the neighbourhood: with those behind it, it holds the [`NEIGHBOURS`] nearest peers; 0 while there
    /// are fewer.
    pub fn depth(&self) -> u32 {
        let mut nearest = 0;
        for (bin, places) in self.bins.iter().rev() {
            nearest += places.len();
            if nearest >= NEIGHBOURS {
                return *bin;
            }
        }
        0
    }

    /// The peers nearest to an address, the nearest first.
    pub fn nearest(&self, to: &Address, most: usize) -> Vec<Place> {
        let mut places: Vec<_> = self.peers().copied().collect();
        places.sort_by_key(|place| to.distance(&place.address));
        places.truncate(most);
        places
    }

    /// The peers that are nearer to a destination than this node, the nearest first.
    pub fn towards(&self, destination: &Prefix) -> Vec<Place> {
        let key = |address: &Address| {
            // Among those that have as much of a partial prefix, any will do.
            let missing = 256 - destination.proximity(address);
            let distance = destination.is_full().then(|| destination.distance(address));
            (missing, distance)
        };
        let own = key(&self.own);
        let there = |place: &&Place| destination.is_full() && destination.matches(&place.address);
        let waiting = self.waiting.values().flatten().filter(there);
        let nearer = self.peers().filter(|place| key(&place.address) < own).chain(waiting);
        let mut nearer: Vec<_> = nearer.copied().collect();
        nearer.sort_by_key(|place| (key(&place.address), destination.distance(&place.address)));
        nearer
    }

    /// All peers, the nearest to a destination first.
    pub fn beside(&self, destination: &Prefix) -> Vec<Place> {
        let mut places: Vec<_> = self.peers().copied().collect();
        places.sort_by_key(|place| destination.distance(&place.address));
        places
    }

    /// The peers that a destination matches, those that wait for a place included.
    pub fn matching(&self, destination: &Prefix) -> Vec<Place> {
        let all = self.peers().chain(self.waiting.values().flatten());
        all.copied().filter(|place| destination.matches(&place.address)).collect()
    }

    /// Which of the nodes that are known should be connected, the most important first: those next to this node, then
    /// those that bins lack. `known` are not connected.
    pub fn wanted(&self, known: impl IntoIterator<Item = Place>) -> Vec<NodeId> {
        let mut known: Vec<_> = known.into_iter().filter(|place| place.address != self.own).collect();
        known.sort_by_key(|place| self.own.distance(&place.address));
        let nearest = self.nearest(&self.own, NEIGHBOURS);
        let last = nearest.get(NEIGHBOURS - 1).map(|place| self.own.distance(&place.address));
        let (mut wanted, mut lacking) = (Vec::new(), BTreeMap::new());
        let depth = self.depth();
        for place in known {
            if last.is_none_or(|last| self.own.distance(&place.address) < last) {
                wanted.push(place.id);
                continue;
            }
            let bin = self.own.proximity(&place.address);
            let lacks = lacking.entry(bin).or_insert_with(|| BIN_WANTED.saturating_sub(self.in_bin(bin)));
            if bin < depth && *lacks > 0 {
                *lacks -= 1;
                wanted.push(place.id);
            }
        }
        wanted
    }

    /// Which of `ours`, peers that this node dialled, it misses least, if it can do without any: one that found no room here, or one
    /// of the fullest bin before the depth. Every node is dialled by about as many as it dials, so that it would fill up
    /// and refuse those that come next to it.
    pub fn spare(&self, ours: impl IntoIterator<Item = NodeId>) -> Option<NodeId> {
        let depth = self.depth();
        let fullness = |place: &Place| {
            let bin = self.own.proximity(&place.address);
            let there = self.bins.get(&bin).is_some_and(|bin| bin.contains(place));
            let spare = !there || (bin < depth && self.in_bin(bin) > BIN_WANTED);
            spare.then(|| if there { self.in_bin(bin) } else { usize::MAX })
        };
        let all = ours.into_iter().map(Place::of);
        all.filter_map(|place| Some((fullness(&place)?, place.id))).max().map(|(_, id)| id)
    }

    /// Addresses to ask peers about, so that what is missing becomes known: this node's own, and one in each bin before the
    /// depth that lacks peers. `chance` is a random address.
    pub fn lookups(&self, chance: &Address) -> Vec<Address> {
        let lacking = (0..self.depth()).filter(|bin| self.in_bin(*bin) < BIN_WANTED);
        std::iter::once(self.own).chain(lacking.map(|bin| self.own.in_bin(bin, chance))).collect()
    }
}

/// Takes the first place out of a bin that `is` says it is.
fn take(bins: &mut BTreeMap<u32, Vec<Place>>, number: u32, is: impl Fn(&Place) -> bool) -> Option<Place> {
    let bin = bins.get_mut(&number)?;
    let at = bin.iter().position(is)?;
    let taken = bin.remove(at);
    if bin.is_empty() {
        bins.remove(&number);
    }
    Some(taken)
}

#[cfg(test)]
mod tests;
