//! What two nodes have agreed on about one topic.

use std::fmt;

use ring::agreement::EphemeralPrivateKey;

use super::OFFER_AGAIN;
use crate::keys::SymmetricKey;

/// Keys of one session, at most: those in use, those that are being exchanged, and some more for handshakes in a row whose
/// confirmations are all lost. The oldest makes room.
pub(super) const MAX_KEYS: usize = 6;

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
    /// Which exchange of all of this node it was.
    pub(super) number: u64,
    /// This node offered them and was answered; when it last asked the other to say something under them.
    asked: Option<u64>,
    /// Something was opened with them.
    heard: bool,
    /// Until when they are accepted, once the other was heard under newer ones.
    until: Option<u64>,
}

impl SessionKeys {
    /// Keys that the other offered.
    pub(super) fn new(offer: [u8; 32], answer: [u8; 32], ours: SymmetricKey, theirs: SymmetricKey, since: u64) -> Self {
        let (asked, heard, until) = (None, false, None);
        Self { offer, answer, ours, theirs, since, sent: 0, number: 0, asked, heard, until }
    }

    /// The other made them, too.
    pub(super) fn known(self, now: u64) -> Self {
        Self { asked: Some(now), ..self }
    }

    /// Whether the other is known to have them.
    pub(super) fn is_known(&self) -> bool {
        self.heard || self.asked.is_some()
    }

    /// Whether the other has said nothing under them, although it has them, and lost them or is not there.
    pub(super) fn is_silent(&self) -> bool {
        self.asked.is_some() && !self.heard
    }

    /// Whether the other is to be asked, now, to say something under them.
    pub(super) fn asks(&mut self, now: u64) -> bool {
        let asks = !self.heard && self.asked.is_some_and(|asked| now >= asked + OFFER_AGAIN.as_secs());
        if asks {
            self.asked = Some(now);
        }
        asks
    }

    fn lives(&self, now: u64, latest: u64) -> bool {
        now < self.since + latest && self.until.is_none_or(|until| now < until)
    }
}

/// A session with one node about one topic.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) offer: Option<Offer>,
    /// In the order in which they were agreed on, which is the same at both ends.
    pub(super) keys: Vec<SessionKeys>,
}

impl Session {
    pub(super) fn add(&mut self, keys: SessionKeys) {
        if self.keys.len() >= MAX_KEYS {
            self.keys.remove(0);
        }
        self.keys.push(keys);
    }

    /// Forgets keys that have lived for `latest` seconds, or whose time is over.
    pub(super) fn expire(&mut self, now: u64, latest: u64) {
        self.keys.retain(|keys| keys.lives(now, latest));
    }

    pub(super) fn find(&self, offer: &[u8; 32]) -> Option<&SessionKeys> {
        self.keys.iter().find(|keys| keys.offer == *offer)
    }

    /// The keys to send under: the latest that the other is known to have, or else the latest.
    pub(super) fn sends(&mut self) -> Option<&mut SessionKeys> {
        let known = self.keys.iter().rposition(SessionKeys::is_known);
        let at = known.or(self.keys.len().checked_sub(1))?;
        self.keys.get_mut(at)
    }

    /// The keys under which the other may send, the latest last.
    pub(super) fn accepted(&self, now: u64, latest: u64) -> impl DoubleEndedIterator<Item = &SessionKeys> {
        self.keys.iter().filter(move |keys| keys.lives(now, latest))
    }

    /// The other was heard under these keys: those before are accepted until `until`. Under what it is to be told of newer ones.
    pub(super) fn heard(&mut self, offer: &[u8; 32], now: u64, until: u64) -> Option<SymmetricKey> {
        let at = self.keys.iter().position(|keys| keys.offer == *offer)?;
        let (older, rest) = self.keys.split_at_mut(at);
        older.iter_mut().for_each(|keys| _ = keys.until.get_or_insert(until));
        let (these, newer) = rest.split_first_mut()?;
        these.heard = true;
        let latest = newer.iter_mut().rfind(|keys| keys.is_known())?;
        latest.asks(now).then(|| latest.ours.clone())
    }

    /// Whether the other began it, and has confirmed that.
    pub(super) fn is_strangers(&self) -> bool {
        self.keys.iter().any(|keys| keys.heard) && self.keys.iter().all(|keys| keys.asked.is_none())
    }

    /// Which exchange it began with, if the other began it and has not confirmed that.
    pub(super) fn unconfirmed(&self) -> Option<u64> {
        let unconfirmed = self.offer.is_none() && !self.keys.iter().any(SessionKeys::is_known);
        self.keys.last().filter(|_| unconfirmed).map(|keys| keys.number)
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
