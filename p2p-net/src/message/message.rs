//! What a message is: a type with a name, an upper bound on its size, and a window of its own.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::schema::{Schema, mix_number};
use crate::rate::Rate;

/// Bytes of one message type that may be under way or unread on a channel, unless its type says otherwise.
///
/// 1 MiB keeps a link of 100 Mbit/s busy at 80 ms and bounds what a protocol that reads nothing can hold.
pub const DEFAULT_WINDOW: u32 = 1 << 20;

/// A type that travels over a channel, in a lane of its own; implemented by `#[derive(Message)]`.
///
/// ```
/// use p2p_net::prelude::*;
///
/// #[derive(Message, Serialize, Deserialize)]
/// #[message(max_bytes = 4096)]
/// struct Say { text: String }
///
/// assert_eq!(Say::NAME, "say");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "not a message",
    note = "a message has `#[derive(Message, Serialize, Deserialize)]`"
)]
pub trait Message: Schema + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name on the wire; stable, whatever the type is called later.
    const NAME: &'static str;
    /// The name's hash, as frames carry it.
    const ID: MessageId = MessageId::of(Self::NAME);
    /// The most bytes one encoded message may have.
    const MAX_BYTES: usize;
    /// The most bytes of this type, with frame headers, that may be under way or unread on a channel.
    const WINDOW: u32 = DEFAULT_WINDOW;
    /// How often a peer may send it: more is misbehaviour. None: as often as its window lets it.
    const RATE: Option<Rate> = None;
    /// Whether it leaves ahead of what has queued up before it.
    const PRIORITY: Priority = Priority::Normal;
    /// What its handler answers: [`One<()>`](One) nothing, `One<R>` one reply, [`Many<R>`](Many) a stream of rows.
    type Answer: Answer;
}

/// A message that is answered by exactly one reply; implemented by `#[message(reply = Type)]`.
///
/// ```
/// use p2p_net::prelude::*;
///
/// #[derive(Message, Serialize, Deserialize)]
/// #[message(reply = Pong)]
/// struct Ping;
///
/// #[derive(Message, Serialize, Deserialize)]
/// struct Pong;
///
/// async fn ask<M: Request>(channel: &Channel, request: M) -> Result<M::Reply> {
///     Ok(channel.request(request).await?)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no reply, so it cannot be requested",
    label = "no reply declared",
    note = "declare one with `#[message(reply = Type)]` on `{Self}`, or use `channel.send`, or `channel.stream` if it has a stream"
)]
pub trait Request: Message {
    /// The reply.
    type Reply: Message;
}

/// A message that is answered by a stream of rows; implemented by `#[message(stream = Type)]`.
///
/// ```
/// use futures::TryStreamExt;
/// use p2p_net::prelude::*;
///
/// async fn all<M: StreamRequest>(channel: &Channel, request: M) -> Result<Vec<M::Row>> {
///     Ok(channel.stream(request).try_collect().await?)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no stream, so its rows cannot be asked for",
    label = "no stream declared",
    note = "declare one with `#[message(stream = Type)]` on `{Self}`, or use `channel.request` or `channel.send`"
)]
pub trait StreamRequest: Message {
    /// One row of the stream.
    type Row: Message;
}

/// In which order small messages leave a channel.
///
/// ```
/// use p2p_net::message::Priority;
/// use p2p_net::prelude::*;
///
/// #[derive(Message, Serialize, Deserialize)]
/// #[message(max_bytes = 16, priority = high)]
/// struct Alarm(u32);
///
/// assert_eq!(Alarm::PRIORITY, Priority::High);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// In the order they were sent.
    #[default]
    Normal,
    /// Ahead of the normal ones that have queued up; in order among themselves. For what is small, rare and urgent.
    High,
}

/// The answer of a message with one reply, or with none: `One<()>`.
#[derive(Debug, Clone, Copy)]
pub struct One<R>(PhantomData<R>);

/// The answer of a message that is answered by a stream of rows.
#[derive(Debug, Clone, Copy)]
pub struct Many<R>(PhantomData<R>);

/// What can stand as [`Message::Answer`].
pub trait Answer {
    /// The message that answers, when there is one.
    const REPLY: Option<fn() -> MessageSpec>;
    /// Whether any number of them do.
    const STREAM: bool = false;
}

impl Answer for One<()> {
    const REPLY: Option<fn() -> MessageSpec> = None;
}

impl<R: Message> Answer for One<R> {
    const REPLY: Option<fn() -> MessageSpec> = Some(MessageSpec::of::<R>);
}

impl<R: Message> Answer for Many<R> {
    const STREAM: bool = true;
    const REPLY: Option<fn() -> MessageSpec> = Some(MessageSpec::of::<R>);
}

/// A message type as frames name it: the FNV-1a hash of its name.
///
/// ```
/// use p2p_net::message::MessageId;
///
/// assert_eq!(MessageId::of("say"), MessageId::of("say"));
/// assert_ne!(MessageId::of("say"), MessageId::of_replies_to("say"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u32);

impl MessageId {
    /// The id of the message called `name`.
    pub const fn of(name: &str) -> Self {
        Self(fnv1a(FNV_OFFSET, name.as_bytes()))
    }

    /// The id of the lane on which replies to the message called `name` travel.
    pub const fn of_replies_to(name: &str) -> Self {
        Self(fnv1a(fnv1a(FNV_OFFSET, name.as_bytes()), b"/reply"))
    }

    /// From the four bytes of a frame header.
    pub const fn from_wire(id: u32) -> Self {
        Self(id)
    }

    /// The number that frames carry.
    pub const fn to_wire(self) -> u32 {
        self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}

const FNV_OFFSET: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;

const fn fnv1a(mut hash: u32, bytes: &[u8]) -> u32 {
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(FNV_PRIME);
        at += 1;
    }
    hash
}

/// A message type as constant data: what a node knows of it without the type.
///
/// ```
/// use p2p_net::message::MessageSpec;
/// use p2p_net::prelude::*;
///
/// #[derive(Message, Serialize, Deserialize)]
/// #[message(max_bytes = 64)]
/// struct Say(String);
///
/// let spec = MessageSpec::of::<Say>();
/// assert_eq!((spec.name, spec.max_bytes, spec.stream), ("say", 64, false));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MessageSpec {
    /// [`Message::NAME`].
    pub name: &'static str,
    /// [`Message::ID`].
    pub id: MessageId,
    /// [`Message::MAX_BYTES`].
    pub max_bytes: usize,
    /// [`Message::WINDOW`].
    pub window: u32,
    /// [`Schema::FINGERPRINT`].
    pub fingerprint: u64,
    /// [`Schema::SHAPE`].
    pub shape: &'static super::Shape,
    /// The message that answers it.
    pub reply: Option<fn() -> MessageSpec>,
    /// Whether it is answered by any number of them.
    pub stream: bool,
    /// [`Message::RATE`].
    pub rate: Option<Rate>,
    /// [`Message::PRIORITY`].
    pub priority: Priority,
    /// The Rust type's path, to tell apart two types of one name in an error.
    pub type_name: fn() -> &'static str,
}

#[cfg(test)]
impl MessageSpec {
    /// One of a message without fields, for tests of what lists and carries messages.
    pub(crate) fn named(name: &'static str) -> Self {
        Self {
            name,
            id: MessageId::of(name),
            max_bytes: 64,
            window: 4096,
            fingerprint: 1,
            shape: &super::Shape::Unit,
            reply: None,
            stream: false,
            rate: None,
            priority: Priority::Normal,
            type_name: || "T",
        }
    }
}

impl MessageSpec {
    /// The data of `M`.
    pub const fn of<M: Message>() -> Self {
        Self {
            name: M::NAME,
            id: M::ID,
            max_bytes: M::MAX_BYTES,
            window: M::WINDOW,
            fingerprint: M::FINGERPRINT,
            shape: &M::SHAPE,
            reply: M::Answer::REPLY,
            stream: M::Answer::STREAM,
            rate: M::RATE,
            priority: M::PRIORITY,
            type_name: std::any::type_name::<M>,
        }
    }

    /// A hash of what two nodes must have in common to exchange the message: its shape, its largest size, its window, and
    /// its rate if it has one.
    ///
    /// Nodes where these differ would take each other's honest frames for violations.
    pub const fn terms(&self) -> u64 {
        let terms = mix_number(mix_number(self.fingerprint, self.max_bytes as u64), self.window as u64);
        let Some(Rate { count, per, burst }) = self.rate else { return terms };
        mix_number(mix_number(mix_number(terms, count as u64), per.as_millis() as u64), burst as u64)
    }

    /// The same of what answers it: one reply and a stream of rows are different answers, even of one type.
    pub fn reply_terms(&self) -> Option<u64> {
        let reply = self.reply?().terms();
        Some(if self.stream { !reply } else { reply })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_fnv1a_hash_of_the_name() {
        assert_eq!(MessageId::of("").to_wire(), 0x811c_9dc5);
        assert_eq!(MessageId::of("a").to_wire(), 0xe40c_292c);
        assert_eq!(MessageId::of("foobar").to_wire(), 0xbf9c_f968);
    }

    #[test]
    fn another_shape_size_or_window_is_another_message() {
        let one = MessageSpec {
            name: "say",
            id: MessageId::of("say"),
            max_bytes: 100,
            window: 1000,
            fingerprint: 1,
            shape: &crate::message::Shape::Unit,
            reply: None,
            stream: false,
            rate: None,
            priority: Priority::Normal,
            type_name: || "Say",
        };
        let others = [
            MessageSpec { fingerprint: 2, ..one },
            MessageSpec { max_bytes: 101, ..one },
            MessageSpec { window: 1001, ..one },
            MessageSpec { max_bytes: 1000, window: 100, ..one },
            MessageSpec { rate: Some(Rate::new(1, std::time::Duration::from_secs(1), 1)), ..one },
        ];
        assert!(others.iter().all(|other| other.terms() != one.terms()));
        let (reply, stream) =
            (MessageSpec { reply: Some(MessageSpec::of::<crate::protocol::argument::NoMessage>), ..one }, true);
        assert_ne!(reply.reply_terms(), MessageSpec { stream, ..reply }.reply_terms());
    }

    #[test]
    fn replies_travel_under_an_id_of_their_own() {
        assert_eq!(MessageId::of_replies_to("ping"), MessageId::of("ping/reply"));
        assert_ne!(MessageId::of_replies_to("ping"), MessageId::of("ping"));
    }
}
