//! Requests that are answered by a stream of rows, on the side that asks.
//!
//! Credit for rows returns when they are taken, not when they come: a peer cannot send more than a window of rows ahead of
//! who reads them, and stalls only the lane of these rows.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::future::BoxFuture;

use super::pending::{Awaited, RowEntry, Taken};
use super::{Channel, Inner, RequestError};
use crate::message::codec;
use crate::message::frame::Kind;
use crate::message::lane::{LaneIndex, LaneKind};
use crate::message::{Message, MessageId, StreamRequest};

/// The rows that answer a request; see [`Channel::stream`].
///
/// Dropping it tells the peer that nobody waits for more. A stream has no deadline: rows may come as rarely as they happen.
///
/// ```
/// # use futures::{StreamExt, stream};
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 16, stream = Row)] struct Count(u32);
/// # #[derive(Debug, PartialEq, Message, Serialize, Deserialize)] #[message(max_bytes = 16)] struct Row(u32);
/// # #[protocol] async fn counts(Count(n): Count) -> impl Stream<Item = Row> { stream::iter(0..n).map(Row) }
/// # testing::pair().with::<counts>().run(async |[alice, bob]| {
/// let mut rows = alice.to(&bob).stream(Count(u32::MAX));
/// assert_eq!(rows.next().await, Some(Ok(Row(0))));
/// drop(rows); // the other end stops counting
/// # });
/// ```
#[must_use = "a stream does nothing unless it is polled"]
pub struct Rows<R> {
    state: State,
    request: &'static str,
    row: PhantomData<fn() -> R>,
}

enum State {
    Asking(BoxFuture<'static, Result<Asking, RequestError>>),
    Reading(Asking),
    Done,
}

/// A request whose rows are waited for.
struct Asking {
    inner: Arc<Inner>,
    number: u32,
    /// The lanes of the request and of its rows.
    lanes: (LaneIndex, LaneIndex),
    /// The peer may be answering.
    sent: bool,
    /// Rows that came, and how far they are read.
    batch: Vec<u8>,
    at: usize,
    /// What was taken of the lane's window and not yet given back.
    taken: u32,
}

impl Asking {
    fn new(channel: &Channel, lane: LaneIndex, name: &'static str) -> Result<Self, RequestError> {
        let inner = channel.inner.clone();
        // A type has one lane, whose kind follows from the same constant as the bound on it.
        let LaneKind::Requests(rows) = inner.table.lane(lane).kind else { return Err(RequestError::Closed(name)) };
        let (number, _) = inner.requests.open(MessageId::of_replies_to(name), Awaited::rows())?;
        Ok(Self { inner, number, lanes: (lane, rows), sent: false, batch: Vec::new(), at: 0, taken: 0 })
    }

    /// Decodes the next row that has come.
    fn next<R: Message>(&mut self, request: &'static str) -> Option<Result<R, RequestError>> {
        let RowEntry { start, end, cost } = RowEntry::at(&self.batch, self.at)?;
        self.at = end;
        self.taken += cost;
        self.inner.answered(self.inner.table.lane(self.lanes.1).id, end - start);
        if self.taken >= self.inner.table.lane(self.lanes.1).window / 4 {
            self.give_back();
        }
        Some(codec::decode(&self.batch[start..end]).map_err(|error| RequestError::Malformed { request, error }))
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Taken> {
        // Before it waits: several streams of one lane would together hold back more than a window.
        self.give_back();
        self.batch.clear();
        self.at = 0;
        let taken = self.inner.requests.poll_rows(self.number, cx, &mut self.batch);
        if let Poll::Ready(Taken::End(_)) = taken {
            self.sent = false;
        }
        taken
    }

    fn give_back(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        if taken > 0 {
            self.inner.subsystem.release(self.lanes.1, taken);
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        // What comes from here on finds nobody, and counts as taken.
        self.taken += self.inner.requests.forget(self.number) + RowEntry::cost_from(&self.batch, self.at);
        self.give_back();
        if self.sent {
            self.inner.out.cancel(self.lanes.0, self.number);
        }
    }
}

impl<R: Message> Stream for Rows<R> {
    type Item = Result<R, RequestError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let request = self.request;
        loop {
            let failed = match &mut self.state {
                State::Done => return Poll::Ready(None),
                State::Asking(asking) => match ready!(asking.as_mut().poll(cx)) {
                    Ok(asking) => {
                        self.state = State::Reading(asking);
                        continue;
                    }
                    Err(error) => error,
                },
                State::Reading(asking) => match asking.next(request) {
                    Some(Ok(row)) => return Poll::Ready(Some(Ok(row))),
                    Some(Err(malformed)) => malformed,
                    None => match ready!(asking.poll_more(cx)) {
                        Taken::Rows => continue,
                        Taken::End(Ok(())) => {
                            self.state = State::Done;
                            continue;
                        }
                        Taken::End(Err(error)) => RequestError::Failed { request, error },
                        Taken::Closed => RequestError::Closed(request),
                    },
                },
            };
            self.state = State::Done;
            return Poll::Ready(Some(Err(failed)));
        }
    }
}

impl<R> fmt::Debug for Rows<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows(of {})", self.request)
    }
}

impl Channel {
    /// Asks for a stream of rows; the request is sent when the stream is first polled.
    ///
    /// A row that is an error is the last. Rows that are not taken stall the peer's sending of rows to this type of
    /// request, when they fill its window, and nothing else.
    ///
    /// # Errors
    ///
    /// As items: when the request cannot be sent, the peer's handler or its stream fails, a row is malformed, or the
    /// channel ends.
    ///
    /// # Cancel safety
    ///
    /// Dropping the stream tells the peer to end it.
    ///
    /// ```
    /// # use futures::{StreamExt, stream};
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 16, stream = Row)] struct Count(u32);
    /// # #[derive(Debug, PartialEq, Message, Serialize, Deserialize)] #[message(max_bytes = 16)] struct Row(u32);
    /// # #[protocol] async fn counts(Count(n): Count) -> impl Stream<Item = Row> { stream::iter(0..n).map(Row) }
    /// # testing::pair().with::<counts>().run(async |[alice, bob]| {
    /// let rows: Vec<_> = alice.to(&bob).stream(Count(3)).collect().await;
    /// assert_eq!(rows, [Ok(Row(0)), Ok(Row(1)), Ok(Row(2))]);
    /// # });
    /// ```
    pub fn stream<M: StreamRequest>(&self, request: M) -> Rows<M::Row> {
        let channel = self.clone();
        let asking = Box::pin(async move {
            let lane = channel.lane_of::<M>()?;
            channel.check_answers::<M>(MessageId::of_replies_to(M::NAME))?;
            let mut asking = Asking::new(&channel, lane, M::NAME)?;
            if let Some(rest) = channel.transmit(Kind::Request, &asking.number.to_le_bytes(), &request) {
                rest.await?;
            }
            asking.sent = true;
            Ok(asking)
        });
        Rows { state: State::Asking(asking), request: M::NAME, row: PhantomData }
    }

    /// How many requests and streams of this end wait for the peer.
    ///
    /// ```
    /// # use futures::{StreamExt, stream};
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 16, stream = Row)] struct Count(u32);
    /// # #[derive(Debug, PartialEq, Message, Serialize, Deserialize)] #[message(max_bytes = 16)] struct Row(u32);
    /// # #[protocol] async fn counts(Count(n): Count) -> impl Stream<Item = Row> { stream::iter(0..n).map(Row) }
    /// # testing::pair().with::<counts>().run(async |[alice, bob]| {
    /// let channel = alice.to(&bob);
    /// let mut rows = channel.stream(Count(1));
    /// let _ = rows.next().await;
    /// assert!(channel.pending_requests() <= 1);
    /// # });
    /// ```
    pub fn pending_requests(&self) -> usize {
        self.inner.requests.len()
    }
}
