//! Sending: encode, find the lane, wait for its credit, and say clearly why not.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::Channel;
use super::outbox::Offered;
use super::writer::Writes;
use crate::disconnect::Disconnect;
use crate::message::codec::{self, EncodeError};
use crate::message::frame::{Kind, MAX_PAYLOAD};
use crate::message::lane::{LaneIndex, MAX_REPLY_ERROR};
use crate::message::{Correlation, Message, MessageId};
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
    /// Its own `Serialize` refused, or a peer would refuse to decode it.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// An encoded message, ready for any channel.
#[derive(Debug, Clone)]
pub(crate) enum Encoded<'a> {
    /// It fits one frame.
    Small(Cow<'a, [u8]>),
    /// It goes in parts.
    Large(Arc<Vec<u8>>),
}

impl Encoded<'_> {
    /// Of its own, for one who has to wait with it.
    fn into_owned(self) -> Encoded<'static> {
        match self {
            Self::Small(bytes) => Encoded::Small(Cow::Owned(bytes.into_owned())),
            Self::Large(bytes) => Encoded::Large(bytes),
        }
    }
}

/// What became of a message at once: it is on its way, it waits for room, or it will not be sent.
type Posted<'a> = Result<Option<BoxFuture<'a, Result<(), SendError>>>, SendError>;

async fn sent(posted: Posted<'_>) -> Result<(), SendError> {
    match posted? {
        None => Ok(()),
        Some(waiting) => waiting.await,
    }
}

impl Channel {
    /// Sends a message: returns when it is on its way, which may be before it has left.
    ///
    /// Waits while the peer has taken too little of this message type; other types do not wait with it.
    ///
    /// # Errors
    ///
    /// When the channel has ended, the peer does not take the message, it is too large or would take the peer too much memory
    /// to decode, or its lane stayed full for the setting `limits.send_timeout`.
    ///
    /// # Cancel safety
    ///
    /// Safe: a message is sent whole or not at all.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// alice.to(&bob).send(&Say("hello".to_owned())).await.unwrap();
    /// # });
    /// ```
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
    ///
    /// ```
    /// use p2p_net::prelude::*;
    /// use p2p_net::message::Correlation;
    /// # #[derive(Message, Serialize, Deserialize)] struct Row(u32);
    ///
    /// /// For a protocol written by hand; an annotated one returns its reply.
    /// async fn answer(channel: &Channel, to: Correlation) -> Result<()> {
    ///     Ok(channel.reply(to, &Row(7)).await?)
    /// }
    /// ```
    pub async fn reply<R: Message>(&self, to: Correlation, reply: &R) -> Result<(), SendError> {
        sent(self.post(to.replies, Kind::Reply, &to.number.to_le_bytes(), reply, self.patience())).await
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
    ///
    /// ```
    /// use p2p_net::prelude::*;
    /// use p2p_net::message::Correlation;
    /// # #[derive(Message, Serialize, Deserialize)] struct Row(u32);
    ///
    /// /// For a protocol written by hand; an annotated one returns a stream.
    /// async fn count(channel: &Channel, to: Correlation) -> Result<()> {
    ///     for n in 0..3 {
    ///         channel.row(to, &Row(n)).await?;
    ///     }
    ///     Ok(channel.end_rows(to).await?)
    /// }
    /// ```
    pub async fn row<R: Message>(&self, to: Correlation, row: &R) -> Result<(), SendError> {
        sent(self.post(to.replies, Kind::Row, &to.number.to_le_bytes(), row, None)).await
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
        sent(self.offer_or_wait(
            to.replies,
            Kind::Reply,
            &to.number.to_le_bytes(),
            Encoded::Small(Cow::default()),
            None,
        ))
        .await
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
        sent(self.offer_or_wait(to.replies, Kind::ReplyError, &number, Encoded::Small(text.into()), limit)).await
    }

    pub(super) async fn transmit<M: Message>(&self, kind: Kind, head: &[u8], message: &M) -> Result<(), SendError> {
        let post = |lane| self.post(lane, kind, head, message, self.patience());
        // As `sent`, without a future of its own: most sends are done here, and it would cost them a twentieth.
        match self.lane_of::<M>().and_then(post)? {
            None => Ok(()),
            Some(waiting) => waiting.await,
        }
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
            if !self.inner.sends(at) {
                return Err(self.not_supported(at));
            }
        }
        Ok(at)
    }

    /// Encodes a message and offers it.
    fn post<M: Message>(
        &self,
        lane: LaneIndex,
        kind: Kind,
        head: &[u8],
        message: &M,
        limit: Option<Duration>,
    ) -> Posted<'_> {
        let spec = self.inner.table.lane(lane);
        let (name, max_bytes) = (spec.name, spec.max_bytes);
        if spec.max_payload() > MAX_PAYLOAD {
            let mut bytes = head.to_vec();
            codec::encode_into(message, &mut bytes)?;
            fits(name, bytes.len() - head.len(), max_bytes)?;
            codec::check_decodes::<M>(&bytes[head.len()..])?;
            if bytes.len() > MAX_PAYLOAD {
                return self.offer_or_wait(lane, kind, head, Encoded::Large(Arc::new(bytes)), limit);
            }
            return self.offer_or_wait(lane, kind, head, Encoded::Small(bytes[head.len()..].into()), limit);
        }
        // The fast way: encoded into scratch outside any lock, appended under one, no allocation.
        codec::with_scratch(|scratch| {
            codec::encode_into(message, scratch)?;
            fits(name, scratch.len(), max_bytes)?;
            codec::check_decodes::<M>(scratch)?;
            self.offer_or_wait(lane, kind, head, Encoded::Small(Cow::Borrowed(scratch)), limit)
        })
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
        let result = match self.try_offer(lane, kind, &[], &payload, Writes::Task) {
            Ok(None) => self.offer_within(lane, kind, Vec::new(), payload.into_owned(), Some(limit)).boxed().await,
            done => done.map(drop),
        };
        lagging.store(matches!(result, Err(SendError::TimedOut { .. })), Ordering::Relaxed);
        result
    }

    /// Offers, and if there is no room, says how to wait for it. In a box: most never wait, and a future that may be sent
    /// stays small for all of them.
    fn offer_or_wait(
        &self,
        lane: LaneIndex,
        kind: Kind,
        head: &[u8],
        payload: Encoded<'_>,
        limit: Option<Duration>,
    ) -> Posted<'_> {
        if self.try_offer(lane, kind, head, &payload, Writes::Sender)?.is_some() {
            return Ok(None);
        }
        Ok(Some(self.offer_within(lane, kind, head.to_vec(), payload.into_owned(), limit).boxed()))
    }

    /// Offers until there is room, at most for `limit`.
    async fn offer_within(
        &self,
        lane: LaneIndex,
        kind: Kind,
        head: Vec<u8>,
        payload: Encoded<'static>,
        limit: Option<Duration>,
    ) -> Result<(), SendError> {
        let inner = &self.inner;
        let waiting = async {
            loop {
                let room = inner.out.room(lane).listen();
                if let Some(done) = self.try_offer(lane, kind, &head, &payload, Writes::Sender)? {
                    return Ok(done);
                }
                room.await;
            }
        };
        let Some(limit) = limit else { return waiting.await };
        let late = SendError::TimedOut { lane: inner.table.lane(lane).name, limit };
        if limit.is_zero() {
            return Err(late);
        }
        inner.clock.timeout(limit, waiting).await.unwrap_or(Err(late))
    }

    /// Offers once; `None` when there is no room.
    pub(crate) fn try_offer(
        &self,
        lane: LaneIndex,
        kind: Kind,
        head: &[u8],
        payload: &Encoded<'_>,
        writes: Writes,
    ) -> Result<Option<()>, SendError> {
        let out = &self.inner.out;
        let offered = match payload {
            Encoded::Small(bytes) => out.offer(lane, kind, head, bytes, writes),
            Encoded::Large(bytes) => out.offer_large(lane, kind, head.len(), bytes, writes),
        };
        match offered {
            Offered::Taken => Ok(Some(())),
            Offered::Wait => Ok(None),
            Offered::Closed => Err(self.closed_or(self.not_supported(lane))),
        }
    }

    /// Why the peer does not take what goes through this lane.
    fn not_supported(&self, lane: LaneIndex) -> SendError {
        let lane = self.inner.table.lane(lane);
        let refused = self.agreement().and_then(|agreed| {
            agreed.refused().iter().find(|refused| lane.protocol.is_some_and(|owner| owner == refused.protocol))
        });
        match refused {
            Some(refused) => SendError::Differs { message: lane.name, refused: Box::new(refused.clone()) },
            None => SendError::NotSupported(lane.name),
        }
    }

    /// That the peer answers an `M`, where it takes one: to a node that knows the message without an answer, a request is
    /// misbehaviour.
    pub(super) fn check_answers<M: Message>(&self, replies: MessageId) -> Result<(), SendError> {
        self.lane_of::<M>()?;
        match self.inner.table.find(replies) {
            Some(at) if self.inner.is_open() && !self.inner.takes(at) => Err(SendError::NotSupported(M::NAME)),
            _ => Ok(()),
        }
    }

    fn closed_or(&self, other: SendError) -> SendError {
        self.disconnect().map_or(other, |end| SendError::Closed(end.clone()))
    }
}

pub(crate) fn fits(message: &'static str, bytes: usize, max_bytes: usize) -> Result<(), SendError> {
    if bytes > max_bytes { Err(SendError::TooLarge { message, bytes, max_bytes }) } else { Ok(()) }
}
