//! What was opened: so that it is opened once, whatever is played again, and whoever sends much.

use std::collections::{BTreeMap, BTreeSet};

use p2p_net::NodeId;

use crate::envelope::EnvelopeId;

/// Messages that a node remembers to have opened, of each kind: about 4 MiB. Half of it holds what one peer brings at the
/// pace of [`outbox`](crate::outbox) in two and a half minutes, which is longer than messages live that ask for no more.
pub const MAX_OPENED: usize = 32 * 1024;

/// Messages that were opened, until they expire: none is opened twice.
///
/// Nothing is forgotten early, so that what finds no room is refused. A source, a peer or this node itself, may hold no more
/// than is free: one alone takes half of the memory, two a third each, and there is always room for a source that brought
/// little. So a peer that sends much shuts itself out, and nobody else.
#[derive(Debug)]
pub struct Replays {
    capacity: usize,
    known: BTreeSet<EnvelopeId>,
    by_expiry: BTreeSet<(u64, EnvelopeId, NodeId)>,
    shares: BTreeMap<NodeId, usize>,
}

/// Why a message is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// It was before.
    #[error("the message was received before")]
    Replayed,
    /// It could be opened again if it was opened now.
    #[error("the peer brought so many messages that no more of them can be remembered")]
    NoRoom,
}

impl Replays {
    /// Remembers at most `capacity` messages.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, known: BTreeSet::new(), by_expiry: BTreeSet::new(), shares: BTreeMap::new() }
    }

    /// Accepts a message of `source` once.
    ///
    /// # Errors
    ///
    /// [`NotOpened`] when it is not the first time, when it has expired, or when it cannot be remembered.
    pub fn accept(&mut self, id: EnvelopeId, expiry: u64, source: NodeId, now: u64) -> Result<(), NotOpened> {
        self.forget(now);
        if expiry <= now || self.known.contains(&id) {
            return Err(NotOpened::Replayed);
        }
        if !self.has_room(&source) {
            return Err(NotOpened::NoRoom);
        }
        self.known.insert(id);
        self.by_expiry.insert((expiry, id, source));
        *self.shares.entry(source).or_default() += 1;
        Ok(())
    }

    /// Whether one more message of `source` could be remembered.
    pub fn has_room(&self, source: &NodeId) -> bool {
        self.shares.get(source).copied().unwrap_or(0) < self.capacity.saturating_sub(self.known.len())
    }

    /// How many messages are remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Forgets what has expired.
    pub fn forget(&mut self, now: u64) {
        while let Some((expiry, id, source)) = self.by_expiry.first().copied().filter(|(expiry, ..)| *expiry <= now) {
            self.by_expiry.remove(&(expiry, id, source));
            self.known.remove(&id);
            if let Some(share) = self.shares.get_mut(&source) {
                *share -= 1;
                if *share == 0 {
                    self.shares.remove(&source);
                }
            }
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

    fn peer(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    #[test]
    fn nothing_is_accepted_twice_even_when_memory_is_short() {
        let mut replays = Replays::new(10);
        let mut accepted = BTreeSet::new();
        for now in 0..300 {
            for number in 0..100 {
                let expiry = 100 + 13 * (number % 17);
                if replays.accept(id(number), expiry, peer((now % 7) as u8), now).is_ok() {
                    assert!(accepted.insert(number), "message {number} twice, at {now}");
                }
            }
            assert!(replays.len() <= 10 && replays.by_expiry.len() == replays.len());
            assert_eq!(replays.shares.values().sum::<usize>(), replays.len());
        }
        assert!(accepted.len() > 10, "room comes back when messages expire: {}", accepted.len());
        replays.forget(1_000);
        assert!(replays.is_empty() && replays.shares.is_empty());
        assert_eq!(replays.accept(id(501), 5, peer(1), 5), Err(NotOpened::Replayed), "expired");
    }

    #[test]
    fn a_peer_that_brings_more_than_its_share_shuts_out_nobody_else() {
        let mut replays = Replays::new(MAX_OPENED);
        let mut number = 0;
        let mut bring = |replays: &mut Replays, from, expiry, now| {
            number += 1;
            replays.accept(id(number), expiry, peer(from), now)
        };
        let mut refused = 0;
        // Twenty minutes of one peer at all that is let in, with the latest expiry there is, and of an honest one.
        for now in 0..1_200 {
            for _ in 0..200 {
                refused += usize::from(bring(&mut replays, 1, now + 660, now) == Err(NotOpened::NoRoom));
            }
            for _ in 0..20 {
                assert_eq!(bring(&mut replays, 2, now + 120, now), Ok(()), "at {now} s");
            }
        }
        assert!(refused > 100_000 && replays.len() < MAX_OPENED);
    }

    #[test]
    fn a_peer_at_the_pace_of_a_link_is_never_refused() {
        let (mut replays, mut number) = (Replays::new(MAX_OPENED), 0);
        for now in 0..600 {
            for _ in 0..100 {
                number += 1;
                assert_eq!(replays.accept(id(number), now + 120, peer(1), now), Ok(()), "at {now} s");
            }
        }
    }
}
