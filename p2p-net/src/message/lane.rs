//! Lanes: one per message type and one per kind of reply, and the table that finds them by id. Pure code.
//!
//! A node computes the table once, from the protocols it runs; every channel shares it. What differs from channel to
//! channel (credit, subscribers) lies in arrays beside it, indexed by [`LaneIndex`].

use std::collections::BTreeMap;

use super::frame::{CORRELATION, HEADER, MAX_PAYLOAD};
use super::{MessageId, MessageSpec, Priority};
use crate::rate::Rate;

/// The longest text of a failed request, in bytes.
pub const MAX_REPLY_ERROR: usize = 1024;

/// Whether a lane carries messages or the replies to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneKind {
    /// Messages nobody replies to.
    Messages,
    /// Messages that may come as requests; the lane of the replies.
    Requests(LaneIndex),
    /// Replies, one a request.
    Replies,
    /// Rows, any number a request.
    Rows,
}

/// A lane as constant data.
#[derive(Debug, Clone, Copy)]
pub struct LaneSpec {
    /// What frames call it.
    pub id: MessageId,
    /// The name of the message; for replies, of the request.
    pub name: &'static str,
    /// The name of the message that travels in it; for replies, their own.
    pub carries: &'static str,
    /// The most bytes of one message in it.
    pub max_bytes: usize,
    /// The most bytes of frames that may be under way or unread in it.
    pub window: u32,
    /// What it carries.
    pub kind: LaneKind,
    /// Whether it may be used before the handshake is done.
    pub handshake: bool,
    /// How often a peer may send in it.
    pub rate: Option<Rate>,
    /// Whether its small frames leave ahead of others.
    pub priority: Priority,
    /// The protocol that takes its messages, the first of several; where known.
    pub protocol: Option<&'static str>,
}

impl LaneSpec {
    /// The most payload bytes that one whole transmission in this lane may have, correlation number included.
    pub const fn max_payload(&self) -> usize {
        match self.kind {
            LaneKind::Messages => self.max_bytes,
            LaneKind::Requests(_) | LaneKind::Replies | LaneKind::Rows => self.max_bytes + CORRELATION,
        }
    }

    /// The most memory one direction of this lane can hold on a channel, in bytes: what is unread and one message being
    /// assembled when it comes in parts.
    pub const fn ceiling(&self) -> usize {
        let assembling = if self.max_payload() > MAX_PAYLOAD { self.max_payload() } else { 0 };
        self.window as usize + assembling
    }
}

/// The place of a lane in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneIndex(u16);

impl LaneIndex {
    /// As an index into an array beside the table.
    #[inline]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// A set of messages that cannot share a wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// Two types of one name.
    #[error("the types `{first}` and `{second}` are both messages called `{name}`: give one of them another `name`")]
    SameName {
        /// The name.
        name: &'static str,
        /// One type.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Two names with one hash.
    #[error("the messages `{first}` and `{second}` have the same id {id}: give one of them another `name`")]
    SameId {
        /// The hash.
        id: MessageId,
        /// One name.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A window too small for its messages, which could then never be sent.
    #[error("message `{name}` has a window of {window} bytes; it needs at least {needed}")]
    SmallWindow {
        /// The message.
        name: &'static str,
        /// Its window.
        window: u32,
        /// What would be enough.
        needed: usize,
    },
    /// A message larger than any may be.
    #[error("message `{name}` has max_bytes = {max_bytes}; it must be 1 to {most}")]
    Size {
        /// The message.
        name: &'static str,
        /// Its declared size.
        max_bytes: usize,
        /// The largest there is.
        most: usize,
    },
    /// A message that a few bytes can make endless.
    #[error("message `{0}` has a sequence of things that take no bytes: a few bytes could claim a billion of them")]
    Endless(&'static str),
    /// More lanes than an index can tell apart.
    #[error("more than {0} message types in one node")]
    TooMany(usize),
}

/// The lanes of a node, and a hash table to find them by id.
#[derive(Debug)]
pub struct LaneTable {
    lanes: Box<[LaneSpec]>,
    /// Open addressing with linear probing; `EMPTY` where nothing is. At most half full. With the ids, so that what is
    /// looked up for every message lies in one place.
    slots: Box<[(MessageId, u16)]>,
    mask: usize,
}

const EMPTY: u16 = u16::MAX;
const VACANT: (MessageId, u16) = (MessageId::from_wire(0), EMPTY);

impl LaneTable {
    /// The lanes of `messages`; each with whether the handshake may use it.
    ///
    /// # Errors
    ///
    /// When the messages cannot share a wire.
    pub fn new(messages: impl IntoIterator<Item = (MessageSpec, bool)>) -> Result<Self, LaneError> {
        let mut by_id: BTreeMap<MessageId, (MessageSpec, bool)> = BTreeMap::new();
        for (spec, handshake) in messages {
            check(&spec)?;
            if let Some((known, before)) = by_id.get_mut(&spec.id) {
                differ(known, &spec)?;
                *before |= handshake;
                continue;
            }
            by_id.insert(spec.id, (spec, handshake));
        }
        let mut lanes: Vec<LaneSpec> = Vec::new();
        for (spec, handshake) in by_id.into_values() {
            let index = lanes.len();
            let reply = spec.reply.map(|reply| reply());
            let kind = if reply.is_some() { LaneKind::Requests(lane_index(index + 1)?) } else { LaneKind::Messages };
            let (name, window) = (spec.name, spec.window);
            lane_index(index)?;
            let (id, max_bytes, rate) = (spec.id, spec.max_bytes, spec.rate);
            // Nothing of the main phase may overtake the handshake, urgent or not.
            let priority = if handshake { Priority::High } else { spec.priority };
            let (carries, protocol) = (name, None);
            lanes.push(LaneSpec { id, name, carries, max_bytes, window, kind, handshake, rate, priority, protocol });
            if let Some(reply) = reply {
                check(&reply)?;
                let max_bytes = reply.max_bytes.max(MAX_REPLY_ERROR);
                let window = reply.window.max(u32::try_from(needed(max_bytes)).unwrap_or(u32::MAX));
                let id = MessageId::of_replies_to(name);
                let kind = if spec.stream { LaneKind::Rows } else { LaneKind::Replies };
                // The answer to what is urgent is urgent.
                let priority = if priority == Priority::High { priority } else { reply.priority };
                lanes.push(LaneSpec {
                    id,
                    name,
                    carries: reply.name,
                    max_bytes,
                    window,
                    kind,
                    handshake,
                    rate: None,
                    priority,
                    protocol: None,
                });
            }
        }
        Self::index(lanes)
    }

    /// The same with the protocol of each lane, found by the name of its message.
    #[must_use]
    pub(crate) fn owned_by(mut self, protocol: impl Fn(&str) -> Option<&'static str>) -> Self {
        self.lanes.iter_mut().for_each(|lane| lane.protocol = protocol(lane.name));
        self
    }

    fn index(lanes: Vec<LaneSpec>) -> Result<Self, LaneError> {
        let mask = (lanes.len() * 2).next_power_of_two() - 1;
        let mut table = Self { lanes: Box::new([]), slots: vec![VACANT; mask + 1].into(), mask };
        for (at, lane) in lanes.iter().enumerate() {
            let mut slot = lane.id.to_wire() as usize & mask;
            while let (id, other) = table.slots[slot]
                && other != EMPTY
            {
                if id == lane.id {
                    let other = &lanes[other as usize];
                    return Err(LaneError::SameId { id: lane.id, first: other.name, second: lane.name });
                }
                slot = (slot + 1) & mask;
            }
            table.slots[slot] = (lane.id, lane_index(at)?.0);
        }
        table.lanes = lanes.into();
        Ok(table)
    }

    /// The lane that frames call `id`.
    #[inline]
    pub fn find(&self, id: MessageId) -> Option<LaneIndex> {
        let mut slot = id.to_wire() as usize & self.mask;
        loop {
            let (known, index) = self.slots[slot];
            if index == EMPTY {
                return None;
            }
            if known == id {
                return Some(LaneIndex(index));
            }
            slot = (slot + 1) & self.mask;
        }
    }

    /// The lane at `index`.
    #[inline]
    pub fn lane(&self, index: LaneIndex) -> &LaneSpec {
        &self.lanes[index.get()]
    }

    /// All lanes, by index.
    pub fn lanes(&self) -> &[LaneSpec] {
        &self.lanes
    }

    /// All lanes with their indices.
    pub fn iter(&self) -> impl Iterator<Item = (LaneIndex, &LaneSpec)> {
        (0_u16..).map(LaneIndex).zip(&self.lanes)
    }
}

fn lane_index(at: usize) -> Result<LaneIndex, LaneError> {
    match u16::try_from(at) {
        Ok(index) if index != EMPTY => Ok(LaneIndex(index)),
        _ => Err(LaneError::TooMany(EMPTY as usize)),
    }
}

/// Twice the largest frame: the receiver may sit on a quarter of the window before it gives credit back.
const fn needed(max_bytes: usize) -> usize {
    let payload = max_bytes + CORRELATION;
    2 * (HEADER + if payload < MAX_PAYLOAD { payload } else { MAX_PAYLOAD })
}

fn check(spec: &MessageSpec) -> Result<(), LaneError> {
    let most = super::codec::MAX_MESSAGE;
    if spec.max_bytes == 0 || spec.max_bytes > most {
        return Err(LaneError::Size { name: spec.name, max_bytes: spec.max_bytes, most });
    }
    if !spec.shape.is_bounded() {
        return Err(LaneError::Endless(spec.name));
    }
    let needed = needed(spec.max_bytes);
    if (spec.window as usize) < needed {
        return Err(LaneError::SmallWindow { name: spec.name, window: spec.window, needed });
    }
    Ok(())
}

fn differ(known: &MessageSpec, spec: &MessageSpec) -> Result<(), LaneError> {
    let (first, second) = ((known.type_name)(), (spec.type_name)());
    if known.name != spec.name {
        return Err(LaneError::SameId { id: spec.id, first: known.name, second: spec.name });
    }
    if first != second || known.fingerprint != spec.fingerprint {
        return Err(LaneError::SameName { name: spec.name, first, second });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &'static str, type_name: fn() -> &'static str) -> MessageSpec {
        MessageSpec { max_bytes: 100, window: 1 << 20, type_name, ..MessageSpec::named(name) }
    }

    #[test]
    fn every_lane_is_found_and_no_other() {
        let names: Vec<&'static str> = (0..200).map(|n| &*format!("message-{n}").leak()).collect();
        let table = LaneTable::new(names.iter().map(|name| (spec(name, || "T"), false))).unwrap();
        for name in &names {
            assert_eq!(table.lane(table.find(MessageId::of(name)).unwrap()).name, *name);
        }
        assert_eq!(table.find(MessageId::of("somebody else's")), None);
        assert_eq!(LaneTable::new([]).unwrap().find(MessageId::of("x")), None);
    }

    #[test]
    fn a_request_has_a_lane_for_its_replies() {
        let mut ping = spec("ping", || "Ping");
        ping.reply = Some(|| spec("pong", || "Pong"));
        let table = LaneTable::new([(ping, true)]).unwrap();
        let lane = *table.lane(table.find(MessageId::of("ping")).unwrap());
        let LaneKind::Requests(replies) = lane.kind else { panic!("{lane:?}") };
        assert_eq!(table.lane(replies).id, MessageId::of_replies_to("ping"));
        assert_eq!(lane.max_payload(), 104);
        assert_eq!(
            (table.lane(replies).kind, table.lane(replies).priority),
            (LaneKind::Replies, Priority::High),
            "as all of the handshake"
        );
        let table = LaneTable::new([(ping, false)]).unwrap();
        let replies = table.lane(table.find(MessageId::of_replies_to("ping")).unwrap());
        assert_eq!((replies.kind, replies.priority), (LaneKind::Replies, Priority::Normal));
        (ping.stream, ping.priority) = (true, Priority::High);
        let table = LaneTable::new([(ping, false)]).unwrap();
        let rows = table.lane(table.find(MessageId::of_replies_to("ping")).unwrap());
        assert_eq!((rows.kind, rows.priority), (LaneKind::Rows, Priority::High));
    }

    #[test]
    fn one_type_in_two_protocols_is_one_lane_and_two_types_of_one_name_are_an_error() {
        let table = LaneTable::new([(spec("say", || "Say"), false), (spec("say", || "Say"), true)]).unwrap();
        assert!(table.lanes().len() == 1 && table.lanes()[0].handshake);
        let clash = LaneTable::new([(spec("say", || "a::Say"), false), (spec("say", || "b::Say"), false)]);
        assert_eq!(clash.unwrap_err(), LaneError::SameName { name: "say", first: "a::Say", second: "b::Say" });
    }

    #[test]
    fn a_window_that_could_block_for_ever_is_an_error() {
        let mut small = spec("small", || "Small");
        small.window = 150;
        assert_eq!(
            LaneTable::new([(small, false)]).unwrap_err(),
            LaneError::SmallWindow { name: "small", window: 150, needed: 224 }
        );
    }
}
