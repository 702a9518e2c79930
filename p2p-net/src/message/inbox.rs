//! The inbox of one subscriber: frames of several lanes in the order they arrived, taken out a batch at a time.
//!
//! The channel's reader appends runs of frames under one lock; the consumer swaps the whole buffer for its empty one under
//! one lock, then walks through it alone. Small messages cost neither side an allocation nor a lock of their own.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::codec::{self, DecodeError};
use super::frame::{CORRELATION, Header, Kind};
use super::lane::{LaneIndex, LaneKind};
use super::{Message, MessageId, MessageSubsystem};

/// What a buffer keeps once it is empty, in bytes; more is given back.
const KEEP: usize = 16 << 10;

/// Bytes a consumer may take before it lets other tasks run.
const TURN: usize = 256 << 10;

/// The channel is over: nothing more will arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the channel is closed")]
pub struct Closed;

/// The end of an inbox that the reader fills.
#[derive(Debug, Default)]
pub(crate) struct InboxShared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    waker: Option<Waker>,
    closed: bool,
    /// The consumer has a batch it is not through with.
    busy: bool,
}

impl InboxShared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends whole frames; returns who waits for them.
    pub(crate) fn push(&self, frames: &[u8]) -> Option<Waker> {
        let mut state = self.lock();
        state.bytes.extend_from_slice(frames);
        state.waker.take()
    }

    /// Lets the consumer take what is there, and then tells it that nothing more will come.
    pub(crate) fn close(&self) -> Option<Waker> {
        let mut state = self.lock();
        state.closed = true;
        state.waker.take()
    }

    /// Whether all that arrived has been handled, or nobody is at it.
    pub(crate) fn is_at_rest(&self) -> bool {
        let state = self.lock();
        state.bytes.is_empty() && !state.busy
    }

    /// Swaps the consumer's empty batch for everything that has arrived.
    fn poll_take(&self, cx: &mut Context<'_>, batch: &mut Vec<u8>) -> Poll<Result<(), Closed>> {
        let mut state = self.lock();
        batch.clear();
        state.busy = !state.bytes.is_empty();
        if state.bytes.is_empty() {
            if state.closed {
                return Poll::Ready(Err(Closed));
            }
            state.waker = Some(cx.waker().clone());
            if state.bytes.capacity() > KEEP {
                state.bytes = Vec::new();
            }
            return Poll::Pending;
        }
        std::mem::swap(&mut state.bytes, batch);
        Poll::Ready(Ok(()))
    }
}

/// Which request a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Correlation {
    pub(crate) replies: LaneIndex,
    pub(crate) number: u32,
}

/// A message that has arrived, not yet decoded.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// Its type.
    pub id: MessageId,
    /// Which request it is, when it asks for a reply.
    pub correlation: Option<Correlation>,
    payload: &'a [u8],
}

impl Delivery<'_> {
    /// The message.
    ///
    /// # Errors
    ///
    /// When the bytes are not those of an `M`.
    pub fn decode<M: Message>(&self) -> Result<M, DecodeError> {
        codec::decode(self.payload)
    }

    /// A copy that owns its bytes.
    pub fn to_owned(&self) -> OwnedDelivery {
        OwnedDelivery { id: self.id, correlation: self.correlation, payload: self.payload.to_vec() }
    }

    /// Its encoded size in bytes.
    pub fn len(&self) -> usize {
        self.payload.len()
    }

    /// Whether it is encoded in no bytes at all, as a unit struct is.
    pub fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }
}

/// A message that has arrived, not yet decoded, with bytes of its own.
#[derive(Debug, Clone)]
pub struct OwnedDelivery {
    id: MessageId,
    correlation: Option<Correlation>,
    payload: Vec<u8>,
}

impl OwnedDelivery {
    /// As it came out of the inbox.
    pub fn borrow(&self) -> Delivery<'_> {
        Delivery { id: self.id, correlation: self.correlation, payload: &self.payload }
    }
}

/// The messages of the types one subscriber asked for, in order of arrival.
///
/// Dropping it unsubscribes.
#[derive(Debug)]
pub struct Inbox {
    shared: Arc<InboxShared>,
    subsystem: Arc<MessageSubsystem>,
    owner: &'static str,
    lanes: Vec<Lane>,
    batch: Vec<u8>,
    at: usize,
    /// The last message that came in parts.
    whole: Vec<u8>,
    /// Bytes taken since other tasks last had a turn.
    turn: usize,
    /// The request that was given out last, by its lane's place: dropping the inbox before the next is asked for says
    /// that it is not answered.
    asked: Option<(usize, Correlation)>,
}

/// The consumer's side of one lane.
#[derive(Debug)]
struct Lane {
    index: LaneIndex,
    id: MessageId,
    replies: Option<LaneIndex>,
    name: &'static str,
    /// Bytes consumed that the dispatcher has not been told of, and how many are worth telling.
    taken: u32,
    report_at: u32,
    /// The parts of the message that is arriving.
    parts: Vec<u8>,
}

impl Inbox {
    pub(crate) fn new(
        subsystem: Arc<MessageSubsystem>,
        owner: &'static str,
        shared: Arc<InboxShared>,
        lanes: &[LaneIndex],
    ) -> Self {
        let table = subsystem.lanes().clone();
        let lanes = lanes.iter().map(|&index| {
            let spec = table.lane(index);
            let replies = if let LaneKind::Requests(replies) = spec.kind { Some(replies) } else { None };
            let report_at = super::window::worth_returning(spec.window);
            Lane { index, id: spec.id, replies, name: spec.name, taken: 0, report_at, parts: Vec::new() }
        });
        let lanes = lanes.collect();
        Self { shared, subsystem, owner, lanes, batch: Vec::new(), at: 0, whole: Vec::new(), turn: 0, asked: None }
    }

    /// The next message.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the channel is over and all that had arrived is taken.
    ///
    /// # Cancel safety
    ///
    /// Safe: a message is returned or stays.
    pub async fn next(&mut self) -> Result<Delivery<'_>, Closed> {
        self.asked = None;
        loop {
            if let Some(found) = self.walk() {
                let asked = self.correlation(&found);
                self.asked = asked.map(|asked| (found.lane, asked));
                return Ok(self.delivery(&found, asked));
            }
            self.refill().await?;
        }
    }

    /// Walks through the batch to the end of the next message.
    fn walk(&mut self) -> Option<Found> {
        while let Ok(Some(header)) = Header::parse(&self.batch[self.at..]) {
            let (start, end) = (self.at + super::frame::HEADER, self.at + header.frame_len());
            self.at = end;
            self.turn += header.frame_len();
            // The reader delivers only lanes that were subscribed.
            let Some(position) = self.lanes.iter().position(|lane| lane.id == header.id) else { continue };
            let lane = &mut self.lanes[position];
            lane.taken += u32::from(header.len) + super::frame::HEADER as u32;
            if lane.taken >= lane.report_at {
                let taken = std::mem::take(&mut lane.taken);
                self.subsystem.taken(lane.index, &self.shared, taken);
            }
            let payload = &self.batch[start..end];
            if header.kind == Kind::Part {
                lane.parts.extend_from_slice(payload);
                continue;
            }
            if lane.parts.is_empty() {
                return Some(Found { lane: position, kind: header.kind, range: Some((start, end)) });
            }
            lane.parts.extend_from_slice(payload);
            std::mem::swap(&mut self.whole, &mut lane.parts);
            lane.parts.clear();
            return Some(Found { lane: position, kind: header.kind, range: None });
        }
        None
    }

    #[inline]
    fn delivery(&self, found: &Found, correlation: Option<Correlation>) -> Delivery<'_> {
        let (lane, payload) = (&self.lanes[found.lane], self.payload(found));
        // The number is there, or it would not have been read.
        let payload = if correlation.is_some() { &payload[CORRELATION..] } else { payload };
        self.subsystem.received(self.owner, lane.name, payload.len());
        Delivery { id: lane.id, correlation, payload }
    }

    fn payload(&self, found: &Found) -> &[u8] {
        found.range.map_or(&self.whole[..], |(start, end)| &self.batch[start..end])
    }

    /// Which request it is: what its first bytes say.
    #[inline]
    fn correlation(&self, found: &Found) -> Option<Correlation> {
        if found.kind != Kind::Request {
            return None;
        }
        let number = self.payload(found).first_chunk::<CORRELATION>()?;
        Some(Correlation { replies: self.lanes[found.lane].replies?, number: u32::from_le_bytes(*number) })
    }

    /// Tells the peer that nobody will answer what it asked: what was given out last, and all that is unread.
    fn refuse_unanswered(&mut self) {
        let mut unanswered: Vec<_> = self.asked.take().into_iter().collect();
        loop {
            while let Some(found) = self.walk() {
                unanswered.extend(self.correlation(&found).map(|asked| (found.lane, asked)));
            }
            let bytes = std::mem::take(&mut self.shared.lock().bytes);
            if bytes.is_empty() {
                break;
            }
            (self.batch, self.at) = (bytes, 0);
        }
        for (at, lane) in self.lanes.iter().enumerate() {
            if let (Some(replies), Some(number)) = (lane.replies, lane.parts.first_chunk::<CORRELATION>()) {
                unanswered.push((at, Correlation { replies, number: u32::from_le_bytes(*number) }));
            }
        }
        for (at, Correlation { replies, number }) in unanswered {
            self.subsystem.nobody_answers(self.lanes[at].name, replies, number);
        }
    }

    async fn refill(&mut self) -> Result<(), Closed> {
        if self.turn >= TURN {
            self.turn = 0;
            smol::future::yield_now().await;
        }
        self.at = 0;
        if self.batch.capacity() > KEEP && self.batch.len() < self.batch.capacity() / 4 {
            self.batch = Vec::new();
        }
        let (shared, batch, turn) = (&self.shared, &mut self.batch, &mut self.turn);
        batch.clear();
        let taken = poll_fn(|cx| {
            let taken = shared.poll_take(cx, batch);
            if taken.is_pending() {
                *turn = 0;
            }
            taken
        })
        .await;
        if taken.is_err() {
            self.subsystem.notify_at_rest();
        }
        taken
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        for lane in &self.lanes {
            self.subsystem.unsubscribe(lane.index, &self.shared);
        }
        if self.lanes.iter().any(|lane| lane.replies.is_some()) {
            self.refuse_unanswered();
        }
    }
}

/// Where the next message lies: in the batch, or, having come in parts, in `whole`.
struct Found {
    lane: usize,
    kind: Kind,
    range: Option<(usize, usize)>,
}
