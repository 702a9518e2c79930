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
}

impl Table {
    /// A table without peers.
    pub fn new(own: Address) -> Self {
        Self { own, bins: BTreeMap::new() }
    }

    /// The address of this node.
    pub fn own(&self) -> &Address {
        &self.own
    }

    /// Adds a peer; whether it is there now. One that finds its bin full is not: those that have been there for longer are
    /// likelier to stay.
    pub fn add(&mut self, id: NodeId) -> bool {
        let place = Place::of(id);
        if place.address == self.own {
            return false;
        }
        let bin = self.bins.entry(self.own.proximity(&place.address)).or_default();
        if bin.contains(&place) {
            return true;
        }
        let room = bin.len() < BIN_CAPACITY;
        if room {
            bin.push(place);
        }
        room
    }

    /// Removes a peer; whether it was there.
    pub fn remove(&mut self, id: &NodeId) -> bool {
        let number = self.own.proximity(&Address::of(id));
        let Some(bin) = self.bins.get_mut(&number) else { return false };
        let before = bin.len();
        bin.retain(|place| place.id != *id);
        let (after, removed) = (bin.len(), bin.len() < before);
        if after == 0 {
            self.bins.remove(&number);
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
        let mut nearer: Vec<_> = self.peers().copied().filter(|place| key(&place.address) < own).collect();
        nearer.sort_by_key(|place| (key(&place.address), destination.distance(&place.address)));
        nearer
    }

    /// All peers, the nearest to a destination first.
    pub fn beside(&self, destination: &Prefix) -> Vec<Place> {
        let mut places: Vec<_> = self.peers().copied().collect();
        places.sort_by_key(|place| destination.distance(&place.address));
        places
    }

    /// The peers that a destination matches.
    pub fn matching(&self, destination: &Prefix) -> Vec<Place> {
        self.peers().copied().filter(|place| destination.matches(&place.address)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u32) -> NodeId {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&number.to_be_bytes());
        NodeId::from_bytes(key)
    }

    fn full(count: u32) -> Table {
        let mut table = Table::new(Address::of(&node(0)));
        for number in 1..count {
            table.add(node(number));
        }
        table
    }

    #[test]
    fn bins_are_bounded_and_keep_those_that_were_there_first() {
        let table = full(1_000);
        assert!((0..256).all(|bin| table.in_bin(bin) <= BIN_CAPACITY));
        assert_eq!(table.in_bin(0), BIN_CAPACITY);
        let first = (1..1_000).map(node).filter(|id| table.own.proximity(&Address::of(id)) == 0);
        let kept: Vec<_> = table.peers().filter(|place| table.own.proximity(&place.address) == 0).collect();
        assert!(first.take(BIN_CAPACITY).all(|id| kept.iter().any(|place| place.id == id)));
    }

    #[test]
    fn a_node_is_in_its_table_once_and_never_itself() {
        let mut table = full(2);
        assert!(table.add(node(1)));
        assert!(!table.add(node(0)), "this is the node itself");
        assert_eq!(table.len(), 1);
        assert!(table.remove(&node(1)) && !table.remove(&node(1)));
        assert!(table.is_empty());
    }

    #[test]
    fn the_depth_is_where_the_nearest_begin() {
        assert_eq!(full(5).depth(), 0);
        let table = full(1_000);
        let depth = table.depth();
        let behind = |bin| (bin..256).map(|bin| table.in_bin(bin)).sum::<usize>();
        assert!(behind(depth) >= NEIGHBOURS && behind(depth + 1) < NEIGHBOURS);
    }

    #[test]
    fn towards_a_destination_leads_only_nearer() {
        let table = full(1_000);
        for number in 1_000..1_100 {
            let there = Address::of(&node(number));
            let next = table.towards(&Prefix::full(&there));
            let steps: Vec<_> = next.iter().map(|place| there.distance(&place.address)).collect();
            assert!(steps.is_sorted() && steps.iter().all(|step| *step < there.distance(table.own())));
            let next = table.towards(&Prefix::of(&there, 1));
            let own = Prefix::of(&there, 1).proximity(table.own());
            assert!(next.iter().all(|place| Prefix::of(&there, 1).proximity(&place.address) > own));
        }
        assert!(table.towards(&Prefix::EMPTY).is_empty(), "nobody is nearer to everybody");
        assert_eq!(table.matching(&Prefix::EMPTY).len(), table.len());
    }

    #[test]
    fn what_is_spare_is_never_what_is_wanted() {
        let mut table = full(1_000);
        let mut without_room = (1..1_000).map(node).filter(|id| !table.peers().any(|place| place.id == *id));
        let first = without_room.next().unwrap();
        assert_eq!(table.spare([first, node(1), node(2)]), Some(first));
        let before = table.nearest(&table.own, NEIGHBOURS);
        while let Some(id) = table.spare(table.peers().map(|place| place.id).collect::<Vec<_>>()) {
            assert!(table.remove(&id));
        }
        assert_eq!(table.nearest(&table.own, NEIGHBOURS), before);
        assert!((0..table.depth()).all(|bin| table.in_bin(bin) == BIN_WANTED));
    }

    #[test]
    fn what_is_wanted_makes_the_table_complete() {
        let mut table = Table::new(Address::of(&node(0)));
        let all: Vec<_> = (0..1_000).map(node).collect();
        let connected = |table: &Table, id: &NodeId| table.peers().any(|place| place.id == *id);
        loop {
            let others = all.iter().filter(|id| !connected(&table, id)).map(|id| Place::of(*id)).collect::<Vec<_>>();
            let Some(first) = table.wanted(others).into_iter().next() else { break };
            assert!(table.add(first), "what is wanted has room");
        }
        let mut nearest: Vec<_> = all[1..].iter().copied().map(Place::of).collect();
        nearest.sort_by_key(|place| table.own.distance(&place.address));
        assert!(nearest[..NEIGHBOURS].iter().all(|place| connected(&table, &place.id)));
        assert!((0..table.depth()).all(|bin| table.in_bin(bin) >= BIN_WANTED));
        assert!(table.len() < 60, "{} peers for 1,000 nodes", table.len());
        assert_eq!(table.lookups(&Address::from_bytes([5; 32])), [table.own], "only who comes next to it");
    }
}
