//! Two manifests, field by field: what changed from the one to the other, and under which rule. Pure code.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::{AnswerEntry, Asks, Change, Manifest, MessageEntry, Place, ProtocolEntry, Rule};
use crate::protocol::Phase;

impl Manifest {
    /// What changed from this manifest, of what was released, to `new`, of the code as it is. Nothing, exactly when the two
    /// say the same.
    ///
    /// A version that is a [draft](ProtocolEntry::draft) here was never released: what changes in it asks no more than a look.
    pub fn changes_to(&self, new: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        let keys: BTreeSet<_> = self.protocols.iter().chain(&new.protocols).map(ProtocolEntry::key).collect();
        for (name, version) in keys {
            let (was, is) = (self.find(name, version), new.find(name, version));
            let draft = was.is_some_and(|was| was.draft);
            let mut found =
                Changes { place: Place::of(name, version), next: self.next_version(new, name), draft, found: changes };
            match (was, is) {
                (Some(was), Some(is)) => found.protocol(was, is),
                (Some(was), None) => found.add(&found.place(), new.rule_of_gone(was), summary(was), ""),
                (None, Some(is)) => found.add(&found.place(), self.rule_of_new(is), "", summary(is)),
                (None, None) => {}
            }
            changes = found.found;
        }
        changes
    }

    /// Why it matters that `was` is not in this manifest any more.
    fn rule_of_gone(&self, was: &ProtocolEntry) -> Rule {
        if was.phase == Phase::Handshake {
            Rule::HandshakeRemoved
        } else if self.versions(&was.name).next().is_some() {
            Rule::VersionRemoved
        } else {
            Rule::ProtocolRemoved
        }
    }

    /// Why it matters that `is` was not in this manifest yet.
    fn rule_of_new(&self, is: &ProtocolEntry) -> Rule {
        if self.released(&is.name).any(|known| known > is.version) {
            Rule::VersionLowered
        } else if is.phase == Phase::Handshake {
            Rule::HandshakeAdded
        } else if self.versions(&is.name).next().is_some() {
            Rule::VersionAdded
        } else {
            Rule::ProtocolAdded
        }
    }

    fn versions<'a>(&'a self, name: &'a str) -> impl Iterator<Item = u16> + 'a {
        self.protocols.iter().filter(move |protocol| protocol.name == name).map(|protocol| protocol.version)
    }

    fn released<'a>(&'a self, name: &'a str) -> impl Iterator<Item = u16> + 'a {
        let of_name = self.protocols.iter().filter(move |protocol| protocol.name == name && !protocol.draft);
        of_name.map(|protocol| protocol.version)
    }

    /// The first version above all that were ever used.
    fn next_version(&self, new: &Self, name: &str) -> u16 {
        self.versions(name).chain(new.versions(name)).max().unwrap_or(0).saturating_add(1)
    }
}

fn summary(protocol: &ProtocolEntry) -> String {
    let names: Vec<_> = protocol.messages.iter().map(|message| message.name.as_str()).collect();
    let messages = if names.is_empty() { "without messages".to_owned() } else { format!("with {}", names.join(", ")) };
    format!("a protocol of the {} phase {messages}", protocol.phase)
}

/// The changes of one protocol, behind those of the protocols before it.
pub(super) struct Changes {
    place: Place,
    /// The version that a change may ask for.
    next: u16,
    /// Whether what was there was never released.
    draft: bool,
    found: Vec<Change>,
}

impl Changes {
    fn place(&self) -> Place {
        self.place.clone()
    }

    pub(super) fn add(&mut self, place: &Place, rule: Rule, before: impl Into<String>, after: impl Into<String>) {
        let asks = rule.asks(self.next);
        let draft = self.draft && asks > Asks::Note;
        let asks = if draft { Asks::Note } else { asks };
        self.found.push(Change { place: place.clone(), rule, before: before.into(), after: after.into(), asks, draft });
    }

    /// A change of one value, if it is one.
    fn differ<T: PartialEq + Display>(&mut self, place: &Place, rule: Rule, was: &T, is: &T) {
        if was != is {
            self.add(place, rule, was.to_string(), is.to_string());
        }
    }

    pub(super) fn docs(&mut self, place: &Place, was: &str, is: &str) {
        if was != is {
            self.add(place, Rule::Docs, format!("{was:?}"), format!("{is:?}"));
        }
    }

    fn protocol(&mut self, was: &ProtocolEntry, is: &ProtocolEntry) {
        let place = self.place();
        self.differ(&place, Rule::Phase, &was.phase, &is.phase);
        self.differ(&place, Rule::Scope, &was.scope, &is.scope);
        self.differ(&place, sessions_rule(was, is), &was.sessions, &is.sessions);
        self.docs(&place, &was.docs, &is.docs);
        self.messages(&place, was, is);
    }

    fn messages(&mut self, place: &Place, was: &ProtocolEntry, is: &ProtocolEntry) {
        let named = |protocol: &ProtocolEntry, name: &str| protocol.messages.iter().any(|message| message.name == name);
        let mut added: Vec<_> = is.messages.iter().filter(|message| !named(was, &message.name)).collect();
        for old in &was.messages {
            let place = place.in_it(&old.name);
            if let Some(new) = is.messages.iter().find(|message| message.name == old.name) {
                self.message(&place, old, new);
            } else if let Some(at) = added.iter().position(|new| old.is_but_for_its_name(new)) {
                let new = added.remove(at);
                self.add(&place, Rule::MessageRenamed, format!("`{}`", old.name), format!("`{}`", new.name));
            } else {
                self.add(&place, Rule::MessageRemoved, old.shape.to_string(), "");
            }
        }
        let handshake = is.phase == Phase::Handshake;
        let rule = if handshake { Rule::HandshakeMessageAdded } else { Rule::MessageAdded };
        for new in added {
            self.add(&place.in_it(&new.name), rule, "", new.shape.to_string());
        }
    }

    fn message(&mut self, place: &Place, was: &MessageEntry, is: &MessageEntry) {
        self.differ(place, Rule::MessageId, &was.id, &is.id);
        self.terms(place, was, is);
        match (&was.answer, &is.answer) {
            (None, None) => {}
            (None, Some(is)) => self.add(place, Rule::AnswerAdded, "", is.summary()),
            (Some(was), None) => self.add(place, Rule::AnswerRemoved, was.summary(), ""),
            (Some(was), Some(is)) => self.answer(place, was, is),
        }
    }

    fn answer(&mut self, place: &Place, was: &AnswerEntry, is: &AnswerEntry) {
        let kind = |answer: &AnswerEntry| matches!(answer, AnswerEntry::Rows(_));
        if kind(was) != kind(is) {
            self.add(place, Rule::AnswerKind, was.summary(), is.summary());
        }
        let (was, place) = (was.message(), place.in_it(is.what()));
        let is = is.message();
        self.differ(&place, Rule::AnswerName, &was.name, &is.name);
        // An answer has no frames under its own id, so the id says no more than the name.
        if was.name == is.name {
            self.differ(&place, Rule::AnswerName, &was.id, &is.id);
        }
        self.terms(&place, was, is);
    }

    /// What two nodes must have in common, and the rest that a message and an answer both have.
    fn terms(&mut self, place: &Place, was: &MessageEntry, is: &MessageEntry) {
        let before = self.found.len();
        self.types(place, &was.shape, &is.shape);
        let explained = self.found[before..].iter().any(|change| change.rule != Rule::Docs);
        if !explained {
            self.differ(place, Rule::Fingerprint, &was.fingerprint, &is.fingerprint);
        }
        self.differ(place, Rule::MaxBytes, &format!("{} bytes", was.max_bytes), &format!("{} bytes", is.max_bytes));
        self.differ(place, Rule::Window, &format!("{} bytes", was.window), &format!("{} bytes", is.window));
        let rate = |message: &MessageEntry| message.rate.map_or_else(|| "any".to_owned(), |rate| rate.to_string());
        self.differ(place, Rule::Rate, &rate(was), &rate(is));
        if was.priority != is.priority {
            let text = |message: &MessageEntry| format!("{:?}", message.priority).to_lowercase();
            self.add(place, Rule::Priority, text(was), text(is));
        }
        self.docs(place, &was.docs, &is.docs);
    }
}

impl MessageEntry {
    /// Whether this is the same message under another name. The name of a message's own type is mostly the message's.
    fn is_but_for_its_name(&self, other: &Self) -> bool {
        let bare = |message: &Self| {
            let mut shape = message.shape.clone();
            shape.forget_name();
            let id_and_hash = (String::new(), String::new());
            Self {
                name: String::new(),
                id: id_and_hash.0,
                fingerprint: id_and_hash.1,
                docs: String::new(),
                shape,
                ..message.clone()
            }
        };
        bare(self) == bare(other)
    }
}

impl AnswerEntry {
    fn what(&self) -> &'static str {
        match self {
            Self::Reply(_) => "reply",
            Self::Rows(_) => "rows",
        }
    }

    fn summary(&self) -> String {
        match self {
            Self::Reply(message) => format!("one reply `{}`", message.name),
            Self::Rows(message) => format!("a stream of `{}`", message.name),
        }
    }
}

/// Which rule a change of sessions is about.
fn sessions_rule(was: &ProtocolEntry, is: &ProtocolEntry) -> Rule {
    if was.phase == Phase::Handshake {
        Rule::HandshakeSessions
    } else if was.sessions.is_paired() != is.sessions.is_paired() {
        Rule::SessionsEnds
    } else if is.sessions.contains(was.sessions) {
        Rule::SessionsWidened
    } else {
        Rule::SessionsNarrowed
    }
}
