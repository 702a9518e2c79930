//! Messages: what one is, how it is encoded, framed, and handed to those who subscribed to it.
//!
//! [`Message`] and [`Schema`] are what `#[derive(Message)]` implements. [`frame`] and [`lane`] are pure: they do no I/O
//! and know no runtime. The [`MessageSubsystem`] of a channel holds a [`MessageDispatcher`] per lane; the channel's reader
//! hands it the frames that arrive, subscriptions take them out. Nothing here knows a channel or a socket.

mod budget;
mod bytes;
pub(crate) mod codec;
mod dispatcher;
pub mod frame;
mod inbox;
pub mod lane;
#[allow(clippy::module_inception, reason = "the folder and the file are named after the one concept")]
mod message;
mod schema;
mod subscription;
mod subsystem;
pub(crate) mod window;

pub use bytes::Bytes;
pub use codec::{DecodeError, EncodeError};
pub use dispatcher::MessageDispatcher;
pub(crate) use inbox::InboxShared;
pub use inbox::{Closed, Correlation, Delivery, Inbox, OwnedDelivery};
pub use message::{
    Answer, DEFAULT_WINDOW, Many, Message, MessageId, MessageSpec, One, Priority, Request, StreamRequest,
};
pub use schema::{Field, Memory, Schema, Shape, Variant};
pub use subscription::{MessageSubscription, ReceiveError};
pub use subsystem::{Grants, MessageSubsystem, Violation};
pub use window::MOST_GROWTH;
