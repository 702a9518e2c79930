//! The inbox of one subscriber: frames of several lanes in the order they arrived, taken out a batch at a time.
//!
//! The channel's reader appends runs of frames under one lock; the consumer swaps the whole buffer for its empty one under
//! one lock, then walks through it alone. Small messages cost neither side an allocation nor a lock of their own.

use std::future::poll_fn;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::codec::{self, DecodeError};
use super::frame::{CORRELATION, HEADER, Header, Kind};
use super::lane::{LaneIndex, LaneKind};
use super::{Message, MessageId, MessageSubsystem};
use crate::event::Watchers;

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
    /// The consumer is to give back what it keeps for messages.
    rest: bool,
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

    /// Asks for the memory that is kept for messages, if none are there; returns the consumer, which has some of it.
    pub(crate) fn rest(&self) -> Option<Waker> {
        let mut state = self.lock();
        if !state.bytes.is_empty() {
            return None;
        }
        state.bytes = Vec::new();
        let consumer = state.waker.take();
        state.rest |= consumer.is_some();
        consumer
    }

    /// Swaps the consumer's empty batch for everything that has arrived; `rest` is told to give back what is kept besides.
    fn poll_take(&self, cx: &mut Context<'_>, batch: &mut Vec<u8>, rest: impl FnOnce()) -> Poll<Result<(), Closed>> {
        let mut state = self.lock();
        batch.clear();
        if std::mem::take(&mut state.rest) {
            *batch = Vec::new();
            rest();
        }
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
    watchers: Watchers,
    /// By id.
    lanes: Vec<Lane>,
    /// The place of the lane whose message came last; the next is likely of the same.
    last: usize,
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
        watchers: Watchers,
        lanes: &[LaneIndex],
    ) -> Self {
        let table = subsystem.lanes().clone();
        let lanes = lanes.iter().map(|&index| {
            let spec = table.lane(index);
            let replies = if let LaneKind::Requests(replies) = spec.kind { Some(replies) } else { None };
            let report_at = super::window::worth_returning(spec.window);
            Lane { index, id: spec.id, replies, name: spec.name, taken: 0, report_at, parts: Vec::new() }
        });
        let mut lanes: Vec<_> = lanes.collect();
        lanes.sort_by_key(|lane| lane.id);
        let (batch, whole) = (Vec::new(), Vec::new());
        Self { shared, subsystem, owner, watchers, lanes, last: 0, batch, at: 0, whole, turn: 0, asked: None }
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
        let found = loop {
            self.asked = None;
            match self.walk() {
                Some(found) => break found,
                None => self.fill().await?,
            }
        };
        Ok(self.give(&found))
    }

    /// The next message of those that [`fill`](Self::fill) waited for; `None` when all are taken.
    ///
    /// With `fill` it is the same as [`next`](Self::next), and saves a busy handler a future for each message.
    ///
    /// ```
    /// use p2p_net::prelude::*;
    /// use p2p_net::message::Inbox;
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    ///
    /// async fn read(mut inbox: Inbox) -> Result<()> {
    ///     while inbox.fill().await.is_ok() {
    ///         while let Some(delivery) = inbox.take() {
    ///             let Say(text) = delivery.decode()?;
    ///             log::info!("{text}");
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[inline(always)]
    pub fn take(&mut self) -> Option<Delivery<'_>> {
        self.asked = None;
        let found = self.walk()?;
        Some(self.give(&found))
    }

    /// Walks through the batch to the end of the next message.
    #[inline(always)]
    fn walk(&mut self) -> Option<Found> {
        loop {
            let Ok(Some(header)) = Header::parse(self.batch.get(self.at..)?) else { return None };
            let (start, end) = (self.at + HEADER, self.at + header.frame_len());
            self.at = end;
            self.turn += header.frame_len();
            if self.lanes.get(self.last).is_none_or(|lane| lane.id != header.id) {
                // The reader delivers only lanes that were subscribed.
                let Ok(place) = self.lanes.binary_search_by_key(&header.id, |lane| lane.id) else { continue };
                self.last = place;
            }
            let lane = &mut self.lanes[self.last];
            lane.taken += header.frame_len() as u32;
            if lane.taken >= lane.report_at {
                let taken = std::mem::take(&mut lane.taken);
                self.subsystem.taken(lane.index, &self.shared, taken);
            }
            let whole = header.kind != Kind::Part && lane.parts.is_empty();
            if whole || self.assemble(header.kind, start..end) {
                return Some(Found { lane: self.last, kind: header.kind, range: whole.then_some((start, end)) });
            }
        }
    }

    /// Adds a part to its message; whether that is whole now.
    #[cold]
    fn assemble(&mut self, kind: Kind, part: Range<usize>) -> bool {
        let lane = &mut self.lanes[self.last];
        lane.parts.extend_from_slice(&self.batch[part]);
        if kind != Kind::Part {
            std::mem::swap(&mut self.whole, &mut lane.parts);
            lane.parts.clear();
        }
        kind != Kind::Part
    }

    /// Gives a message out.
    #[inline(always)]
    fn give(&mut self, found: &Found) -> Delivery<'_> {
        let correlation = self.correlation(found);
        self.asked = correlation.map(|asked| (found.lane, asked));
        let (lane, payload) = (&self.lanes[found.lane], self.payload(found));
        // The number is there, or it would not have been read.
        let payload = if correlation.is_some() { &payload[CORRELATION..] } else { payload };
        if self.watchers.any() {
            self.subsystem.received(self.owner, lane.name, payload.len());
        }
        Delivery { id: lane.id, correlation, payload }
    }

    #[inline]
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

    /// Waits until there are messages to [`take`](Self::take).
    ///
    /// # Errors
    ///
    /// [`Closed`] when the channel is over and all that had arrived is taken.
    ///
    /// # Cancel safety
    ///
    /// Safe: messages are there to be taken, or stay.
    pub async fn fill(&mut self) -> Result<(), Closed> {
        self.asked = None;
        if let Ok(Some(_)) = Header::parse(&self.batch[self.at..]) {
            return Ok(());
        }
        if self.turn >= TURN {
            self.turn = 0;
            smol::future::yield_now().await;
        }
        self.at = 0;
        if self.batch.capacity() > KEEP && self.batch.len() < self.batch.capacity() / 4 {
            self.batch = Vec::new();
        }
        let Self { shared, batch, turn, whole, lanes, .. } = self;
        batch.clear();
        let taken = poll_fn(|cx| {
            let taken = shared.poll_take(cx, batch, || {
                *whole = Vec::new();
                lanes.iter_mut().filter(|lane| lane.parts.is_empty()).for_each(|lane| lane.parts = Vec::new());
            });
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
