//! Sessions: two nodes agree on keys over the relay, use them, and exchange them for new ones.
//!
//! One sends an offer with an ephemeral X25519 key, the other answers with one of its own; both travel sealed and signed as
//! any message to a public key, so each knows whose they are. The keys are made of the two ephemeral ones alone, which are
//! forgotten at once: who later steals the identities cannot read what was said. Pure but for the randomness of keys.
//!
//! An offer is repeated until it is answered, and the same offer gets the same answer. When both offer at once, that of the
//! lower id counts. Who answered sends under the new keys only when the other does, or when there are no others.

mod session;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use p2p_net::NodeId;
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::rand::SystemRandom;

use self::session::{Offer, Session, SessionKeys};
pub use self::step::{NotAStep, Step};
use crate::keys::{NoRandomness, SymmetricKey};
use crate::seal::derive;
use crate::topic::Topic;

/// Sessions that a node keeps, at most: some 300 bytes each.
pub const MAX_SESSIONS: usize = 4_096;

/// How long an offer waits for its answer before it is sent again.
pub const OFFER_AGAIN: Duration = Duration::from_secs(5);

/// How often an offer is sent before the handshake has failed.
pub const OFFERS: u32 = 5;

/// What keys of sessions are for: HKDF's `info` begins with it.
const SESSION: &[u8] = b"p2p-net pss 1 session";

/// When the keys of a session are exchanged for new ones. They stop working for good after twice `after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// After so many messages in one direction; default 1,024.
    pub messages: u64,
    /// After this time; default 1 h: so much can be read by who steals a key from memory.
    pub after: Duration,
    /// How long the keys before are still accepted; default 3 min: longer than messages are under way.
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
    /// An answer to an offer that was not made, or not any more.
    #[error("it answers no offer of this node")]
    NotOffered,
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

/// The sessions of a node.
#[derive(Debug)]
pub struct Sessions {
    own: NodeId,
    rotation: Rotation,
    accepted: BTreeSet<Topic>,
    all: BTreeMap<(Topic, NodeId), Session>,
}

impl Sessions {
    /// No sessions, of the node `own`.
    pub fn new(own: NodeId, rotation: Rotation) -> Self {
        Self { own, rotation, accepted: BTreeSet::new(), all: BTreeMap::new() }
    }

    /// Answers offers about a topic from now on.
    pub fn accept(&mut self, topic: Topic) {
        self.accepted.insert(topic);
    }

    /// Whether anything about a topic may be a step of a handshake.
    pub fn listens(&self, topic: Topic) -> bool {
        self.accepted.contains(&topic) || self.about(topic).any(|(_, session)| session.offer.is_some())
    }

    /// The keys that were agreed on last.
    pub fn agreed(&self, with: NodeId, topic: Topic) -> Option<Agreed> {
        let session = self.all.get(&(topic, with))?;
        session.next.as_ref().or(session.current.as_ref()).map(|keys| keys.offer)
    }

    /// Begins a handshake, or repeats the offer of one that has begun.
    ///
    /// # Errors
    ///
    /// When there are too many sessions, or no key can be made.
    pub fn offer(&mut self, to: NodeId, topic: Topic, now: u64) -> Result<Step, StepError> {
        let session = self.session(to, topic, now)?;
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

    /// Takes a step of `from`; what it is to be sent in return.
    ///
    /// # Errors
    ///
    /// [`StepError`]; then no keys have changed.
    pub fn step(&mut self, from: NodeId, topic: Topic, step: &Step, now: u64) -> Result<Option<Step>, StepError> {
        match step {
            Step::Offer { ephemeral } => self.offered(from, topic, ephemeral, now).map(Some),
            Step::Answer { offer, ephemeral } => self.answered(from, topic, offer, ephemeral, now).map(|()| None),
        }
    }

    fn offered(&mut self, from: NodeId, topic: Topic, theirs: &[u8; 32], now: u64) -> Result<Step, StepError> {
        if !self.accepted.contains(&topic) && !self.all.contains_key(&(topic, from)) {
            return Err(StepError::NotAccepted(topic));
        }
        let own = self.own;
        let session = self.session(from, topic, now)?;
        let known = [&session.next, &session.current].into_iter().flatten().find(|keys| keys.offer == *theirs);
        if let Some(keys) = known {
            return Ok(Step::Answer { offer: *theirs, ephemeral: keys.answer });
        }
        if session.offer.is_some() && own < from {
            return Err(StepError::OursCounts);
        }
        let (secret, answer) = ephemeral()?;
        let exchange = Exchange { offers: from, answers: own, offer: *theirs, answer, topic };
        let (first, second) = exchange.agree(secret, theirs)?;
        session.offer = None;
        let before = session.next.replace(SessionKeys::new(*theirs, answer, second, first, now));
        // With no others, those were in use already.
        session.current = session.current.take().or(before);
        Ok(Step::Answer { offer: *theirs, ephemeral: answer })
    }

    fn answered(
        &mut self,
        from: NodeId,
        topic: Topic,
        offer: &[u8; 32],
        theirs: &[u8; 32],
        now: u64,
    ) -> Result<(), StepError> {
        let (own, grace) = (self.own, self.rotation.grace.as_secs());
        let session = self.all.get_mut(&(topic, from)).ok_or(StepError::NotOffered)?;
        let made = session.offer.take_if(|made| made.public == *offer).ok_or(StepError::NotOffered)?;
        let exchange = Exchange { offers: own, answers: from, offer: *offer, answer: *theirs, topic };
        let (first, second) = exchange.agree(made.secret, theirs)?;
        session.replace(SessionKeys::new(*offer, *theirs, first, second, now), now + grace);
        Ok(())
    }

    /// The key for the next message of a session, and whether a new one is due: then an [`offer`](Self::offer) is to be sent.
    pub fn sending(&mut self, to: NodeId, topic: Topic, now: u64) -> Option<(SymmetricKey, bool)> {
        let rotation = self.rotation;
        let session = self.all.get_mut(&(topic, to))?;
        session.expire(now, 2 * rotation.after.as_secs());
        let waits = session.offer.as_ref().is_some_and(|offer| now < offer.at + OFFER_AGAIN.as_secs());
        let next = session.next.is_some();
        let keys = session.current.as_mut().or(session.next.as_mut())?;
        keys.sent += 1;
        let old = keys.sent >= rotation.messages || now >= keys.since + rotation.after.as_secs();
        Some((keys.ours.clone(), old && !waits && !next))
    }

    /// Whose keys may open a message about a topic.
    pub fn receiving(&self, topic: Topic, now: u64) -> Vec<(NodeId, Agreed, SymmetricKey)> {
        let latest = 2 * self.rotation.after.as_secs();
        let keys = self.about(topic).flat_map(|(peer, session)| {
            session.accepted(now, latest).map(move |keys| (peer, keys.offer, keys.theirs.clone()))
        });
        keys.collect()
    }

    /// A message was opened with these keys: the other has them, so they are the ones from now on.
    pub fn used(&mut self, from: NodeId, topic: Topic, keys: Agreed, now: u64) {
        let grace = self.rotation.grace.as_secs();
        let Some(session) = self.all.get_mut(&(topic, from)) else { return };
        if let Some(next) = session.next.take_if(|next| next.offer == keys) {
            session.replace(next, now + grace);
        }
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn about(&self, topic: Topic) -> impl Iterator<Item = (NodeId, &Session)> {
        let of_topic = (topic, NodeId::from_bytes([0; 32]))..=(topic, NodeId::from_bytes([0xff; 32]));
        self.all.range(of_topic).map(|((_, peer), session)| (*peer, session))
    }

    fn session(&mut self, with: NodeId, topic: Topic, now: u64) -> Result<&mut Session, StepError> {
        if self.all.len() >= MAX_SESSIONS && !self.all.contains_key(&(topic, with)) {
            let latest = 2 * self.rotation.after.as_secs();
            self.all.retain(|_, session| !session.is_over(now, latest));
            if self.all.len() >= MAX_SESSIONS {
                return Err(StepError::TooMany);
            }
        }
        Ok(self.all.entry((topic, with)).or_default())
    }
}

fn ephemeral() -> Result<(EphemeralPrivateKey, [u8; 32]), NoRandomness> {
    let secret = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).map_err(|_| NoRandomness)?;
    let mut public = [0; 32];
    public.copy_from_slice(secret.compute_public_key().map_err(|_| NoRandomness)?.as_ref());
    Ok((secret, public))
}

/// Who agreed on the keys of a session, by what, and about what.
#[derive(Debug, Clone, Copy)]
pub struct Exchange {
    /// Who offered.
    pub offers: NodeId,
    /// Who answered.
    pub answers: NodeId,
    /// The ephemeral key of who offered.
    pub offer: [u8; 32],
    /// The ephemeral key of who answered.
    pub answer: [u8; 32],
    /// The topic.
    pub topic: Topic,
}

impl Exchange {
    /// The keys that follow from what X25519 made of the two ephemeral ones: under which who offered sends, and under which who
    /// answered does.
    pub fn keys(&self, shared: &[u8]) -> (SymmetricKey, SymmetricKey) {
        let Self { offers, answers, offer, answer, topic } = self;
        let key = |which: &'static [u8]| {
            let info = [SESSION, offers.as_bytes(), answers.as_bytes(), offer, answer, &topic.0, which];
            SymmetricKey::from_bytes(derive(&[], shared, &info))
        };
        (key(b"offers"), key(b"answers"))
    }

    fn agree(&self, own: EphemeralPrivateKey, theirs: &[u8; 32]) -> Result<(SymmetricKey, SymmetricKey), StepError> {
        let theirs = UnparsedPublicKey::new(&X25519, theirs);
        agree_ephemeral(own, &theirs, |shared| self.keys(shared)).map_err(|_| StepError::BadKey)
    }
}

#[cfg(test)]
mod tests;
