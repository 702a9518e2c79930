//! The rules of wire compatibility: one for each kind of change, with what it breaks and what it asks.

use std::fmt;

/// What a change asks of whoever makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asks {
    /// Nothing: no peer can tell.
    Nothing,
    /// A look: peers of both builds go on, with a difference that may matter.
    Note,
    /// A decision: it parts old nodes from new ones in some way, and no version number heals that.
    Decision,
    /// This version number for the protocol: under the old one, builds would disagree about what it means.
    Version(u16),
}

impl fmt::Display for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Note => f.write_str("a look"),
            Self::Decision => f.write_str("a decision"),
            Self::Version(next) => write!(f, "a new version: `version = {next}`"),
        }
    }
}

/// What a rule asks, before it is known of which protocol.
#[derive(Clone, Copy)]
enum Kind {
    Nothing,
    Note,
    Decision,
    Version,
}

/// Writes the enum, its names and its reasons from one table, so that they cannot drift apart.
macro_rules! rules {
    ($($rule:ident $name:literal $asks:ident $reason:literal)*) => {
        /// A rule of wire compatibility: what kind of change it is about. The table of them is in `docs/wire.md`, "Changes".
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = concat!("`", $name, "`: ", $reason, ".")] $rule,)*
        }

        impl Rule {
            /// Every rule, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$rule),*];

            /// Its name in reports and in the table.
            pub fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)* }
            }

            /// What such a change does between an old node and a new one.
            pub fn reason(self) -> &'static str {
                match self { $(Self::$rule => $reason,)* }
            }

            fn kind(self) -> Kind {
                match self { $(Self::$rule => Kind::$asks,)* }
            }
        }
    };
}

rules! {
    ProtocolAdded "protocol-added" Note "old nodes do not run it, so the two do not run it together"
    ProtocolRemoved "protocol-removed" Decision "old nodes lose it with new ones, whatever they do"
    VersionAdded "version-added" Note "two nodes run the highest version both have"
    VersionRemoved "version-removed" Note "nodes that have no other version in common no longer run the protocol together"
    VersionLowered "version-lowered" Version "the lower number may have meant something else: if the old version is back, bring back its entry from the file's history"
    HandshakeAdded "handshake-added" Decision "a node with a handshake protocol refuses every node without it"
    HandshakeRemoved "handshake-removed" Decision "old nodes refuse every node without it"
    Phase "phase" Version "a node that runs it in the handshake refuses one that runs it only after"
    HandshakeSessions "handshake-sessions" Decision "where only one end runs it, the handshake refuses the peer"
    SessionsEnds "sessions-ends" Decision "it is for both ends of a channel only when one of its sessions is inbound and one is outbound, manual or seed: where it was, one end is left alone"
    SessionsNarrowed "sessions-narrowed" Note "on the sessions taken out, it runs with no peer any more, old or new"
    SessionsWidened "sessions-widened" Note "on the added sessions it runs with new nodes only"
    Scope "scope" Note "how many instances a node has shows only in how it behaves"
    Docs "docs" Nothing "words do not travel"
    MessageAdded "message-added" Note "it does not travel between old and new nodes: sending it to an old one is an error"
    MessageRemoved "message-removed" Version "old nodes cannot send it to new ones, and nothing in the handshake says so"
    MessageRenamed "message-renamed" Version "the name is the lane: for old nodes it is another message"
    MessageId "message-id" Version "frames carry the id: for old nodes it is another message"
    HandshakeMessageAdded "handshake-message-added" Version "handshake messages are not agreed on: for an old node it is one that nobody announced"
    MaxBytes "max-bytes" Version "it is one of the terms: raised or lowered, the handshake refuses the protocol"
    Window "window" Version "it is one of the terms: raised or lowered, the handshake refuses the protocol"
    Rate "rate" Version "it is one of the terms: given, taken or changed, the handshake refuses the protocol"
    Priority "priority" Note "it orders only what its sender has queued up"
    AnswerAdded "answer-added" Version "requests to old nodes are errors: they have no answer to give"
    AnswerRemoved "answer-removed" Version "requests of old nodes are errors now"
    AnswerKind "answer-kind" Version "one reply and a stream of rows are different terms: the handshake refuses the protocol"
    AnswerName "answer-name" Nothing "answers travel under the name of what they answer"
    Fingerprint "fingerprint" Version "it is one of the terms: the handshake refuses the protocol"
    TypeChanged "type-changed" Version "it is another encoding: the fingerprint differs, and the handshake refuses the protocol"
    TypeRenamed "type-renamed" Version "the fingerprint counts names: the handshake refuses the protocol"
    FieldAdded "field-added" Version "the encoding names no fields: the fingerprint differs, and the handshake refuses the protocol"
    FieldRemoved "field-removed" Version "the encoding names no fields: the fingerprint differs, and the handshake refuses the protocol"
    FieldRenamed "field-renamed" Version "the fingerprint counts names: the handshake refuses the protocol"
    FieldsReordered "fields-reordered" Version "fields travel in their order: the fingerprint differs, and the handshake refuses the protocol"
    VariantAdded "variant-added" Version "old nodes cannot decode it: the fingerprint differs, and the handshake refuses the protocol"
    VariantRemoved "variant-removed" Version "new nodes cannot decode it: the fingerprint differs, and the handshake refuses the protocol"
    VariantRenamed "variant-renamed" Version "the fingerprint counts names: the handshake refuses the protocol"
    VariantsReordered "variants-reordered" Version "variants travel as their number: the fingerprint differs, and the handshake refuses the protocol"
}

impl Rule {
    /// What such a change asks; `next` is the first version of its protocol that nobody used.
    pub fn asks(self, next: u16) -> Asks {
        match self.kind() {
            Kind::Nothing => Asks::Nothing,
            Kind::Note => Asks::Note,
            Kind::Decision => Asks::Decision,
            Kind::Version => Asks::Version(next),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
