//! Sessions: two nodes agree on keys over the relay, use them, and exchange them for new ones.
//!
//! One sends an offer with an ephemeral X25519 key, the other answers with one of its own; both travel sealed and signed as
//! any message to a public key, so each knows whose they are. The keys are made of the two ephemeral ones alone, which are
//! forgotten at once: who later steals the identities cannot read what was said. Pure but for the randomness of keys.
//!
//! An offer is repeated until it is answered, and the same offer gets the same answer. When both offer at once, that of the
//! lower id counts. Who offered confirms the answer under the new keys, and is told that this has come. Each end sends under
//! the latest keys that the other is known to have: who offered knows from the answer, who answered from the confirmation.
//! Each end accepts older keys until it has heard the other under newer ones, and some time longer, so that nothing is lost
//! however long one of them says nothing.

mod exchange;
mod room;
mod session;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use p2p_net::NodeId;

pub use self::exchange::Exchange;
use self::exchange::ephemeral;
use self::session::{Offer, Session, SessionKeys};
pub use self::step::{Answer, NotAStep, Step};
use crate::keys::{NoRandomness, SymmetricKey};
use crate::topic::Topic;

/// Sessions that a node keeps, at most: some 300 bytes each.
pub const MAX_SESSIONS: usize = 4_096;

/// Sessions about one topic that other nodes began, at most: each is tried on every message about it that comes by, at some
/// 2 µs. Those that this node begins come in addition.
pub const MAX_SESSIONS_PER_TOPIC: usize = 256;

/// Sessions that others began and have not confirmed, at most; the oldest makes room. An id costs nothing, so that there may
/// be offers of any number of them. It is what one peer lets through in a second, and a confirmation takes a part of that.
pub const MAX_UNCONFIRMED: usize = 256;

/// How long an offer waits for its answer before it is sent again, and a confirmation for a word that it has come.
pub const OFFER_AGAIN: Duration = Duration::from_secs(5);

/// How often an offer is sent before the handshake has failed.
pub const OFFERS: u32 = 5;

/// When the keys of a session are exchanged for new ones. They stop working for good after twice `after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// After so many messages in one direction; default 1,024.
    pub messages: u64,
    /// After this time; default 1 h: so much can be read by who steals a key from memory.
    pub after: Duration,
    /// How long older keys are still accepted once the other was heard under newer ones; default 3 min: longer than messages
    /// are under way.
    pub grace: Duration,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { messages: 1_024, after: Duration::from_secs(3_600), grace: Duration::from_secs(180) }
    }
}

/// Why a step of a handshake was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// This node agrees on no keys about that topic.
    #[error("no handshake is accepted about topic {0}")]
    NotAccepted(Topic),
    /// There are too many sessions.
    #[error("there are {MAX_SESSIONS} sessions already")]
    TooMany,
    /// There are too many sessions about that topic.
    #[error("others began {MAX_SESSIONS_PER_TOPIC} sessions about topic {0} already")]
    TooManyAbout(Topic),
    /// An answer to an offer that was not made, or not any more.
    #[error("it answers no offer of this node")]
    NotOffered,
    /// Offers and answers are sealed to a node, confirmations under the keys that they are about.
    #[error("that step is sealed in another way")]
    WrongSeal,
    /// The other's ephemeral key is one with which anybody agrees on the same.
    #[error("the ephemeral key is none")]
    BadKey,
    /// This node's own offer counts: its id is the lower one.
    #[error("this node's own offer counts")]
    OursCounts,
    /// No key can be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Names the keys that a message was opened with: the offer they were agreed on by.
pub type Agreed = [u8; 32];

/// What a message in a session is sealed with, and what is due with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The key.
    pub key: SymmetricKey,
    /// It is old: an [`offer`](Sessions::offer) is to be sent.
    pub due: bool,
    /// The other has said nothing under it yet: [`Step::Confirm`] is to be sent under it.
    pub confirm: bool,
}

/// The sessions of a node.
#[derive(Debug)]
pub struct Sessions {
    own: NodeId,
    rotation: Rotation,
    accepted: BTreeSet<Topic>,
    all: BTreeMap<(Topic, NodeId), Session>,
    exchanges: u64,
}

impl Sessions {
    /// No sessions, of the node `own`.
    pub fn new(own: NodeId, rotation: Rotation) -> Self {
        Self { own, rotation, accepted: BTreeSet::new(), all: BTreeMap::new(), exchanges: 0 }
    }

    /// Answers offers about a topic from now on.
    pub fn accept(&mut self, topic: Topic) {
        self.accepted.insert(topic);
    }

    /// Whether anything about a topic may be a step of a handshake.
    pub fn listens(&self, topic: Topic) -> bool {
        self.accepted.contains(&topic) || self.about(topic).any(|(_, session)| session.offer.is_some())
    }

    /// The keys that were agreed on last and have not expired.
    pub fn agreed(&self, with: NodeId, topic: Topic, now: u64) -> Option<Agreed> {
        let session = self.all.get(&(topic, with))?;
        session.accepted(now, self.latest()).next_back().map(|keys| keys.offer)
    }

    /// Whether there is a session with a node, of whatever age.
    pub fn contains(&self, with: NodeId, topic: Topic) -> bool {
        self.all.contains_key(&(topic, with))
    }

    /// Begins a handshake, or repeats the offer of one that has begun.
    ///
    /// # Errors
    ///
    /// When there are too many sessions, or no key can be made.
    pub fn offer(&mut self, to: NodeId, topic: Topic, now: u64) -> Result<Step, StepError> {
        if !self.contains(to, topic) {
            self.make_room(now)?;
        }
        let session = self.all.entry((topic, to)).or_default();
        let offer = match session.offer.take() {
            Some(offer) => Offer { at: now, ..offer },
            None => {
                let (secret, public) = ephemeral()?;
                Offer { secret, public, at: now }
            }
        };
        let step = Step::Offer { ephemeral: offer.public };
        session.offer = Some(offer);
        Ok(step)
    }

    /// Takes a step of `from`, sealed to this node or under the keys `under`; what it is to be sent in return.
    ///
    /// # Errors
    ///
    /// [`StepError`]; then no keys have changed.
    pub fn step(
        &mut self,
        from: NodeId,
        topic: Topic,
        step: &Step,
        under: Option<Agreed>,
        now: u64,
    ) -> Result<Option<Answer>, StepError> {
        match (step, under) {
            (Step::Offer { ephemeral }, None) => self.offered(from, topic, ephemeral, now).map(Some),
            (Step::Answer { offer, ephemeral }, None) => self.answered(from, topic, offer, ephemeral, now).map(Some),
            (Step::Confirm, Some(keys)) => {
                let keys = self.all.get(&(topic, from)).and_then(|session| session.find(&keys));
                let answer = keys.map(|keys| Answer::Under(keys.ours.clone(), Step::Confirmed));
                answer.map(Some).ok_or(StepError::NotOffered)
            }
            // That it was opened says it all.
            (Step::Confirmed, Some(_)) => Ok(None),
            _ => Err(StepError::WrongSeal),
        }
    }

    fn offered(&mut self, from: NodeId, topic: Topic, theirs: &[u8; 32], now: u64) -> Result<Answer, StepError> {
        let session = self.all.get(&(topic, from));
        if session.is_none() && !self.accepted.contains(&topic) {
            return Err(StepError::NotAccepted(topic));
        }
        if let Some(keys) = session.and_then(|session| session.find(theirs)) {
            return Ok(Answer::Sealed(Step::Answer { offer: *theirs, ephemeral: keys.answer }));
        }
        if session.is_some_and(|session| session.offer.is_some()) && self.own < from {
            return Err(StepError::OursCounts);
        }
        let (secret, answer) = ephemeral()?;
        let exchange = Exchange { offers: from, answers: self.own, offer: *theirs, answer, topic };
        let (first, second) = exchange.agree(secret, theirs)?;
        if session.is_none() {
            self.make_room_for_a_stranger(topic, now)?;
        }
        self.add(from, topic, SessionKeys::new(*theirs, answer, second, first, now), now);
        Ok(Answer::Sealed(Step::Answer { offer: *theirs, ephemeral: answer }))
    }

    fn answered(
        &mut self,
        from: NodeId,
        topic: Topic,
        offer: &[u8; 32],
        theirs: &[u8; 32],
        now: u64,
    ) -> Result<Answer, StepError> {
        let session = self.all.get_mut(&(topic, from)).ok_or(StepError::NotOffered)?;
        let made = session.offer.take_if(|made| made.public == *offer).ok_or(StepError::NotOffered)?;
        let exchange = Exchange { offers: self.own, answers: from, offer: *offer, answer: *theirs, topic };
        let (first, second) = exchange.agree(made.secret, theirs)?;
        let answer = Answer::Under(first.clone(), Step::Confirm);
        self.add(from, topic, SessionKeys::new(*offer, *theirs, first, second, now).known(now), now);
        Ok(answer)
    }

    fn add(&mut self, with: NodeId, topic: Topic, mut keys: SessionKeys, now: u64) {
        self.exchanges += 1;
        keys.number = self.exchanges;
        let latest = self.latest();
        let session = self.all.entry((topic, with)).or_default();
        session.offer = None;
        session.expire(now, latest);
        session.add(keys);
    }

    /// The key for the next message of a session, and what is due with it.
    pub fn sending(&mut self, to: NodeId, topic: Topic, now: u64) -> Option<Sending> {
        let (rotation, latest) = (self.rotation, self.latest());
        let session = self.all.get_mut(&(topic, to))?;
        session.expire(now, latest);
        let soon = |since: u64, most: Duration| now < since + most.as_secs();
        let offered = session.offer.as_ref().is_some_and(|offer| soon(offer.at, OFFER_AGAIN));
        let unconfirmed = |keys: &SessionKeys| !keys.is_known() && soon(keys.since, OFFER_AGAIN * OFFERS);
        let waits = offered || session.keys.last().is_some_and(unconfirmed);
        let keys = session.sends()?;
        keys.sent += 1;
        // One that does not confirm in the time of a handshake may have forgotten them.
        let lost = keys.is_silent() && !soon(keys.since, OFFER_AGAIN * OFFERS);
        let old = lost || keys.sent >= rotation.messages || !soon(keys.since, rotation.after);
        Some(Sending { key: keys.ours.clone(), due: old && !waits, confirm: keys.asks(now) })
    }

    /// Whose keys may open a message about a topic.
    pub fn receiving(&self, topic: Topic, now: u64) -> Vec<(NodeId, Agreed, SymmetricKey)> {
        let keys = self.about(topic).flat_map(|(peer, session)| {
            // The latest first: they are the likeliest.
            let keys = session.accepted(now, self.latest()).rev();
            keys.map(move |keys| (peer, keys.offer, keys.theirs.clone()))
        });
        keys.collect()
    }

    /// A message was opened with these keys, so the other has them; under what it is to be told of newer ones, if it seems
    /// not to know of them.
    pub fn used(&mut self, from: NodeId, topic: Topic, keys: Agreed, now: u64) -> Option<SymmetricKey> {
        let (latest, until) = (self.latest(), now + self.rotation.grace.as_secs());
        let session = self.all.get_mut(&(topic, from))?;
        session.expire(now, latest);
        session.heard(&keys, now, until)
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How long keys live.
    fn latest(&self) -> u64 {
        2 * self.rotation.after.as_secs()
    }

    fn about(&self, topic: Topic) -> impl Iterator<Item = (NodeId, &Session)> {
        let of_topic = (topic, NodeId::from_bytes([0; 32]))..=(topic, NodeId::from_bytes([0xff; 32]));
        self.all.range(of_topic).map(|((_, peer), session)| (*peer, session))
    }
}

#[cfg(test)]
mod tests;
