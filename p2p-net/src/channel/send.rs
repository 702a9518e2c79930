//! Sending: encode, find the lane, wait for its credit, and say clearly why not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use super::Channel;
use super::outbox::Offered;
use crate::disconnect::Disconnect;
use crate::message::codec::{self, EncodeError};
use crate::message::frame::{Kind, MAX_PAYLOAD};
use crate::message::lane::{LaneIndex, MAX_REPLY_ERROR};
use crate::message::{Correlation, Message};

/// A message could not be sent; it is not on its way and will not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The channel has ended.
    #[error("the channel is closed: {0}")]
    Closed(Disconnect),
    /// No protocol of this node lists the message, so no node would know what to do with it.
    #[error("message `{0}` belongs to no protocol of this node: add the protocol that handles it")]
    NotDeclared(&'static str),
    /// The peer runs no protocol that takes it.
    #[error("the peer does not take message `{0}`")]
    NotSupported(&'static str),
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
        /// How long was waited: the setting `limits.send_timeout`.
        limit: Duration,
    },
    /// Its own `Serialize` refused.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// An encoded message, ready for any channel.
#[derive(Debug, Clone)]
pub(crate) enum Encoded<'a> {
    /// It fits one frame.
    Small(&'a [u8]),
    /// It goes in parts.
    Large(Arc<Vec<u8>>),
}

impl Channel {
    /// Sends a message: returns when it is on its way, which may be before it has left.
    ///
    /// Waits while the peer has taken too little of this message type; other types do not wait with it.
    ///
    /// # Errors
    ///
    /// When the channel has ended, the peer does not take the message, it is too large, or its lane stayed full for the
    /// setting `limits.send_timeout`.
    ///
    /// # Cancel safety
    ///
    /// Safe: a message is sent whole or not at all.
    pub async fn send<M: Message>(&self, message: &M) -> Result<(), SendError> {
        self.transmit(Kind::Message, &[], message).await
    }

    /// Answers a request.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// Safe: a reply is sent whole or not at all.
    pub async fn reply<R: Serialize + Sync>(&self, to: Correlation, reply: &R) -> Result<(), SendError> {
        self.encode_and_wait(to.replies, Kind::Reply, &to.number.to_le_bytes(), reply, self.patience()).await
    }

    /// Sends a row of the stream that answers a request.
    ///
    /// Waits for as long as the peer has unread rows for a whole window; who asked decides how fast a stream is.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but for the time limit.
    ///
    /// # Cancel safety
    ///
    /// Safe: a row is sent whole or not at all.
    pub async fn row<R: Serialize + Sync>(&self, to: Correlation, row: &R) -> Result<(), SendError> {
        self.encode_and_wait(to.replies, Kind::Row, &to.number.to_le_bytes(), row, None).await
    }

    /// Ends the stream that answers a request.
    ///
    /// # Errors
    ///
    /// As [`row`](Self::row).
    ///
    /// # Cancel safety
    ///
    /// Safe: the end is sent or not.
    pub async fn end_rows(&self, to: Correlation) -> Result<(), SendError> {
        self.offer_within(to.replies, Kind::Reply, &to.number.to_le_bytes(), Encoded::Small(&[]), None).await
    }

    /// Tells the peer that its request failed, and why; the channel lives on.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// Safe: an answer is sent whole or not at all.
    pub async fn refuse(&self, to: Correlation, error: &str) -> Result<(), SendError> {
        let text = &error.as_bytes()[..error.floor_char_boundary(MAX_REPLY_ERROR)];
        let (number, limit) = (to.number.to_le_bytes(), self.patience());
        self.offer_within(to.replies, Kind::ReplyError, &number, Encoded::Small(text), limit).await
    }

    pub(super) async fn transmit<M: Message>(&self, kind: Kind, head: &[u8], message: &M) -> Result<(), SendError> {
        let lane = self.lane_of::<M>()?;
        self.encode_and_wait(lane, kind, head, message, self.patience()).await
    }

    /// How long a send waits for its lane.
    fn patience(&self) -> Option<Duration> {
        Some(self.inner.limits.send_timeout)
    }

    /// The lane of `M`, if it may be used now.
    pub(crate) fn lane_of<M: Message>(&self) -> Result<LaneIndex, SendError> {
        let Some(at) = self.inner.table.find(M::ID) else { return Err(SendError::NotDeclared(M::NAME)) };
        if !self.inner.table.lane(at).handshake {
            if !self.inner.is_open() {
                return Err(self.closed_or(SendError::HandshakePending(M::NAME)));
            }
            if !self.inner.agreed(at) {
                return Err(SendError::NotSupported(M::NAME));
            }
        }
        Ok(at)
    }

    async fn encode_and_wait<T: Serialize + Sync>(
        &self,
        lane: LaneIndex,
        kind: Kind,
        head: &[u8],
        message: &T,
        limit: Option<Duration>,
    ) -> Result<(), SendError> {
        let spec = self.inner.table.lane(lane);
        let (name, max_bytes) = (spec.name, spec.max_bytes);
        if spec.max_payload() > MAX_PAYLOAD {
            let mut bytes = head.to_vec();
            codec::encode_into(message, &mut bytes)?;
            fits(name, bytes.len() - head.len(), max_bytes)?;
            if bytes.len() > MAX_PAYLOAD {
                return self.offer_within(lane, kind, head, Encoded::Large(Arc::new(bytes)), limit).await;
            }
            return self.offer_within(lane, kind, head, Encoded::Small(&bytes[head.len()..]), limit).await;
        }
        // The fast way: encoded into scratch outside any lock, appended under one, no allocation.
        let waiting = codec::with_scratch(|scratch| {
            codec::encode_into(message, scratch)?;
            fits(name, scratch.len(), max_bytes)?;
            match self.inner.out.offer(lane, kind, head, scratch) {
                Offered::Taken => Ok(None),
                Offered::Wait => Ok(Some(scratch.clone())),
                Offered::Closed => Err(self.closed_or(SendError::NotSupported(name))),
            }
        })?;
        match waiting {
            None => Ok(()),
            Some(bytes) => self.offer_within(lane, kind, head, Encoded::Small(&bytes), limit).await,
        }
    }

    /// As a broadcast sends: waits for `patience` at most, and not at all for a peer that used it up the last time.
    pub(crate) async fn offer_patiently(
        &self,
        lane: LaneIndex,
        kind: Kind,
        payload: Encoded<'_>,
        patience: Duration,
    ) -> Result<(), SendError> {
        let lagging = &self.inner.lagging;
        let limit = if lagging.load(Ordering::Relaxed) { Duration::ZERO } else { patience };
        let result = self.offer_within(lane, kind, &[], payload, Some(limit)).await;
        lagging.store(matches!(result, Err(SendError::TimedOut { .. })), Ordering::Relaxed);
        result
    }

    /// Offers until there is room, at most for `limit`.
    async fn offer_within(
        &self,
        lane: LaneIndex,
        kind: Kind,
        head: &[u8],
        payload: Encoded<'_>,
        limit: Option<Duration>,
    ) -> Result<(), SendError> {
        let (inner, name) = (&self.inner, self.inner.table.lane(lane).name);
        if let Some(done) = self.try_offer(lane, kind, head, &payload)? {
            return Ok(done);
        }
        let waiting = async {
            loop {
                let room = inner.out.room(lane).listen();
                if let Some(done) = self.try_offer(lane, kind, head, &payload)? {
                    return Ok(done);
                }
                room.await;
            }
        };
        let Some(limit) = limit else { return waiting.await };
        if limit.is_zero() {
            return Err(SendError::TimedOut { lane: name, limit });
        }
        match inner.clock.timeout(limit, waiting).await {
            Ok(result) => result,
            Err(_) => Err(SendError::TimedOut { lane: name, limit }),
        }
    }

    /// Offers once; `None` when there is no room.
    pub(crate) fn try_offer(
        &self,
        lane: LaneIndex,
        kind: Kind,
        head: &[u8],
        payload: &Encoded<'_>,
    ) -> Result<Option<()>, SendError> {
        let out = &self.inner.out;
        let offered = match payload {
            Encoded::Small(bytes) => out.offer(lane, kind, head, bytes),
            Encoded::Large(bytes) => out.offer_large(lane, kind, head.len(), bytes),
        };
        match offered {
            Offered::Taken => Ok(Some(())),
            Offered::Wait => Ok(None),
            Offered::Closed => Err(self.closed_or(SendError::NotSupported(self.inner.table.lane(lane).name))),
        }
    }

    fn closed_or(&self, other: SendError) -> SendError {
        self.disconnect().map_or(other, |end| SendError::Closed(end.clone()))
    }
}

pub(crate) fn fits(message: &'static str, bytes: usize, max_bytes: usize) -> Result<(), SendError> {
    if bytes > max_bytes { Err(SendError::TooLarge { message, bytes, max_bytes }) } else { Ok(()) }
}
