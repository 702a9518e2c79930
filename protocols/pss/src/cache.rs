//! What was seen: so that a message is passed on once, and opened once. Both are bounded, by number and by time.

use std::collections::{BTreeMap, BTreeSet};

use crate::envelope::EnvelopeId;

/// Messages that a node remembers to have passed on: five minutes of one peer at its full rate, in about 3 MiB.
pub const MAX_SEEN: usize = 32 * 1024;

/// Messages that a node remembers to have opened, of each kind: about 3 MiB.
pub const MAX_OPENED: usize = 32 * 1024;

/// Messages by their names until they expire, the latest `capacity` of them.
#[derive(Debug)]
pub struct Seen {
    capacity: usize,
    known: BTreeMap<EnvelopeId, u64>,
    by_expiry: BTreeSet<(u64, EnvelopeId)>,
}

impl Seen {
    /// Remembers at most `capacity` messages.
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), known: BTreeMap::new(), by_expiry: BTreeSet::new() }
    }

    /// Notes a message that expires at `expiry`; whether it is new. Returns with it what had to be forgotten too early.
    pub fn note(&mut self, id: EnvelopeId, expiry: u64, now: u64) -> Noted {
        self.forget(now);
        if self.known.contains_key(&id) {
            return Noted::Known;
        }
        let mut early = None;
        if self.known.len() >= self.capacity
            && let Some((expiry, victim)) = self.by_expiry.pop_first()
        {
            self.known.remove(&victim);
            early = Some(expiry);
        }
        self.known.insert(id, expiry);
        self.by_expiry.insert((expiry, id));
        Noted::New { early }
    }

    /// How many messages are remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    fn forget(&mut self, now: u64) {
        while let Some((expiry, id)) = self.by_expiry.first().copied().filter(|(expiry, _)| *expiry <= now) {
            self.by_expiry.remove(&(expiry, id));
            self.known.remove(&id);
        }
    }
}

/// What became of a message that was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It was seen before.
    Known,
    /// It was not.
    New {
        /// The expiry of the message that was forgotten for it, if one was.
        early: Option<u64>,
    },
}

/// Messages that were opened: none is opened twice, whatever it takes.
///
/// When it is full, the message that expires first is forgotten, and from then on whatever expires no later is refused: a
/// flood can keep honest messages out for a while, and can never play one again.
#[derive(Debug)]
pub struct Replays {
    seen: Seen,
    /// Nothing that expires up to then is accepted.
    floor: u64,
}

/// A message that was opened before, or that may have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message was received before")]
pub struct Replayed;

impl Replays {
    /// Remembers at most `capacity` messages.
    pub fn new(capacity: usize) -> Self {
        Self { seen: Seen::new(capacity), floor: 0 }
    }

    /// Accepts a message once.
    ///
    /// # Errors
    ///
    /// [`Replayed`] when it is not the first time, or cannot be known to be.
    pub fn accept(&mut self, id: EnvelopeId, expiry: u64, now: u64) -> Result<(), Replayed> {
        if expiry <= self.floor || expiry <= now {
            return Err(Replayed);
        }
        match self.seen.note(id, expiry, now) {
            Noted::Known => Err(Replayed),
            Noted::New { early } => {
                self.floor = self.floor.max(early.unwrap_or(0));
                Ok(())
            }
        }
    }

    /// How many messages are remembered.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
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
        assert_eq!(seen.note(id(1), 100, 0), Noted::New { early: None });
        assert_eq!(seen.note(id(1), 100, 99), Noted::Known);
        assert_eq!(seen.note(id(2), 200, 100), Noted::New { early: None });
        assert_eq!(seen.len(), 1, "the first has expired");
    }

    #[test]
    fn memory_is_bounded_and_what_expires_first_goes_first() {
        let mut seen = Seen::new(10);
        for number in 0..1_000 {
            seen.note(id(number), 10_000 - number, 0);
        }
        assert_eq!((seen.len(), seen.by_expiry.len()), (10, 10));
        assert_eq!(seen.note(id(5_000), 1, 0), Noted::New { early: Some(9_001) }, "the one with the least time goes");
    }

    #[test]
    fn nothing_is_accepted_twice_even_when_memory_is_short() {
        let mut replays = Replays::new(10);
        let mut accepted = BTreeSet::new();
        for round in 0..3 {
            for number in 0..100 {
                if replays.accept(id(number), 1_000 + number % 17, 0).is_ok() {
                    assert!(accepted.insert(number), "message {number} twice, in round {round}");
                }
            }
        }
        assert!(accepted.len() >= 10 && replays.len() <= 10);
        assert_eq!(replays.accept(id(500), 5_000, 0), Ok(()), "what lives longer than all that was forgotten");
        assert_eq!(replays.accept(id(501), 5, 5), Err(Replayed), "expired");
    }
}
