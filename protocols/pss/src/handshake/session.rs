//! What two nodes have agreed on about one topic.

use std::fmt;

use ring::agreement::EphemeralPrivateKey;

use crate::keys::SymmetricKey;

/// An offer that waits for its answer.
pub(super) struct Offer {
    pub(super) secret: EphemeralPrivateKey,
    pub(super) public: [u8; 32],
    /// When it was sent, the last time.
    pub(super) at: u64,
}

/// The keys of one exchange.
#[derive(Debug)]
pub(super) struct SessionKeys {
    /// The ephemeral key of who offered, which names them.
    pub(super) offer: [u8; 32],
    /// That of who answered.
    pub(super) answer: [u8; 32],
    pub(super) ours: SymmetricKey,
    pub(super) theirs: SymmetricKey,
    pub(super) since: u64,
    pub(super) sent: u64,
}

impl SessionKeys {
    pub(super) fn new(offer: [u8; 32], answer: [u8; 32], ours: SymmetricKey, theirs: SymmetricKey, since: u64) -> Self {
        Self { offer, answer, ours, theirs, since, sent: 0 }
    }
}

/// A session with one node about one topic.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) offer: Option<Offer>,
    pub(super) current: Option<SessionKeys>,
    /// Agreed on the other's offer, and not used by it yet.
    pub(super) next: Option<SessionKeys>,
    /// Those before, and until when they are accepted.
    pub(super) previous: Option<(SessionKeys, u64)>,
}

impl Session {
    /// Takes new keys, and keeps those it had until `until`.
    pub(super) fn replace(&mut self, keys: SessionKeys, until: u64) {
        self.previous = self.current.replace(keys).map(|old| (old, until));
    }

    /// Forgets keys that have lived for `latest` seconds.
    pub(super) fn expire(&mut self, now: u64, latest: u64) {
        let lives = |keys: &SessionKeys| now < keys.since + latest;
        self.current.take_if(|keys| !lives(keys));
        self.next.take_if(|keys| !lives(keys));
        self.previous.take_if(|(keys, until)| now >= *until || !lives(keys));
    }

    /// The keys under which the other may send.
    pub(super) fn accepted(&self, now: u64, latest: u64) -> impl Iterator<Item = &SessionKeys> {
        let previous = self.previous.iter().filter(move |(_, until)| now < *until).map(|(keys, _)| keys);
        let all = self.current.iter().chain(&self.next).chain(previous);
        all.filter(move |keys| now < keys.since + latest)
    }

    /// Whether nothing can come of it any more.
    pub(super) fn is_over(&self, now: u64, latest: u64) -> bool {
        let offered = self.offer.as_ref().is_some_and(|offer| now < offer.at + latest);
        !offered && self.accepted(now, latest).next().is_none()
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Offer(at {})", self.at)
    }
}
