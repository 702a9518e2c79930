//! Sending: encode, find the lane, wait for its credit, and say clearly why not.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use super::outbox::Offered;
use super::writer::Writes;
use super::{Channel, Inner, SendError};
use crate::message::codec;
use crate::message::frame::{self, HEADER, Header, Kind, MAX_PAYLOAD};
use crate::message::lane::{LaneIndex, LaneSpec, MAX_REPLY_ERROR};
use crate::message::{Correlation, Message, MessageId};

/// An encoded message, ready for any channel.
#[derive(Debug, Clone)]
pub(crate) enum Encoded<'a> {
    /// A whole frame, header included.
    Small(Cow<'a, [u8]>),
    /// It goes in parts.
    Large(Arc<Vec<u8>>),
}

impl Encoded<'static> {
    /// An encoded message to more than one peer, for which nothing goes in front.
    pub(crate) fn of(kind: Kind, id: MessageId, bytes: Vec<u8>) -> Self {
        if bytes.len() > MAX_PAYLOAD {
            Self::Large(Arc::new(bytes))
        } else {
            Self::Small(frame::of(kind, id, &[], &bytes).into())
        }
    }
}

impl Encoded<'_> {
    /// Of its own, for one who has to wait with it.
    pub(crate) fn into_owned(self) -> Encoded<'static> {
        match self {
            Self::Small(frame) => Encoded::Small(Cow::Owned(frame.into_owned())),
            Self::Large(bytes) => Encoded::Large(bytes),
        }
    }
}

/// What is left to be done for a message: nothing, when it is on its way, or to wait for room.
///
/// One that will not be sent is a wait that is over at once. Nearly every message is on its way at once, and what its send
/// hands from function to function is then two words and no error's room; a box is for the others.
pub(super) type Rest<'a> = Option<BoxFuture<'a, Result<(), SendError>>>;

async fn sent(rest: Rest<'_>) -> Result<(), SendError> {
    match rest {
        None => Ok(()),
        Some(rest) => rest.await,
    }
}

#[cold]
#[inline(never)]
fn failed<'a>(error: SendError) -> Rest<'a> {
    Some(ready(Err(error)).boxed())
}

/// For how long a message waits for room in its lane.
#[derive(Debug, Clone, Copy)]
enum Waits {
    /// For the setting `limits.send_timeout`.
    Limited,
    /// For as long as it takes.
    ForEver,
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
        // As `sent`, without a future of its own: most sends are done here, and it would cost them a twentieth.
        match self.transmit(Kind::Message, &[], message) {
            None => Ok(()),
            Some(rest) => rest.await,
        }
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
        sent(self.post(to.replies, Kind::Reply, &to.number.to_le_bytes(), reply, Waits::Limited)).await
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
        sent(self.post(to.replies, Kind::Row, &to.number.to_le_bytes(), row, Waits::ForEver)).await
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
        sent(self.offer_short(to, Kind::Reply, &[], Waits::ForEver)).await
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
        sent(self.offer_short(to, Kind::ReplyError, text, Waits::Limited)).await
    }

    /// Sends a message, or the request of which `head` is the number; says what is left to wait for.
    #[inline]
    pub(super) fn transmit<M: Message>(&self, kind: Kind, head: &[u8], message: &M) -> Rest<'_> {
        match self.lane_of::<M>() {
            Ok(lane) => self.post(lane, kind, head, message, Waits::Limited),
            Err(error) => failed(error),
        }
    }

    /// The lane of `M`, if it may be used now.
    #[inline]
    pub(crate) fn lane_of<M: Message>(&self) -> Result<LaneIndex, SendError> {
        let Some(at) = self.inner.table.find(M::ID) else { return Err(SendError::NotDeclared(M::NAME)) };
        if self.inner.may_send(at) { Ok(at) } else { Err(self.barred(at, M::NAME)) }
    }

    /// Why a lane may not be used now.
    #[cold]
    fn barred(&self, lane: LaneIndex, message: &'static str) -> SendError {
        if self.inner.is_open() {
            self.not_supported(lane)
        } else {
            self.closed_or(SendError::HandshakePending(message))
        }
    }

    /// Encodes a message and offers it: into scratch outside any lock, appended under one, no allocation.
    #[inline]
    fn post<M: Message>(&self, lane: LaneIndex, kind: Kind, head: &[u8], message: &M, waits: Waits) -> Rest<'_> {
        let spec = self.inner.table.lane(lane);
        if spec.max_bytes + head.len() > MAX_PAYLOAD {
            return self.post_large(lane, kind, head, message, waits);
        }
        codec::with_scratch(|frame| match encode_frame(spec, kind, head, message, frame) {
            Ok(()) if self.inner.out.offer(lane, frame, Writes::Sender) == Offered::Taken => None,
            Ok(()) => self.offer_or_wait(lane, kind, head, Encoded::Small(Cow::Borrowed(frame)), waits),
            Err(error) => failed(error),
        })
    }

    /// The same for a message that may go in parts.
    #[inline(never)]
    fn post_large<M: Message>(&self, lane: LaneIndex, kind: Kind, head: &[u8], message: &M, waits: Waits) -> Rest<'_> {
        let spec = self.inner.table.lane(lane);
        let mut bytes = head.to_vec();
        let encoded = codec::encode_into(message, &mut bytes)
            .map_err(SendError::from)
            .and_then(|()| acceptable::<M>(spec, &bytes[head.len()..]));
        if let Err(error) = encoded {
            return failed(error);
        }
        let encoded = if bytes.len() > MAX_PAYLOAD {
            Encoded::Large(Arc::new(bytes))
        } else {
            Encoded::Small(frame::of(kind, spec.id, &[], &bytes).into())
        };
        self.offer_or_wait(lane, kind, head, encoded, waits)
    }

    /// Answers a request with so few bytes that they are one frame.
    fn offer_short(&self, to: Correlation, kind: Kind, body: &[u8], waits: Waits) -> Rest<'_> {
        let (id, number) = (self.inner.table.lane(to.replies).id, to.number.to_le_bytes());
        let frame = frame::of(kind, id, &number, body);
        self.offer_or_wait(to.replies, kind, &number, Encoded::Small(frame.into()), waits)
    }

    /// Offers, and if there is no room, says how to wait for it. In a box: most never wait, and a future that may be sent
    /// stays small for all of them.
    #[inline(never)]
    fn offer_or_wait(&self, lane: LaneIndex, kind: Kind, head: &[u8], payload: Encoded<'_>, waits: Waits) -> Rest<'_> {
        match self.try_offer(lane, kind, head.len(), &payload, Writes::Sender) {
            Ok(Offered::Taken) => None,
            Ok(_) => {
                let limit = match waits {
                    Waits::Limited => Some(self.inner.limits.send_timeout),
                    Waits::ForEver => None,
                };
                Some(self.offer_within(lane, kind, head.len(), payload.into_owned(), limit).boxed())
            }
            Err(error) => failed(error),
        }
    }

    /// Offers until there is room, at most for `limit`.
    pub(super) async fn offer_within(
        &self,
        lane: LaneIndex,
        kind: Kind,
        head: usize,
        payload: Encoded<'static>,
        limit: Option<Duration>,
    ) -> Result<(), SendError> {
        let Inner { out, clock, table, .. } = &*self.inner;
        let until =
            limit.map(|limit| (clock.now() + limit, SendError::TimedOut { lane: table.lane(lane).name, limit }));
        loop {
            // Before the offer, so that nothing is missed.
            let (room, space) = (out.room(lane).listen(), out.space().listen());
            if let Some(left) = self.inner.left(lane) {
                return Err(left);
            }
            let offered = self.try_offer(lane, kind, head, &payload, Writes::Sender)?;
            if offered == Offered::Taken {
                return Ok(());
            }
            if let Some((deadline, late)) = &until {
                if clock.now() >= *deadline {
                    return Err(late.clone());
                }
                out.wait_until(*deadline);
            }
            if offered == Offered::Full {
                drop(room);
                space.await;
            } else {
                // If it was told of space meanwhile, the next is told instead.
                drop(space);
                room.await;
            }
        }
    }

    /// Offers once. `head` bytes of a large payload are not the message.
    pub(crate) fn try_offer(
        &self,
        lane: LaneIndex,
        kind: Kind,
        head: usize,
        payload: &Encoded<'_>,
        writes: Writes,
    ) -> Result<Offered, SendError> {
        let out = &self.inner.out;
        let offered = match payload {
            Encoded::Small(frame) => out.offer(lane, frame, writes),
            Encoded::Large(bytes) => out.offer_large(lane, kind, head, bytes, writes),
        };
        match offered {
            Offered::Closed => Err(self.closed_or(self.not_supported(lane))),
            done => Ok(done),
        }
    }

    /// Why the peer does not take what goes through this lane.
    fn not_supported(&self, lane: LaneIndex) -> SendError {
        if let Some(left) = self.inner.left(lane) {
            return left;
        }
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

/// Makes the empty `into` the frame of a message.
#[inline]
fn encode_frame<M: Message>(
    lane: &LaneSpec,
    kind: Kind,
    head: &[u8],
    message: &M,
    into: &mut Vec<u8>,
) -> Result<(), SendError> {
    // The header's length is not known yet.
    into.extend_from_slice(&[0; HEADER]);
    into.extend_from_slice(head);
    codec::encode_into(message, into)?;
    acceptable::<M>(lane, &into[HEADER + head.len()..])?;
    let header = Header::new(kind, lane.id, into.len() - HEADER);
    into[..HEADER].copy_from_slice(&header.to_wire());
    Ok(())
}

/// Whether a peer takes this encoding of an `M`.
#[inline]
fn acceptable<M: Message>(lane: &LaneSpec, bytes: &[u8]) -> Result<(), SendError> {
    let (message, bytes_long, max_bytes) = (lane.name, bytes.len(), lane.max_bytes);
    if bytes_long > max_bytes {
        return Err(SendError::TooLarge { message, bytes: bytes_long, max_bytes });
    }
    Ok(codec::check_decodes::<M>(bytes)?)
}
