//! What a node offers to speak, and what two nodes agree on. Pure code.
//!
//! An offer is that of one channel: it says of each protocol whether it runs on channels of that session. One that runs on
//! inbound channels and on others is made for both ends, and runs at neither where one end does not run it: so a seed does
//! not ask a visitor for what it does not run on a visit. One that runs on inbound channels alone, or on none of those, is
//! one side of a conversation, and runs without itself at the other end.
//!
//! A handshake protocol sends our [`Offer`] and hands the peer's to [`Channel::agree`](crate::Channel::agree). A protocol
//! runs when both offers have it, at the highest version both have, and when all its messages have the same fingerprint
//! on both ends: messages that differ would decode as garbage in silence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::registry::Registered;
use super::{Handles, Phase, SessionFlags};
use crate::disconnect::Side;
use crate::message::lane::{LaneIndex, LaneKind, LaneTable};
use crate::message::{Field, Memory, MessageId, Schema, Shape};

/// The most protocols one offer may name; more than any node runs, and few enough to compare in no time.
pub const MAX_OFFERED: usize = 1024;

/// What a node offers to speak: its protocols, their versions, and what their messages must have in common with the peer's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Offer(Vec<OfferedProtocol>);

/// One protocol of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OfferedProtocol {
    name: String,
    version: u16,
    handshake: bool,
    /// It runs on channels of this session.
    here: bool,
    /// It is made for both ends of a channel.
    paired: bool,
    /// By message id, those of replies too: the hash of what both ends must have in common, [`terms`](crate::message::MessageSpec::terms).
    messages: BTreeMap<u32, u64>,
}

/// What an offer says of a protocol.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) version: u16,
    pub(crate) phase: Phase,
    pub(crate) sessions: SessionFlags,
    pub(crate) handlers: &'static [Handles],
}

/// What a node offers, by session.
pub(crate) type Offers = BTreeMap<SessionFlags, Arc<Offer>>;

impl Schema for Offer {
    const SHAPE: Shape = Shape::Seq(
        &Shape::Struct(
            "OfferedProtocol",
            &[
                Field::new("name", &String::SHAPE),
                Field::new("version", &u16::SHAPE),
                Field::new("handshake", &bool::SHAPE),
                Field::new("here", &bool::SHAPE),
                Field::new("paired", &bool::SHAPE),
                Field::new("messages", &<BTreeMap<u32, u64>>::SHAPE),
            ],
        ),
        Memory::of::<OfferedProtocol>(),
    );
}

impl Offer {
    /// The offer, on a channel of `session`, of a node with these protocols.
    pub(crate) fn of(protocols: impl IntoIterator<Item = Known>, session: SessionFlags) -> Self {
        Self(protocols.into_iter().map(|known| OfferedProtocol::of(&known, session)).collect())
    }

    /// For each session, the offer of a node with these protocols.
    pub(crate) fn by_session(protocols: &[Registered]) -> Offers {
        let offer = |session| Self::of(protocols.iter().map(Registered::offered), session);
        SessionFlags::ALL.iter().map(|session| (session, Arc::new(offer(session)))).collect()
    }

    /// Whether it names the protocol.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.0.iter().any(|known| known.name == name)
    }

    /// Whether the protocol is one of the main phase.
    pub(crate) fn is_main(&self, name: &str) -> bool {
        self.0.iter().any(|known| known.name == name && !known.handshake)
    }

    /// The protocol of the main phase whose name has this hash, and whether it is made for both ends.
    pub(crate) fn main_by_id(&self, id: MessageId) -> Option<(&str, bool)> {
        let mut main = self.0.iter().filter(|known| !known.handshake);
        main.find(|known| MessageId::of(&known.name) == id).map(|known| (known.name.as_str(), known.paired))
    }

    /// The lanes that only those protocols use whose names are `of`.
    pub(crate) fn lanes_of(&self, of: impl Fn(&str) -> bool, lanes: &LaneTable) -> BTreeSet<LaneIndex> {
        let used = |by: bool| {
            let protocols = self.0.iter().filter(|known| of(&known.name) == by);
            protocols.flat_map(|known| known.messages.keys().copied()).collect::<BTreeSet<_>>()
        };
        let alone = &used(true) - &used(false);
        alone.into_iter().filter_map(|id| lanes.find(MessageId::from_wire(id))).collect()
    }

    /// How many protocols it names.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it names none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl OfferedProtocol {
    fn of(known: &Known, session: SessionFlags) -> Self {
        let mut messages = BTreeMap::new();
        for handler in known.handlers {
            messages.insert(handler.message.id.to_wire(), handler.message.terms());
            if let Some(terms) = handler.message.reply_terms() {
                messages.insert(MessageId::of_replies_to(handler.message.name).to_wire(), terms);
            }
        }
        let (name, version, handshake) = (known.name.to_owned(), known.version, known.phase == Phase::Handshake);
        let (here, paired) = (known.sessions.intersects(session), known.sessions.is_paired());
        Self { name, version, handshake, here, paired, messages }
    }

    /// The first message both know by different fingerprints.
    fn difference(&self, theirs: &Self) -> Option<(MessageId, u64, u64)> {
        self.messages.iter().find_map(|(id, ours)| {
            let theirs = theirs.messages.get(id).filter(|theirs| *theirs != ours)?;
            Some((MessageId::from_wire(*id), *ours, *theirs))
        })
    }
}

/// A protocol that both ends have, at one version, with different messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The protocol.
    pub protocol: String,
    /// Its version.
    pub version: u16,
    /// The message that differs: its name here.
    pub message: String,
    /// Whether it is what answers the message that differs.
    pub reply: bool,
    /// Its fingerprint here.
    pub ours: u64,
    /// Its fingerprint there.
    pub theirs: u64,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, version, message, reply, ours, theirs } = self;
        let (what, terms) = match reply {
            false => ("message", "its fields, max_bytes, window or rate"),
            true => ("the reply to", "its fields, max_bytes, window or rate, or that it is one and not a stream"),
        };
        write!(
            f,
            "protocol {protocol}/{version} is not run: {what} `{message}` ({terms}) is {ours:016x} here and {theirs:016x} there; \
             give the changed protocol a new version"
        )
    }
}

/// Two nodes cannot speak at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferRefused {
    /// A protocol of the handshake itself differs.
    #[error("{0}")]
    Handshake(Refused),
    /// A protocol of the handshake that only one of the two has.
    #[error("the handshake protocol {name}/{version} is run {by} alone")]
    Missing {
        /// The protocol.
        name: String,
        /// Its version.
        version: u16,
        /// Who has it.
        by: Side,
    },
    /// No node runs so many.
    #[error("an offer of {0} protocols; at most {MAX_OFFERED} are looked at")]
    TooMany(usize),
}

/// What both ends of a channel run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// Those that run at this end, by name; a list, because every channel has one.
    protocols: Vec<(Box<str>, u16)>,
    /// Those that run at this end or at the other.
    shared: Vec<Box<str>>,
    refused: Vec<Refused>,
    /// By lane: what this end may send, and what it takes.
    out: Box<[bool]>,
    into: Box<[bool]>,
}

impl Agreement {
    pub(crate) fn of(ours: &Offer, theirs: &Offer, lanes: &LaneTable) -> Result<Self, OfferRefused> {
        if theirs.len() > MAX_OFFERED {
            return Err(OfferRefused::TooMany(theirs.len()));
        }
        one_sided(ours, theirs, Side::Local)?;
        one_sided(theirs, ours, Side::Remote)?;
        let none: Box<[bool]> = vec![false; lanes.lanes().len()].into();
        let mut agreement =
            Self { protocols: Vec::new(), shared: Vec::new(), refused: Vec::new(), out: none.clone(), into: none };
        let known: BTreeMap<_, _> =
            theirs.0.iter().map(|their| ((their.name.as_str(), their.version), their)).collect();
        let mut best: BTreeMap<&str, (&OfferedProtocol, &OfferedProtocol)> = BTreeMap::new();
        for our in &ours.0 {
            let Some(their) = known.get(&(our.name.as_str(), our.version)) else { continue };
            let place = best.entry(&our.name).or_insert((our, their));
            if our.version > place.0.version {
                *place = (our, their);
            }
        }
        for (our, their) in best.into_values() {
            match our.difference(their) {
                None => agreement.accept(our, their, lanes),
                Some((id, ours, theirs)) => {
                    let lane = lanes.find(id).map(|at| lanes.lane(at));
                    let message = lane.map_or_else(|| id.to_string(), |lane| lane.name.to_owned());
                    let reply = lane.is_some_and(|lane| lane.kind == LaneKind::Replies);
                    let (protocol, version) = (our.name.clone(), our.version);
                    let refused = Refused { protocol, version, message, reply, ours, theirs };
                    if our.handshake {
                        return Err(OfferRefused::Handshake(refused));
                    }
                    agreement.refused.push(refused);
                }
            }
        }
        agreement.protocols.shrink_to_fit();
        agreement.shared.shrink_to_fit();
        Ok(agreement)
    }

    /// Of the messages, those that both offers name: the peer has no lane for others, and would call them misbehaviour.
    fn accept(&mut self, our: &OfferedProtocol, their: &OfferedProtocol, lanes: &LaneTable) {
        let both = our.here && their.here;
        let (here, there) = if our.paired || their.paired { (both, both) } else { (our.here, their.here) };
        if here {
            self.protocols.push((our.name.as_str().into(), our.version));
        }
        if here || there {
            self.shared.push(our.name.as_str().into());
        }
        for id in our.messages.keys().filter(|id| their.messages.contains_key(id)) {
            let Some(at) = lanes.find(MessageId::from_wire(*id)) else { continue };
            // Messages go to whoever runs the protocol, and answers come from there.
            let answers = matches!(lanes.lane(at).kind, LaneKind::Replies | LaneKind::Rows);
            let (out, into) = if answers { (here, there) } else { (there, here) };
            self.out[at.get()] |= out;
            self.into[at.get()] |= into;
        }
    }

    /// Whether this end runs the protocol, at this version.
    pub fn runs(&self, name: &str, version: u16) -> bool {
        self.protocols.iter().any(|(known, at)| **known == *name && *at == version)
    }

    /// Whether the protocol runs at this end or at the other.
    pub(crate) fn shares(&self, name: &str) -> bool {
        self.shared.iter().any(|known| **known == *name)
    }

    /// Whether this end may send in a lane: the peer takes what is in it.
    pub(crate) fn sends(&self, lane: LaneIndex) -> bool {
        self.out[lane.get()]
    }

    /// Whether this end takes what is in a lane.
    pub(crate) fn takes(&self, lane: LaneIndex) -> bool {
        self.into[lane.get()]
    }

    /// The protocols this end runs on the channel, as `name/version`.
    pub fn names(&self) -> Vec<String> {
        self.protocols.iter().map(|(name, version)| format!("{name}/{version}")).collect()
    }

    /// The same without those that `gone` says.
    pub(crate) fn names_but(&self, gone: impl Fn(&str) -> bool) -> Vec<String> {
        let left = self.protocols.iter().filter(|(name, _)| !gone(name));
        left.map(|(name, version)| format!("{name}/{version}")).collect()
    }

    /// The protocols both ends have but do not run, because their messages differ.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

/// A handshake that one end runs alone never ends, or proves nothing to the other; and nobody gets around one by a session
/// on which it does not run.
fn one_sided(some: &Offer, others: &Offer, by: Side) -> Result<(), OfferRefused> {
    let has = |one: &OfferedProtocol| {
        others.0.iter().any(|other| {
            let runs = other.here == one.here || !(one.paired || other.paired);
            other.name == one.name && other.version == one.version && other.handshake && runs
        })
    };
    match some.0.iter().find(|one| one.handshake && !has(one)) {
        Some(one) => Err(OfferRefused::Missing { name: one.name.clone(), version: one.version, by }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
