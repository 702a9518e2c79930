//! What a node offers to speak, and what two nodes agree on. Pure code.
//!
//! A handshake protocol sends our [`Offer`] and hands the peer's to [`Channel::agree`](crate::Channel::agree). A protocol
//! runs when both offers have it, at the highest version both have, and when all its messages have the same fingerprint
//! on both ends: messages that differ would decode as garbage in silence.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Handles, Phase};
use crate::disconnect::Side;
use crate::message::lane::{LaneIndex, LaneTable};
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
    /// By message id, those of replies too: the hash of what both ends must have in common, [`terms`](crate::message::MessageSpec::terms).
    messages: BTreeMap<u32, u64>,
}

impl Schema for Offer {
    const SHAPE: Shape = Shape::Seq(
        &Shape::Struct(
            "OfferedProtocol",
            &[
                Field { name: "name", shape: &String::SHAPE },
                Field { name: "version", shape: &u16::SHAPE },
                Field { name: "handshake", shape: &bool::SHAPE },
                Field { name: "messages", shape: &<BTreeMap<u32, u64>>::SHAPE },
            ],
        ),
        Memory::of::<OfferedProtocol>(),
    );
}

impl Offer {
    /// The offer of a node that runs these protocols.
    pub(crate) fn of(protocols: impl IntoIterator<Item = (&'static str, u16, Phase, &'static [Handles])>) -> Self {
        let offered = |(name, version, phase, handlers)| OfferedProtocol::of(name, version, phase, handlers);
        Self(protocols.into_iter().map(offered).collect())
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
    fn of(name: &str, version: u16, phase: Phase, handlers: &[Handles]) -> Self {
        let mut messages = BTreeMap::new();
        for handler in handlers {
            messages.insert(handler.message.id.to_wire(), handler.message.terms());
            if let Some(terms) = handler.message.reply_terms() {
                messages.insert(MessageId::of_replies_to(handler.message.name).to_wire(), terms);
            }
        }
        Self { name: name.to_owned(), version, handshake: phase == Phase::Handshake, messages }
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
    /// Its fingerprint here.
    pub ours: u64,
    /// Its fingerprint there.
    pub theirs: u64,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, version, message, ours, theirs } = self;
        write!(
            f,
            "protocol {protocol}/{version} is not run: message `{message}` (its fields, max_bytes and window) is {ours:016x} here and \
             {theirs:016x} there; \
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
    protocols: BTreeMap<String, u16>,
    refused: Vec<Refused>,
    lanes: Box<[bool]>,
}

impl Agreement {
    pub(crate) fn of(ours: &Offer, theirs: &Offer, lanes: &LaneTable) -> Result<Self, OfferRefused> {
        if theirs.len() > MAX_OFFERED {
            return Err(OfferRefused::TooMany(theirs.len()));
        }
        one_sided(ours, theirs, Side::Local)?;
        one_sided(theirs, ours, Side::Remote)?;
        let mut agreement =
            Self { protocols: BTreeMap::new(), refused: Vec::new(), lanes: vec![false; lanes.lanes().len()].into() };
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
                    let message = lanes.find(id).map_or_else(|| id.to_string(), |at| lanes.lane(at).name.to_owned());
                    let refused = Refused { protocol: our.name.clone(), version: our.version, message, ours, theirs };
                    if our.handshake {
                        return Err(OfferRefused::Handshake(refused));
                    }
                    agreement.refused.push(refused);
                }
            }
        }
        Ok(agreement)
    }

    /// Of the messages, those that both offers name: the peer has no lane for others, and would call them misbehaviour.
    fn accept(&mut self, our: &OfferedProtocol, their: &OfferedProtocol, lanes: &LaneTable) {
        self.protocols.insert(our.name.clone(), our.version);
        for id in our.messages.keys().filter(|id| their.messages.contains_key(id)) {
            if let Some(at) = lanes.find(MessageId::from_wire(*id)) {
                self.lanes[at.get()] = true;
            }
        }
    }

    /// Whether both ends run this protocol, at this version.
    pub fn runs(&self, name: &str, version: u16) -> bool {
        self.protocols.get(name) == Some(&version)
    }

    /// Whether both ends know the messages of a lane.
    pub(crate) fn carries(&self, lane: LaneIndex) -> bool {
        self.lanes[lane.get()]
    }

    /// The protocols both ends run, as `name/version`.
    pub fn names(&self) -> Vec<String> {
        self.protocols.iter().map(|(name, version)| format!("{name}/{version}")).collect()
    }

    /// The protocols both ends have but do not run, because their messages differ.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

/// A handshake that one end runs alone never ends, or proves nothing to the other.
fn one_sided(some: &Offer, others: &Offer, by: Side) -> Result<(), OfferRefused> {
    let has =
        |one: &OfferedProtocol| others.0.iter().any(|other| other.name == one.name && other.version == one.version);
    match some.0.iter().find(|one| one.handshake && !has(one)) {
        Some(one) => Err(OfferRefused::Missing { name: one.name.clone(), version: one.version, by }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{MessageSpec, Priority};

    fn lanes() -> LaneTable {
        let id = MessageId::of("say");
        let (shape, type_name) = (&Shape::Unit, (|| "Say") as fn() -> &'static str);
        let say = MessageSpec {
            name: "say",
            id,
            max_bytes: 9,
            window: 9999,
            fingerprint: 1,
            shape,
            reply: None,
            stream: false,
            rate: None,
            priority: Priority::Normal,
            type_name,
        };
        LaneTable::new([(say, false)]).unwrap()
    }

    fn chat(version: u16, fingerprint: u64) -> OfferedProtocol {
        let messages = BTreeMap::from([(MessageId::of("say").to_wire(), fingerprint)]);
        OfferedProtocol { name: "chat".to_owned(), version, handshake: false, messages }
    }

    #[test]
    fn the_highest_common_version_runs() {
        let ours = Offer(vec![chat(1, 1), chat(2, 1), chat(4, 1)]);
        let theirs = Offer(vec![chat(1, 1), chat(2, 1), chat(3, 1)]);
        let agreement = Agreement::of(&ours, &theirs, &lanes()).unwrap();
        assert_eq!(agreement.names(), ["chat/2"]);
        assert!(agreement.carries(lanes().find(MessageId::of("say")).unwrap()));
    }

    #[test]
    fn what_only_one_end_has_does_not_run() {
        let agreement = Agreement::of(&Offer(vec![chat(1, 1)]), &Offer::default(), &lanes()).unwrap();
        assert!(agreement.names().is_empty() && agreement.refused().is_empty());
        assert!(!agreement.carries(lanes().find(MessageId::of("say")).unwrap()));
    }

    #[test]
    fn a_message_that_only_one_end_has_is_not_carried() {
        let mut theirs = chat(1, 1);
        theirs.messages = BTreeMap::new();
        let agreement = Agreement::of(&Offer(vec![chat(1, 1)]), &Offer(vec![theirs]), &lanes()).unwrap();
        assert!(agreement.runs("chat", 1));
        assert!(!agreement.carries(lanes().find(MessageId::of("say")).unwrap()));
    }

    #[test]
    fn different_messages_are_refused_with_both_fingerprints() {
        let agreement = Agreement::of(&Offer(vec![chat(1, 0xa)]), &Offer(vec![chat(1, 0xb)]), &lanes()).unwrap();
        assert!(agreement.names().is_empty());
        let text = agreement.refused()[0].to_string();
        assert!(
            text.contains(
                "`say` (its fields, max_bytes and window) is 000000000000000a here and 000000000000000b there"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_different_handshake_refuses_the_peer() {
        let (mut ours, mut theirs) = (chat(1, 1), chat(1, 2));
        (ours.handshake, theirs.handshake) = (true, true);
        let refused = Agreement::of(&Offer(vec![ours]), &Offer(vec![theirs]), &lanes()).unwrap_err();
        assert!(matches!(refused, OfferRefused::Handshake(_)));
    }

    #[test]
    fn a_handshake_that_only_one_has_refuses_the_peer() {
        let mut auth = chat(1, 1);
        auth.handshake = true;
        let (with, without) = (Offer(vec![auth]), Offer::default());
        let refused = |ours, theirs| Agreement::of(ours, theirs, &lanes()).unwrap_err().to_string();
        assert_eq!(refused(&with, &without), "the handshake protocol chat/1 is run by this node alone");
        assert_eq!(refused(&without, &with), "the handshake protocol chat/1 is run by the peer alone");
    }
}
