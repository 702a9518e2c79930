//! A message in a manifest, and what answers it.

use serde::{Deserialize, Serialize};

use super::Type;
use crate::message::{MessageSpec, Priority};
use crate::rate::Rate;

/// A message: all of the terms on which two nodes exchange it, and what answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageEntry {
    /// Its name; its lane is called by the hash of it.
    pub name: String,
    /// What frames call it, in hexadecimal.
    pub id: String,
    /// The hash of its shape, in hexadecimal.
    pub fingerprint: String,
    /// The most bytes one encoded message may have.
    pub max_bytes: usize,
    /// The most bytes of it that may be under way or unread on a channel.
    pub window: u32,
    /// How often a peer may send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Whether it leaves ahead of what has queued up.
    #[serde(default, skip_serializing_if = "is_normal")]
    pub priority: Priority,
    /// What its author says about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub docs: String,
    /// Its shape.
    #[serde(rename = "type")]
    pub shape: Type,
    /// What answers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerEntry>,
}

/// What answers a message; the answers of that are no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerEntry {
    /// One message.
    Reply(Box<MessageEntry>),
    /// Any number of one message.
    Rows(Box<MessageEntry>),
}

impl MessageEntry {
    /// What a node knows of a message without its type.
    pub fn of(spec: &MessageSpec) -> Self {
        let answer = spec.reply.map(|reply| {
            // Of an answer only its own terms matter; and two messages may answer each other.
            let message = Box::new(Self::of(&MessageSpec { reply: None, ..reply() }));
            if spec.stream { AnswerEntry::Rows(message) } else { AnswerEntry::Reply(message) }
        });
        let (docs, shape) = Type::documented(spec.shape);
        Self {
            name: spec.name.to_owned(),
            id: spec.id.to_string(),
            fingerprint: format!("{:016x}", spec.fingerprint),
            max_bytes: spec.max_bytes,
            window: spec.window,
            rate: spec.rate,
            priority: spec.priority,
            docs: docs.to_owned(),
            shape,
            answer,
        }
    }
}

impl AnswerEntry {
    /// The message that answers.
    pub fn message(&self) -> &MessageEntry {
        match self {
            Self::Reply(message) | Self::Rows(message) => message,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_normal(priority: &Priority) -> bool {
    *priority == Priority::Normal
}
