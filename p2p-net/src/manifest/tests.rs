//! Every rule, played on a descriptor and held against what the handshake does with the same two protocols.

use std::collections::BTreeSet;

use super::*;
use crate::message::lane::LaneTable;
use crate::message::{Field as F, MessageId, MessageSpec, Priority, Schema, Shape, Variant as V};
use crate::protocol::{Agreement, Construct, Handles, Offer, Phase, SessionFlags};
use crate::rate::Rate;

mod json;

const SAY: Shape = Shape::Struct("say", &[F::new("text", &String::SHAPE), F::new("kind", &KIND)]);
const BY: &[F] = &[F::new("by", &u8::SHAPE)];
const BY_U16: &[F] = &[F::new("by", &u16::SHAPE)];
const KIND: Shape = Shape::Enum("Kind", &[V::new("Loud", &[]), V::new("Soft", &[F::new("by", &u8::SHAPE)])]);

/// What a protocol was, or is.
#[derive(Clone)]
struct Known {
    version: u16,
    phase: Phase,
    sessions: SessionFlags,
    node: bool,
    docs: &'static str,
    messages: Vec<MessageSpec>,
}

fn spec(name: &'static str, shape: Shape) -> MessageSpec {
    let fingerprint = shape.fingerprint();
    let shape = Box::leak(Box::new(shape));
    MessageSpec { max_bytes: 100, window: 10_000, fingerprint, shape, ..MessageSpec::named(name) }
}

fn yes() -> MessageSpec {
    spec("yes", Shape::Unit)
}

fn aye() -> MessageSpec {
    spec("aye", Shape::Unit)
}

fn no() -> MessageSpec {
    spec("yes", u8::SHAPE)
}

fn chat() -> Known {
    let ask = MessageSpec { reply: Some(yes), ..spec("ask", Shape::Unit) };
    let sessions = SessionFlags::INBOUND | SessionFlags::OUTBOUND;
    let messages = vec![spec("say", SAY), ask];
    Known { version: 1, phase: Phase::Main, sessions, node: false, docs: "Talk.", messages }
}

impl Known {
    fn handlers(&self) -> &'static [Handles] {
        self.messages.iter().map(|message| Handles { message: *message, requires: &[] }).collect::<Vec<_>>().leak()
    }

    fn manifest(&self) -> Manifest {
        let construct = match self.node {
            false => Construct::Channel(|_| unreachable!("no node runs it")),
            true => Construct::Node(|_| unreachable!("no node runs it")),
        };
        Manifest::of([&ProtocolDescriptor {
            name: "chat",
            version: self.version,
            sessions: self.sessions,
            phase: self.phase,
            handlers: self.handlers(),
            requires: &[],
            construct,
            at: "",
            module: "",
            docs: self.docs,
        }])
    }

    fn offer(&self) -> Offer {
        let (name, handlers) = ("chat", self.handlers());
        let (version, phase, sessions) = (self.version, self.phase, self.sessions);
        Offer::of([crate::protocol::OfferKnown { name, version, phase, sessions, handlers }], SessionFlags::INBOUND)
    }
}

/// Whether the handshake of a node that runs the one with a node that runs the other notices.
fn is_refused(was: &Known, is: &Known) -> bool {
    let lanes = LaneTable::new(was.messages.iter().map(|message| (*message, false))).unwrap();
    Agreement::of(&was.offer(), &is.offer(), &lanes).map_or(true, |agreement| !agreement.refused().is_empty())
}

/// A change of what `chat` is.
type Edit = fn(&mut Known);

fn say(known: &mut Known, shape: Shape) {
    known.messages[0] = spec("say", shape);
}

/// A change of each kind, where it is told, and whether the handshake notices it.
const CASES: &[(Rule, &str, bool, Edit)] = &[
    (Rule::Phase, "chat/1", true, |chat| chat.phase = Phase::Handshake),
    (Rule::SessionsEnds, "chat/1", false, |chat| chat.sessions = SessionFlags::INBOUND),
    (Rule::SessionsNarrowed, "chat/1", false, |chat| chat.sessions = SessionFlags::INBOUND | SessionFlags::SEED),
    (Rule::SessionsWidened, "chat/1", false, |chat| chat.sessions = SessionFlags::ALL),
    (Rule::Scope, "chat/1", false, |chat| chat.node = true),
    (Rule::Docs, "chat/1", false, |chat| chat.docs = ""),
    (Rule::MessageAdded, "chat/1 · wave", false, |chat| chat.messages.push(spec("wave", Shape::Unit))),
    (Rule::MessageRemoved, "chat/1 · ask", false, |chat| chat.messages.truncate(1)),
    (Rule::MessageRenamed, "chat/1 · say", false, |chat| {
        let Shape::Struct(_, fields) = SAY else { return };
        chat.messages[0] = spec("tell", Shape::Struct("tell", fields));
    }),
    (Rule::MessageId, "chat/1 · say", false, |chat| chat.messages[0].id = MessageId::from_wire(7)),
    (Rule::MaxBytes, "chat/1 · say", true, |chat| chat.messages[0].max_bytes = 101),
    (Rule::MaxBytes, "chat/1 · say", true, |chat| chat.messages[0].max_bytes = 99),
    (Rule::Window, "chat/1 · say", true, |chat| chat.messages[0].window = 20_000),
    (Rule::Rate, "chat/1 · say", true, |chat| {
        chat.messages[0].rate = Some(Rate::new(1, std::time::Duration::from_secs(1), 1));
    }),
    (Rule::Priority, "chat/1 · say", false, |chat| chat.messages[0].priority = Priority::High),
    (Rule::AnswerAdded, "chat/1 · say", false, |chat| chat.messages[0].reply = Some(yes)),
    (Rule::AnswerRemoved, "chat/1 · ask", false, |chat| chat.messages[1].reply = None),
    (Rule::AnswerKind, "chat/1 · ask", true, |chat| chat.messages[1].stream = true),
    (Rule::AnswerName, "chat/1 · ask · reply", false, |chat| chat.messages[1].reply = Some(aye)),
    (Rule::TypeChanged, "chat/1 · ask · reply", true, |chat| chat.messages[1].reply = Some(no)),
    (Rule::Fingerprint, "chat/1 · say", true, |chat| chat.messages[0].fingerprint = 7),
    (Rule::TypeChanged, "chat/1 · say · field text", true, |chat| {
        say(chat, const { Shape::Struct("say", &[F::new("text", &Shape::Bytes), F::new("kind", &KIND)]) });
    }),
    (Rule::TypeRenamed, "chat/1 · say", true, |chat| {
        say(chat, const { Shape::Struct("Say", &[F::new("text", &String::SHAPE), F::new("kind", &KIND)]) });
    }),
    (Rule::FieldAdded, "chat/1 · say · field at", true, |chat| {
        let fields = const { &[F::new("at", &u64::SHAPE), F::new("text", &String::SHAPE), F::new("kind", &KIND)] };
        say(chat, Shape::Struct("say", fields));
    }),
    (Rule::FieldRemoved, "chat/1 · say · field text", true, |chat| {
        say(chat, const { Shape::Struct("say", &[F::new("kind", &KIND)]) });
    }),
    (Rule::FieldRenamed, "chat/1 · say · field text", true, |chat| {
        say(chat, const { Shape::Struct("say", &[F::new("line", &String::SHAPE), F::new("kind", &KIND)]) });
    }),
    (Rule::FieldsReordered, "chat/1 · say", true, |chat| {
        say(chat, const { Shape::Struct("say", &[F::new("kind", &KIND), F::new("text", &String::SHAPE)]) });
    }),
    (Rule::Docs, "chat/1 · say", false, |chat| say(chat, Shape::Documented("A line.", &SAY))),
    (Rule::Docs, "chat/1 · say · field text", false, |chat| {
        let fields = const { &[F::new("text", &String::SHAPE).docs("Which."), F::new("kind", &KIND)] };
        say(chat, Shape::Struct("say", fields));
    }),
    (Rule::VariantAdded, "chat/1 · say · field kind · variant Mute", true, |chat| {
        kind(chat, const { &[V::new("Loud", &[]), V::new("Soft", BY), V::new("Mute", &[])] });
    }),
    (Rule::VariantRemoved, "chat/1 · say · field kind · variant Soft", true, |chat| {
        kind(chat, const { &[V::new("Loud", &[])] });
    }),
    (Rule::VariantRenamed, "chat/1 · say · field kind · variant Loud", true, |chat| {
        kind(chat, const { &[V::new("Noisy", &[]), V::new("Soft", BY)] });
    }),
    (Rule::VariantsReordered, "chat/1 · say · field kind", true, |chat| {
        kind(chat, const { &[V::new("Soft", BY), V::new("Loud", &[])] });
    }),
    (Rule::TypeChanged, "chat/1 · say · field kind · variant Soft · field by", true, |chat| {
        kind(chat, const { &[V::new("Loud", &[]), V::new("Soft", BY_U16)] });
    }),
    (Rule::Docs, "chat/1 · say · field kind · variant Loud", false, |chat| {
        kind(chat, const { &[V::new("Loud", &[]).docs("In capitals."), V::new("Soft", BY)] });
    }),
];

fn kind(chat: &mut Known, variants: &'static [V]) {
    let kind = Box::leak(Box::new(Shape::Enum("Kind", variants)));
    let fields = vec![F::new("text", &String::SHAPE), F::new("kind", kind)];
    say(chat, Shape::Struct("say", fields.leak()));
}

#[test]
fn each_change_is_told_by_one_rule_at_its_place() {
    for (rule, place, _, edit) in CASES {
        let (was, mut is) = (chat(), chat());
        edit(&mut is);
        let changes = was.manifest().changes_to(&is.manifest());
        let found: Vec<_> = changes.iter().map(|change| (change.rule, change.place.to_string())).collect();
        assert_eq!(found, [(*rule, (*place).to_owned())]);
    }
}

#[test]
fn what_the_handshake_refuses_asks_for_a_version() {
    for (rule, place, refused, edit) in CASES {
        let (was, mut is) = (chat(), chat());
        edit(&mut is);
        let changes = was.manifest().changes_to(&is.manifest());
        assert_eq!(is_refused(&was, &is), *refused, "{rule} at {place}");
        let asks = changes.iter().any(|change| change.asks == Asks::Version(2));
        assert!(asks || !refused, "{rule} at {place}");
        assert_eq!(rule.reason().contains("the handshake refuses"), *refused, "{rule} at {place}");
    }
}

#[test]
fn an_added_handshake_message_asks_for_a_version() {
    let mut was = chat();
    was.phase = Phase::Handshake;
    let mut is = was.clone();
    is.messages.push(spec("wave", Shape::Unit));
    let changes = was.manifest().changes_to(&is.manifest());
    assert_eq!((changes.len(), changes[0].rule), (1, Rule::HandshakeMessageAdded));
    assert_eq!(changes[0].asks, Asks::Version(2));
}

fn with_versions(versions: &[u16], phase: Phase) -> Manifest {
    let one = |version| Known { version, phase, ..chat() }.manifest().protocols;
    Manifest { protocols: versions.iter().copied().flat_map(one).collect() }
}

#[test]
fn protocols_and_versions_come_and_go_by_rules_of_their_own() {
    use Phase::{Handshake, Main};
    type Case<'a> = (&'a [u16], &'a [u16], Phase, &'a [(Rule, Asks)]);
    let cases: [Case<'_>; 8] = [
        (&[], &[1], Main, &[(Rule::ProtocolAdded, Asks::Note)]),
        (&[1], &[], Main, &[(Rule::ProtocolRemoved, Asks::Decision)]),
        (&[1], &[1, 2], Main, &[(Rule::VersionAdded, Asks::Note)]),
        (&[1], &[2], Main, &[(Rule::VersionRemoved, Asks::Note), (Rule::VersionAdded, Asks::Note)]),
        (&[3], &[2, 3], Main, &[(Rule::VersionLowered, Asks::Version(4))]),
        (&[1], &[1, 2], Handshake, &[(Rule::HandshakeAdded, Asks::Decision)]),
        (&[1, 2], &[2], Handshake, &[(Rule::HandshakeRemoved, Asks::Decision)]),
        (&[1, 2], &[1, 2], Main, &[]),
    ];
    for (was, is, phase, expected) in cases {
        let changes = with_versions(was, phase).changes_to(&with_versions(is, phase));
        let found: Vec<_> = changes.iter().map(|change| (change.rule, change.asks)).collect();
        assert_eq!(found, expected, "from {was:?} to {is:?}");
    }
}

#[test]
fn a_version_that_is_taken_back_before_its_release_leaves_its_number() {
    let mut was = with_versions(&[2], Phase::Main);
    was.protocols[0].draft = true;
    let changes = was.changes_to(&with_versions(&[1], Phase::Main));
    assert!(changes.iter().all(|change| change.asks <= Asks::Note), "{changes:?}");
}

#[test]
fn a_draft_may_change_as_it_likes_and_the_report_says_why() {
    let (mut was, mut is) = (chat().manifest(), chat());
    was.protocols[0].draft = true;
    is.messages[0].max_bytes = 50;
    let changes = was.changes_to(&is.manifest());
    assert_eq!((changes[0].asks, changes[0].draft), (Asks::Note, true));
    assert!(changes[0].to_string().ends_with("asks a look, since this version is a draft"), "{}", changes[0]);
}

#[test]
fn a_handshake_on_other_sessions_is_a_decision() {
    let was = Known { phase: Phase::Handshake, sessions: SessionFlags::ALL, ..chat() };
    let is = Known { sessions: SessionFlags::ALL - SessionFlags::SEED, ..was.clone() };
    let changes = was.manifest().changes_to(&is.manifest());
    assert_eq!((changes[0].rule, changes[0].asks), (Rule::HandshakeSessions, Asks::Decision));
}

#[test]
fn every_rule_is_played_and_has_a_name_of_its_own() {
    let elsewhere = [
        Rule::ProtocolAdded,
        Rule::ProtocolRemoved,
        Rule::VersionAdded,
        Rule::VersionRemoved,
        Rule::VersionLowered,
        Rule::HandshakeAdded,
        Rule::HandshakeRemoved,
        Rule::HandshakeMessageAdded,
        Rule::HandshakeSessions,
    ];
    let played: BTreeSet<_> = CASES.iter().map(|case| case.0).chain(elsewhere).collect();
    assert_eq!(played, Rule::ALL.iter().copied().collect());
    let names: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), Rule::ALL.len());
}

#[test]
fn the_table_in_the_document_is_this_one() {
    let document = include_str!("../../../docs/wire.md");
    let table = document.split("| rule | what it breaks | asks |\n|---|---|---|\n").nth(1).unwrap();
    let written: Vec<_> = table.lines().take_while(|line| line.starts_with('|')).collect();
    let asks = |rule: &Rule| match rule.asks(0) {
        Asks::Version(_) => "a version".to_owned(),
        other => other.to_string(),
    };
    let rows: Vec<_> =
        Rule::ALL.iter().map(|rule| format!("| `{rule}` | {} | {} |", rule.reason(), asks(rule))).collect();
    assert_eq!(written, rows);
}
