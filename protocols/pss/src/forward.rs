//! Where a message goes next: nearer to its destination, in a few copies; among those it may be for, to all of them.
//!
//! Pure: the table, what was seen, and the time are all it looks at. No node passes a message on twice, so that it cannot go
//! in circles, and its hops are bounded whatever anybody forgets.
//!
//! Where nobody is nearer it goes sideways, to the nearest of those that are not: nodes that cannot be dialled are not
//! connected with each other, however near they are, but both with a node that can.

use p2p_net::NodeId;

use crate::cache::{MAX_SEEN, Noted, Seen};
use crate::dark::Dark;
use crate::envelope::{EnvelopeId, Header, Untimely};
use crate::table::{Place, Table};

/// In how many copies a message leaves a node while it is under way.
///
/// Each of the sender's takes a way of its own. Measured with `what_copies_are_worth` of `tests/overlay.rs`, 1,000 nodes,
/// 2.7 hops: of messages over links that lose 2 of 100, while a node comes and one goes each second, and of messages in a
/// network where a fifth of the nodes pass nothing on, arrive, with so many copies in the whole network:
///
/// | sender, relay | links lose | copies | nodes drop | copies |
/// |---|---|---|---|---|
/// | 1, 1 | 95.26% | 2.7 | 70.59% | 2.3 |
/// | 2, 1 | 99.47% | 5.6 | 85.88% | 4.6 |
/// | 3, 1 | 99.94% | 8.5 | 94.74% | 7.1 |
/// | 4, 1 | 99.94% | 11.5 | 97.70% | 9.6 |
/// | 2, 2 | 100% | 15.8 | 95.25% | 11.0 |
/// | 3, 2 | 100% | 23.8 | 98.80% | 16.8 |
/// | 4, 2 | 100% | 31.6 | 99.65% | 23.1 |
///
/// In a network so large that there are more hops, a second copy at each relay is worth more than it is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copies {
    /// By its sender; default 4.
    pub sender: usize,
    /// By each node that passes it on; default 1.
    pub relay: usize,
}

impl Default for Copies {
    fn default() -> Self {
        Self { sender: 4, relay: 1 }
    }
}

/// To how many peers a message goes where none is nearer: half a neighbourhood.
pub const SIDEWAYS: usize = 4;

/// What is to be done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// It may be for this node, which tries to open it.
    pub mine: bool,
    /// Who may take it next, the best first: as many as [`copies`](Self::copies) of those that can.
    pub next: Vec<NodeId>,
    /// In how many copies it goes on.
    pub copies: usize,
    /// It would go to all that it may be for, and the peer it came from brought too many of that kind.
    pub too_many: bool,
}

/// A message that goes no further, and was not for this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It came before.
    #[error("the message was here before")]
    Seen,
    /// It is too late, or too early.
    #[error(transparent)]
    Untimely(#[from] Untimely),
}

/// Decides where messages go.
#[derive(Debug)]
pub struct Router {
    table: Table,
    seen: Seen,
    copies: Copies,
    dark: Dark,
}

impl Router {
    /// The router of the node with this table.
    pub fn new(table: Table, copies: Copies) -> Self {
        Self { table, seen: Seen::new(MAX_SEEN), copies, dark: Dark::default() }
    }

    /// The peers.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The peers, to be changed.
    pub fn table_mut(&mut self) -> &mut Table {
        &mut self.table
    }

    /// How many messages are remembered.
    pub fn seen(&self) -> usize {
        self.seen.len()
    }

    /// The way of a message that this node sends, at the time `now` in seconds since 1970.
    pub fn send(&mut self, id: EnvelopeId, header: &Header, now: u64) -> Route {
        self.seen.note(id, header.expiry, now);
        let mut route = self.route(header, None, self.copies.sender);
        route.mine = false;
        route
    }

    /// The way of a message that `from` passed on, with `hops` to go, at the time `now` in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Refused`] when there is nothing to be done with it.
    pub fn receive(
        &mut self,
        id: EnvelopeId,
        header: &Header,
        hops: u8,
        from: &NodeId,
        now: u64,
    ) -> Result<Route, Refused> {
        header.check_time(now)?;
        if self.seen.note(id, header.expiry, now) == Noted::Known {
            return Err(Refused::Seen);
        }
        let mut route = self.route(header, Some(from), self.copies.relay);
        if hops == 0 {
            route.next.clear();
        } else if route.mine && !route.next.is_empty() && !self.dark.allows(from, now) {
            route.next.clear();
            route.too_many = true;
        }
        Ok(route)
    }

    /// The way of a message that waited for a peer that is gone: to the next best. In a neighbourhood that it floods, the others
    /// have it already.
    pub fn again(&self, header: &Header, from: Option<&NodeId>) -> Route {
        let mut route = self.route(header, from, self.copies.relay);
        if route.mine {
            route.next.clear();
        }
        route
    }

    fn route(&self, header: &Header, from: Option<&NodeId>, copies: usize) -> Route {
        let destination = &header.destination;
        let mine = destination.matches(self.table.own());
        if mine && destination.is_full() {
            return Route { mine, next: Vec::new(), copies: 0, too_many: false };
        }
        let (places, copies) = if mine {
            (self.table.matching(destination), usize::MAX)
        } else {
            (self.table.towards(destination), copies)
        };
        let others = |places: Vec<Place>| {
            let ids = places.into_iter().map(|place| place.id);
            ids.filter(|id| Some(id) != from).collect::<Vec<_>>()
        };
        let next = others(places);
        if next.is_empty() {
            return Route { mine, next: others(self.table.beside(destination)), copies: SIDEWAYS, too_many: false };
        }
        Route { mine, next, copies, too_many: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{Address, Prefix};
    use crate::dark::DARK_BURST;
    use crate::topic::Topic;

    fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    fn router(peers: std::ops::Range<u8>) -> Router {
        let mut table = Table::new(Address::of(&node(0)));
        for number in peers {
            table.add(node(number));
        }
        Router::new(table, Copies::default())
    }

    fn to(destination: Prefix) -> Header {
        Header { sealed: true, destination, topic: Topic::of("bar"), expiry: 100, nonce: [0; 16] }
    }

    #[test]
    fn a_message_to_this_node_stops_here() {
        let mut router = router(1..50);
        let header = to(Prefix::full(&Address::of(&node(0))));
        let route = router.receive(header.id(b"x"), &header, 9, &node(1), 0).unwrap();
        assert_eq!(route, Route { mine: true, next: vec![], copies: 0, too_many: false });
    }

    #[test]
    fn a_message_to_a_peer_goes_there_first() {
        let mut router = router(1..50);
        for number in 1..50 {
            let header = to(Prefix::full(&Address::of(&node(number))));
            let route = router.receive(header.id(b"x"), &header, 9, &node(60), 0).unwrap();
            assert_eq!((route.mine, route.copies), (false, Copies::default().relay));
            if router.table().peers().any(|place| place.id == node(number)) {
                assert_eq!(route.next.first(), Some(&node(number)));
            }
        }
    }

    #[test]
    fn a_message_to_everybody_is_tried_and_goes_to_all_but_whence_it_came() {
        let mut router = router(1..8);
        let header = to(Prefix::EMPTY);
        let route = router.receive(header.id(b"x"), &header, 9, &node(3), 0).unwrap();
        assert!(route.mine && route.copies >= 6);
        let mut next = route.next.clone();
        next.sort();
        assert_eq!(next, [1, 2, 4, 5, 6, 7].map(node));
        assert_eq!(router.receive(header.id(b"x"), &header, 9, &node(4), 0), Err(Refused::Seen));
    }

    #[test]
    fn a_peer_that_brings_many_messages_to_everybody_has_few_of_them_passed_on() {
        let mut router = router(1..8);
        let mut number = 0_u64;
        let mut passes = |destination, from| {
            number += 1;
            let header = Header { nonce: std::array::from_fn(|at| number.to_be_bytes()[at % 8]), ..to(destination) };
            let route = router.receive(header.id(b"x"), &header, 9, &node(from), 0).unwrap();
            assert_eq!(route.too_many, route.next.is_empty());
            assert!(route.mine || !route.too_many, "what is not for this node goes on");
            !route.too_many
        };
        assert_eq!((0..1_000).filter(|_| passes(Prefix::EMPTY, 1)).count(), DARK_BURST as usize);
        assert!(passes(Prefix::EMPTY, 2), "another's go on");
        let full = Prefix::full(&Address::of(&node(9)));
        assert!((0..1_000).all(|_| passes(full, 1)), "and so does what shows where it goes");
    }

    #[test]
    fn where_nobody_is_nearer_it_goes_sideways() {
        let own = Address::of(&node(0));
        let nearest = router(1..50).table().nearest(&own, 1)[0].address;
        // Next to this node, and farther from every peer.
        let there = own.in_bin(255, &nearest);
        let mut router = router(1..50);
        let header = to(Prefix::full(&there));
        let route = router.receive(header.id(b"x"), &header, 9, &node(60), 0).unwrap();
        let beside: Vec<_> = router.table().nearest(&there, SIDEWAYS).into_iter().map(|place| place.id).collect();
        assert_eq!((route.mine, route.copies, &route.next[..SIDEWAYS]), (false, SIDEWAYS, &beside[..]));
    }

    #[test]
    fn what_this_node_sent_is_not_passed_on_when_it_comes_back() {
        let mut router = router(1..8);
        let header = to(Prefix::EMPTY);
        let route = router.send(header.id(b"x"), &header, 0);
        assert!(!route.mine && route.next.len() == 7);
        assert_eq!(router.receive(header.id(b"x"), &header, 9, &node(4), 0), Err(Refused::Seen));
    }

    #[test]
    fn without_hops_it_goes_no_further_and_without_time_nowhere() {
        let mut router = router(1..8);
        let header = to(Prefix::EMPTY);
        let late = router.receive(header.id(b"x"), &header, 9, &node(4), 100);
        assert_eq!(late, Err(Untimely::Expired { expiry: 100, now: 100 }.into()));
        let route = router.receive(header.id(b"x"), &header, 0, &node(4), 99).unwrap();
        assert!(route.mine && route.next.is_empty());
    }
}
