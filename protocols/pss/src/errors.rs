//! Why a message was not sent, and why two nodes agree on no keys.

use std::time::Duration;

use p2p_net::NodeId;

use crate::content::TooLarge;
use crate::envelope::MAX_SEALED;
use crate::handshake::{OFFER_AGAIN, OFFERS, StepError};
use crate::keyring::TooManyKeys;
use crate::keys::{KeyId, NoRandomness, NotAKey};
use crate::seal::SealError;
use crate::topic::Topic;

/// A message that was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// Nobody said where the receiver is.
    #[error("where {0} gets messages about topic {1} is not known: say it with `set_peer_public_key`")]
    UnknownPeer(NodeId, Topic),
    /// There is no such key.
    #[error("there is no key {0}: make one with `set_symmetric_key` or `handshake`")]
    UnknownKey(KeyId),
    /// The session's keys have expired.
    #[error("the keys of session {0} have expired, and a handshake for new ones has begun")]
    Expired(KeyId),
    /// The payload is too large.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// Nobody can open what is sealed to that key.
    #[error(transparent)]
    NotAKey(#[from] NotAKey),
    /// The sender of a raw message is not known, so it has no reply.
    #[error("nobody knows who sent a raw message: it cannot be replied to")]
    NoSender,
    /// No peer is nearer to the destination.
    #[error("no connected peer is nearer to the destination than this node")]
    NoWay,
    /// Too much waits for every peer that could take it.
    #[error("too much waits for each peer that could take the message: send more slowly")]
    Busy,
    /// It could not be told from another's if it came back.
    #[error("more was sent than this node remembers, so as not to open its own messages: send more slowly")]
    NotRemembered,
    /// No nonce can be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// There is no room for a session.
    #[error(transparent)]
    TooManyKeys(#[from] TooManyKeys),
}

impl From<SealError> for SendError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::TooLarge(error) => error.into(),
            SealError::NotAKey(error) => error.into(),
        }
    }
}

impl SendError {
    pub(crate) fn check_raw(payload: &[u8]) -> Result<(), Self> {
        let found = payload.len();
        if found > MAX_SEALED { Err(TooLarge { found, most: MAX_SEALED }.into()) } else { Ok(()) }
    }
}

/// No keys were agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Nothing can be sent to the other.
    #[error("no handshake: {0}")]
    Send(#[from] SendError),
    /// It is not begun here.
    #[error("no handshake: {0}")]
    Step(#[from] StepError),
    /// The other did not answer.
    #[error("{0} answered none of {OFFERS} offers in {limit} s", limit = HANDSHAKE_LIMIT.as_secs())]
    NoAnswer(NodeId),
}

/// The time for a whole handshake.
pub const HANDSHAKE_LIMIT: Duration = OFFER_AGAIN.saturating_mul(OFFERS);
