//! Why a message is not sent.

use std::time::Duration;

use crate::disconnect::{Disconnect, Side};
use crate::message::codec::EncodeError;
use crate::protocol::Refused;

/// A message could not be sent; it is not on its way and will not be.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
/// # #[protocol] async fn shout(_say: Say) {}
/// # testing::pair().with::<shout>().run(async |[alice, bob]| {
/// use p2p_net::channel::SendError;
///
/// let error = alice.to(&bob).send(&Say("x".repeat(100))).await.unwrap_err();
/// assert!(matches!(error, SendError::TooLarge { .. }));
/// assert_eq!(error.to_string(), "a `say` of 101 bytes is over its limit of 64");
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The channel has ended.
    #[error("the channel is closed: {0}")]
    Closed(Disconnect),
    /// There is no channel to the peer.
    #[error("the peer is not connected")]
    NotConnected,
    /// No protocol of this node lists the message, so no node would know what to do with it.
    #[error("message `{0}` belongs to no protocol of this node: add the protocol that handles it")]
    NotDeclared(&'static str),
    /// The peer runs no protocol that takes it.
    #[error("the peer does not take message `{0}`")]
    NotSupported(&'static str),
    /// The peer runs the protocol that takes it, with other messages under the same version.
    #[error("the peer does not take message `{message}`: {refused}")]
    Differs {
        /// The message.
        message: &'static str,
        /// Which message of the protocol differs, with the fingerprints at both ends.
        refused: Box<Refused>,
    },
    /// The protocol that takes it has ended on this channel, here or there; see [`Error::leave`](crate::Error::leave).
    #[error("the protocol `{protocol}`, which takes `{message}`, has ended on this channel ({by})")]
    Left {
        /// The message.
        message: &'static str,
        /// The protocol.
        protocol: &'static str,
        /// Who ended it.
        by: Side,
    },
    /// The handshake is not done; only its own messages may be sent.
    #[error("message `{0}` cannot be sent before the handshake is done")]
    HandshakePending(&'static str),
    /// It is larger than its type allows.
    #[error("a `{message}` of {bytes} bytes is over its limit of {max_bytes}")]
    TooLarge {
        /// The message.
        message: &'static str,
        /// Its encoded size.
        bytes: usize,
        /// Its type's `MAX_BYTES`.
        max_bytes: usize,
    },
    /// The peer took nothing of this type in time; other types go on.
    #[error("the peer took no `{lane}` for {limit:?}")]
    TimedOut {
        /// The lane that is stuck.
        lane: &'static str,
        /// How long was waited: the setting `limits.send_timeout`, or what all broadcasts together had for this peer.
        limit: Duration,
    },
    /// Its own `Serialize` refused, or a peer would refuse to decode it.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
