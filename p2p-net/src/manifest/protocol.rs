//! A protocol in a manifest.

use serde::{Deserialize, Serialize};

use super::MessageEntry;
use crate::protocol::{Phase, ProtocolDescriptor, Scope, SessionFlags};

/// A protocol and its messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolEntry {
    /// Its name on the wire.
    pub name: String,
    /// Its version.
    pub version: u16,
    /// Whether this version was never released: then nobody runs it, and it may change as it likes. Written into the file
    /// by its author; the code does not know.
    #[serde(default, skip_serializing_if = "is_false")]
    pub draft: bool,
    /// When it runs.
    pub phase: Phase,
    /// How many instances there are.
    pub scope: Scope,
    /// On whose channels it runs.
    #[serde(with = "sessions")]
    pub sessions: SessionFlags,
    /// What its author says about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub docs: String,
    /// The messages it takes, by name, with their answers.
    pub messages: Vec<MessageEntry>,
}

impl ProtocolEntry {
    /// What is known of a protocol before it runs.
    pub fn of(known: &ProtocolDescriptor) -> Self {
        // The order of handlers is nothing that travels.
        let mut messages: Vec<_> = known.handlers.iter().map(|handler| MessageEntry::of(&handler.message)).collect();
        messages.sort_by(|one, other| one.name.cmp(&other.name));
        Self {
            name: known.name.to_owned(),
            version: known.version,
            draft: false,
            phase: known.phase,
            scope: known.scope(),
            sessions: known.sessions,
            docs: known.docs.to_owned(),
            messages,
        }
    }

    pub(super) fn key(&self) -> (&str, u16) {
        (&self.name, self.version)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Sessions as a list of their names: `["inbound", "outbound"]`.
mod sessions {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::protocol::SessionFlags;

    pub(super) fn serialize<S: Serializer>(sessions: &SessionFlags, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(sessions.iter_names().map(|(name, _)| name.to_ascii_lowercase()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SessionFlags, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().try_fold(SessionFlags::empty(), |sessions, name| match name.as_str() {
            "inbound" => Ok(sessions | SessionFlags::INBOUND),
            "outbound" => Ok(sessions | SessionFlags::OUTBOUND),
            "manual" => Ok(sessions | SessionFlags::MANUAL),
            "seed" => Ok(sessions | SessionFlags::SEED),
            "relayed" => Ok(sessions | SessionFlags::RELAYED),
            other => {
                let text =
                    format!("there is no session `{other}`, there are: inbound, outbound, manual, seed, relayed");
                Err(D::Error::custom(text))
            }
        })
    }
}
