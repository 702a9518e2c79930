//! A subscription to one message type. In DarkFi: `MessageSubscription`.

use std::marker::PhantomData;

use super::codec::DecodeError;
use super::{Closed, Inbox, Message};

/// The messages of one type on one channel, for protocols written by hand; dropping it unsubscribes.
///
/// ```
/// use p2p_net::message::MessageSubscription;
/// use p2p_net::prelude::*;
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
///
/// async fn first(mut says: MessageSubscription<Say>) -> Result<String> {
///     let Say(text) = says.receive().await?;
///     Ok(text)
/// }
/// ```
#[derive(Debug)]
pub struct MessageSubscription<M> {
    inbox: Inbox,
    message: PhantomData<fn() -> M>,
}

/// Nothing could be received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// The channel is over.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The peer sent something else under this message's name.
    #[error("message `{message}`: {error}")]
    Decode {
        /// The message's name.
        message: &'static str,
        /// What was wrong.
        error: DecodeError,
    },
}

impl<M: Message> MessageSubscription<M> {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self { inbox, message: PhantomData }
    }

    /// The next message, decoded here, in the subscriber's task.
    ///
    /// # Errors
    ///
    /// When the channel is over, or the bytes are not those of an `M`.
    ///
    /// # Cancel safety
    ///
    /// Safe: a message is returned or stays.
    pub async fn receive(&mut self) -> Result<M, ReceiveError> {
        let delivery = self.inbox.next().await?;
        delivery.decode().map_err(|error| ReceiveError::Decode { message: M::NAME, error })
    }
}
