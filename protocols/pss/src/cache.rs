//! What was passed on: so that it is passed on once. Bounded by number and by time.

use std::collections::{BTreeMap, BTreeSet};

use crate::envelope::EnvelopeId;

/// Messages that a node remembers to have passed on: five minutes of one peer at its full rate, in about 4 MiB.
pub const MAX_SEEN: usize = 32 * 1024;

/// Messages by their names until they expire, the latest `capacity` of them.
///
/// When it is full, the one that came first is forgotten: copies of a message come within seconds of each other, however
/// late it expires, and a peer that sends what lives long must not push out what expires soon.
#[derive(Debug)]
pub struct Seen {
    capacity: usize,
    known: BTreeMap<EnvelopeId, Memory>,
    by_expiry: BTreeSet<(u64, EnvelopeId)>,
    by_arrival: BTreeMap<u64, EnvelopeId>,
    arrivals: u64,
}

#[derive(Debug)]
struct Memory {
    expiry: u64,
    arrival: u64,
}

/// What became of a message that was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It was seen before.
    Known,
    /// It was not.
    New,
}

impl Seen {
    /// Remembers at most `capacity` messages.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            known: BTreeMap::new(),
            by_expiry: BTreeSet::new(),
            by_arrival: BTreeMap::new(),
            arrivals: 0,
        }
    }

    /// Notes a message that expires at `expiry`; whether it is new.
    pub fn note(&mut self, id: EnvelopeId, expiry: u64, now: u64) -> Noted {
        while let Some((_, id)) = self.by_expiry.first().copied().filter(|(expiry, _)| *expiry <= now) {
            self.forget(&id);
        }
        if self.known.contains_key(&id) {
            return Noted::Known;
        }
        if self.known.len() >= self.capacity
            && let Some(first) = self.by_arrival.values().next().copied()
        {
            self.forget(&first);
        }
        self.arrivals += 1;
        self.known.insert(id, Memory { expiry, arrival: self.arrivals });
        self.by_expiry.insert((expiry, id));
        self.by_arrival.insert(self.arrivals, id);
        Noted::New
    }

    /// How many messages are remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    fn forget(&mut self, id: &EnvelopeId) {
        if let Some(Memory { expiry, arrival }) = self.known.remove(id) {
            self.by_expiry.remove(&(expiry, *id));
            self.by_arrival.remove(&arrival);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> EnvelopeId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        EnvelopeId(bytes)
    }

    #[test]
    fn a_message_is_new_once_and_forgotten_when_it_expires() {
        let mut seen = Seen::new(10);
        assert_eq!(seen.note(id(1), 100, 0), Noted::New);
        assert_eq!(seen.note(id(1), 100, 99), Noted::Known);
        assert_eq!(seen.note(id(2), 200, 100), Noted::New);
        assert_eq!((seen.len(), seen.by_expiry.len(), seen.by_arrival.len()), (1, 1, 1), "the first has expired");
    }

    #[test]
    fn memory_is_bounded_and_what_came_first_goes_first() {
        let mut seen = Seen::new(10);
        for number in 0..1_000 {
            seen.note(id(number), 10_000 - number, 0);
        }
        assert_eq!((seen.len(), seen.by_expiry.len(), seen.by_arrival.len()), (10, 10, 10));
        assert!((990..1_000).all(|number| seen.note(id(number), 10_000 - number, 0) == Noted::Known));
        assert_eq!(seen.note(id(989), 10_000 - 989, 0), Noted::New, "it was forgotten");
    }

    #[test]
    fn a_peer_that_sends_what_lives_long_pushes_out_nothing_that_came_just_now() {
        let mut seen = Seen::new(MAX_SEEN);
        for number in 0..MAX_SEEN as u64 {
            seen.note(id(number), 660, 0);
        }
        for honest in MAX_SEEN as u64..MAX_SEEN as u64 + 100 {
            assert_eq!(seen.note(id(honest), 120, 0), Noted::New);
            (1..50).for_each(|flood| _ = seen.note(id((honest << 32) + flood), 660, 0));
            assert_eq!(seen.note(id(honest), 120, 0), Noted::Known, "its second copy is no new message");
        }
    }
}
