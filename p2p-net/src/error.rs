//! The error of handlers, jobs and constructors: whatever went wrong, and what to tell the peer.

use std::error::Error as StdError;
use std::fmt;

use crate::channel::RequestError;
use crate::disconnect::DisconnectReason;
use crate::identity::NodeId;
use crate::message::{DecodeError, ReceiveError};

/// What a protocol's own code returns when it cannot go on; anything that implements [`std::error::Error`] becomes one with `?`.
///
/// Returned from a handler or a job it ends the connection to that peer, with [`DisconnectReason::HandlerFailed`] unless
/// [`Error::disconnect`] names another reason; a message that did not decode is [`DisconnectReason::Malformed`], a request to
/// that peer that was not answered in time [`DisconnectReason::Timeout`].
///
/// ```
/// use p2p_net::prelude::*;
///
/// fn parse(text: &str) -> Result<u32> {
///     if text.is_empty() {
///         return Err(Error::msg("nothing to parse"));
///     }
///     Ok(text.parse()?)
/// }
///
/// assert_eq!(parse("7").unwrap(), 7);
/// assert_eq!(parse("").unwrap_err().to_string(), "nothing to parse");
/// assert_eq!(parse("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
pub struct Error {
    reason: Option<DisconnectReason>,
    leaves: bool,
    source: Box<dyn StdError + Send + Sync>,
}

/// The result of a protocol's own code.
///
/// ```
/// use p2p_net::prelude::*;
///
/// fn port(text: &str) -> Result<u16> {
///     Ok(text.parse()?)
/// }
/// assert!(port("9000").is_ok() && port("many").is_err());
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that is only a text.
    ///
    /// ```
    /// use p2p_net::prelude::*;
    ///
    /// assert_eq!(Error::msg(format!("row {} is missing", 7)).to_string(), "row 7 is missing");
    /// ```
    pub fn msg(text: impl Into<String>) -> Self {
        Self { reason: None, leaves: false, source: text.into().into() }
    }

    /// An error that ends the connection with `reason`; the peer is told both.
    ///
    /// ```
    /// use p2p_net::disconnect::DisconnectReason;
    /// use p2p_net::prelude::*;
    ///
    /// let error = Error::disconnect(DisconnectReason::Banned, "not again");
    /// assert_eq!(error.reason(), DisconnectReason::Banned);
    /// ```
    pub fn disconnect(reason: DisconnectReason, detail: impl Into<String>) -> Self {
        Self { reason: Some(reason), leaves: false, source: detail.into().into() }
    }

    /// An error that ends the protocol on this channel, and not the channel: its siblings go on, and the peer is told. Where
    /// the protocol is made for both ends of a channel, it ends at the other end too; sending its messages is
    /// [`SendError::Left`](crate::channel::SendError::Left) from then on. Returned in the handshake it ends the channel.
    ///
    /// ```
    /// use p2p_net::prelude::*;
    ///
    /// #[derive(Message, Serialize, Deserialize)]
    /// #[message(max_bytes = 64)]
    /// struct Bid(u64);
    ///
    /// /// Takes bids from a hundred on, and has nothing to do with who bids less.
    /// #[protocol]
    /// async fn auction(Bid(bid): Bid) -> Result<()> {
    ///     if bid < 100 { Err(Error::leave("the auction starts at 100")) } else { Ok(()) }
    /// }
    /// ```
    pub fn leave(detail: impl Into<String>) -> Self {
        Self { reason: None, leaves: true, source: detail.into().into() }
    }

    /// Whether it [ends the protocol](Self::leave) and not the channel.
    pub fn leaves(&self) -> bool {
        self.leaves
    }

    /// What the peer is told.
    pub fn reason(&self) -> DisconnectReason {
        let undecoded = self.source.is::<DecodeError>()
            || matches!(self.source.downcast_ref::<ReceiveError>(), Some(ReceiveError::Decode { .. }));
        // The peer's fault, and not the handler's, whichever way the handler received it.
        let usual = if undecoded { DisconnectReason::Malformed } else { DisconnectReason::HandlerFailed };
        self.reason.unwrap_or(usual)
    }

    /// Whether it says that a request to `peer` was not answered in time.
    pub(crate) fn is_timeout_of(&self, peer: NodeId) -> bool {
        let source = self.source.downcast_ref::<RequestError>();
        matches!(source, Some(RequestError::TimedOut { peer: asked, .. }) if *asked == peer)
    }

    /// The error it was made of, when that is an `E`; otherwise itself.
    #[cfg(feature = "rpc")]
    pub(crate) fn downcast<E: StdError + 'static>(self) -> Result<E, Self> {
        let Self { reason, leaves, source } = self;
        source.downcast().map(|error| *error).map_err(|source| Self { reason, leaves, source })
    }

    /// The reason that was [named](Self::disconnect), if one was: then even a request's handler ends the connection.
    pub fn explicit_reason(&self) -> Option<DisconnectReason> {
        self.reason
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self { reason: None, leaves: false, source: Box::new(error) }
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
