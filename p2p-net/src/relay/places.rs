//! Connections that others opened and whose handshake runs: as many as there are places.
//!
//! What takes a place is one small datagram of an id that costs nothing. So nobody is kept out by those that said it and no
//! more: when all places are taken, whoever has had one for longest loses it. An honest handshake takes a few round trips.

use std::collections::BTreeMap;

use super::station::Key;

/// Handshakes of one node that may run at once: one, and one that replaces it.
const OF_ONE: usize = 2;

/// The places, and who has them since when.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: BTreeMap<Key, u64>,
    next: u64,
}

/// A place was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// What gives it back.
    pub(super) number: u64,
    /// Whose it was.
    pub(super) from: Option<Key>,
}

impl Places {
    /// Takes one of `most` places, if the node has not as many as it may have.
    pub(super) fn take(&mut self, key: Key, most: usize) -> Option<Taken> {
        if most == 0 || self.taken.range((key.0, 0)..=(key.0, u64::MAX)).count() >= OF_ONE {
            return None;
        }
        let oldest = self.taken.iter().min_by_key(|(_, number)| **number).map(|(key, _)| *key);
        let from = oldest.filter(|_| self.taken.len() >= most);
        if let Some(from) = &from {
            self.taken.remove(from);
        }
        self.next += 1;
        self.taken.insert(key, self.next);
        Some(Taken { number: self.next, from })
    }

    /// Gives a place back, unless it is another's by now.
    pub(super) fn give_back(&mut self, key: &Key, number: u64) {
        if self.taken.get(key) == Some(&number) {
            self.taken.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::NodeId;

    fn key(node: u8, number: u64) -> Key {
        (NodeId::from_bytes([node; 32]), number)
    }

    #[test]
    fn a_node_has_two_places_and_the_oldest_of_all_makes_room() {
        let mut places = Places::default();
        let first = places.take(key(1, 7), 3).unwrap();
        assert_eq!(first.from, None);
        assert!(places.take(key(1, 8), 3).is_some() && places.take(key(1, 9), 3).is_none());
        assert_eq!(places.take(key(2, 1), 3).unwrap().from, None);
        assert_eq!(places.take(key(3, 1), 3).unwrap().from, Some(key(1, 7)));
        let again = places.take(key(1, 7), 3).unwrap();
        assert_eq!(again.from, Some(key(1, 8)));
        places.give_back(&key(1, 7), first.number);
        assert_eq!(places.taken.len(), 3, "the place is the new one's");
        places.give_back(&key(1, 7), again.number);
        assert_eq!(places.taken.len(), 2);
        assert!(places.take(key(4, 1), 0).is_none(), "there are none");
    }
}
