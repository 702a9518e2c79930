//! The error of handlers, jobs and constructors: whatever went wrong, and what to tell the peer.

use std::error::Error as StdError;
use std::fmt;

use crate::disconnect::DisconnectReason;
use crate::message::{DecodeError, ReceiveError};

/// What a protocol's own code returns when it cannot go on; anything that implements [`std::error::Error`] becomes one with `?`.
///
/// Returned from a handler or a job it ends the connection to that peer, with [`DisconnectReason::HandlerFailed`] unless
/// [`Error::disconnect`] names another reason; a message that did not decode is [`DisconnectReason::Malformed`].
pub struct Error {
    reason: Option<DisconnectReason>,
    source: Box<dyn StdError + Send + Sync>,
}

/// The result of a protocol's own code.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that is only a text.
    pub fn msg(text: impl Into<String>) -> Self {
        Self { reason: None, source: text.into().into() }
    }

    /// An error that ends the connection with `reason`; the peer is told both.
    pub fn disconnect(reason: DisconnectReason, detail: impl Into<String>) -> Self {
        Self { reason: Some(reason), source: detail.into().into() }
    }

    /// What the peer is told.
    pub fn reason(&self) -> DisconnectReason {
        let undecoded = self.source.is::<DecodeError>()
            || matches!(self.source.downcast_ref::<ReceiveError>(), Some(ReceiveError::Decode { .. }));
        // The peer's fault, and not the handler's, whichever way the handler received it.
        let usual = if undecoded { DisconnectReason::Malformed } else { DisconnectReason::HandlerFailed };
        self.reason.unwrap_or(usual)
    }

    /// The reason that was [named](Self::disconnect), if one was: then even a request's handler ends the connection.
    pub fn explicit_reason(&self) -> Option<DisconnectReason> {
        self.reason
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self { reason: None, source: Box::new(error) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}
