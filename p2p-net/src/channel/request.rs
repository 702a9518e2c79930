//! Requests under way on a channel, and the replies that come back for them, in any order.

use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

use super::{Channel, Inner, SendError};
use crate::message::codec::{self, DecodeError};
use crate::message::frame::{CORRELATION, HEADER, Header, Kind};
use crate::message::{Message, MessageId, Request};

/// Requests that may wait for a reply on one channel; what their replies can hold in memory is bounded with them.
pub const MAX_PENDING_REQUESTS: usize = 1024;

/// A request brought no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It could not be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The handler at the other end failed; its words.
    #[error("the peer could not answer `{request}`: {error}")]
    Failed {
        /// The request's name.
        request: &'static str,
        /// What the peer said.
        error: String,
    },
    /// Nothing came in time.
    #[error("no reply to `{request}` within {limit:?}")]
    TimedOut {
        /// The request's name.
        request: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// The channel ended first.
    #[error("the channel closed before the reply to `{0}` came")]
    Closed(&'static str),
    /// The reply is not an encoding of its type.
    #[error("the reply to `{request}` is malformed: {error}")]
    Malformed {
        /// The request's name.
        request: &'static str,
        /// What was wrong.
        error: DecodeError,
    },
    /// [`MAX_PENDING_REQUESTS`] are under way.
    #[error("{MAX_PENDING_REQUESTS} requests wait for a reply already")]
    TooMany,
}

/// What came back for a request.
#[derive(Debug)]
enum Answer {
    Reply(Vec<u8>),
    Failed(String),
    TimedOut,
}

#[derive(Debug)]
struct Pending {
    /// The lane its reply must come in.
    replies: MessageId,
    deadline: Instant,
    waker: Option<Waker>,
    answer: Option<Answer>,
}

/// The requests of one channel that wait for a reply.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u32,
    closed: bool,
    /// The writer task will look at the deadlines.
    watched: bool,
    pending: BTreeMap<u32, Pending>,
    /// By lane: the reply that is arriving in parts.
    parts: BTreeMap<MessageId, Vec<u8>>,
}

impl Requests {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a number for a request; says too whether the deadlines must be looked at anew.
    fn open(&self, replies: MessageId, deadline: Instant) -> Result<(u32, bool), RequestError> {
        let mut table = self.lock();
        if table.pending.len() >= MAX_PENDING_REQUESTS {
            return Err(RequestError::TooMany);
        }
        let mut number = table.next;
        while table.pending.contains_key(&number) {
            number = number.wrapping_add(1);
        }
        table.next = number.wrapping_add(1);
        table.pending.insert(number, Pending { replies, deadline, waker: None, answer: None });
        Ok((number, !std::mem::replace(&mut table.watched, true)))
    }

    /// Takes a run of reply frames of one lane; those who wait are added to `wake`.
    pub(super) fn receive(&self, mut run: &[u8], wake: &mut Vec<Waker>) {
        let mut table = self.lock();
        while let Ok(Some(header)) = Header::parse(run) {
            let payload = &run[HEADER..header.frame_len()];
            run = &run[header.frame_len()..];
            if header.kind == Kind::Part {
                table.parts.entry(header.id).or_default().extend_from_slice(payload);
                continue;
            }
            let whole = table.parts.remove(&header.id).map(|mut parts| {
                parts.extend_from_slice(payload);
                parts
            });
            let Some((number, body)) = whole.as_deref().unwrap_or(payload).split_first_chunk::<CORRELATION>() else {
                continue;
            };
            // A reply to a request that was given up is no fault, and a second one changes nothing. One in the lane of
            // another message answers nobody: that lane may allow more bytes than this request's replies have.
            let pending = table.pending.get_mut(&u32::from_le_bytes(*number));
            let awaited = |pending: &&mut Pending| pending.replies == header.id && pending.answer.is_none();
            let Some(pending) = pending.filter(awaited) else { continue };
            pending.answer = Some(match header.kind {
                Kind::ReplyError => Answer::Failed(String::from_utf8_lossy(body).into_owned()),
                _ => Answer::Reply(body.to_vec()),
            });
            wake.extend(pending.waker.take());
        }
    }

    fn poll(&self, number: u32, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let mut table = self.lock();
        let closed = table.closed;
        let Some(pending) = table.pending.get_mut(&number) else { return Poll::Ready(None) };
        if let Some(answer) = pending.answer.take() {
            return Poll::Ready(Some(answer));
        }
        if closed {
            return Poll::Ready(None);
        }
        pending.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn forget(&self, number: u32) {
        self.lock().pending.remove(&number);
    }

    /// Fails the requests whose time is over; returns when to look again, if ever.
    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut table = self.lock();
        let mut wake = Vec::new();
        let mut next = None;
        for pending in table.pending.values_mut().filter(|pending| pending.answer.is_none()) {
            if pending.deadline <= now {
                pending.answer = Some(Answer::TimedOut);
                wake.extend(pending.waker.take());
            } else {
                next = Some(next.map_or(pending.deadline, |next: Instant| next.min(pending.deadline)));
            }
        }
        table.watched = next.is_some();
        drop(table);
        wake.into_iter().for_each(Waker::wake);
        next
    }

    /// Fails every request, now and later.
    pub(super) fn close(&self) {
        let wake: Vec<_> = {
            let mut table = self.lock();
            table.closed = true;
            table.parts = BTreeMap::new();
            table.pending.values_mut().filter_map(|pending| pending.waker.take()).collect()
        };
        wake.into_iter().for_each(Waker::wake);
    }
}

/// A reply on its way; see [`Channel::request`]. Dropping it forgets the request.
#[must_use = "a reply is a future: await it"]
pub struct Reply<R> {
    future: BoxFuture<'static, Result<Vec<u8>, RequestError>>,
    request: &'static str,
    reply: PhantomData<fn() -> R>,
}

impl<R: Message> Future for Reply<R> {
    type Output = Result<R, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let request = self.request;
        self.future
            .as_mut()
            .poll(cx)
            .map(|bytes| codec::decode(&bytes?).map_err(|error| RequestError::Malformed { request, error }))
    }
}

impl<R> std::fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reply(to {})", self.request)
    }
}

/// Forgets a request when it is no longer waited for.
struct Waiting {
    inner: Arc<Inner>,
    number: u32,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.inner.requests.forget(self.number);
    }
}

impl Channel {
    /// Sends `request` and waits for its reply, at most for the setting `limits.request_timeout`.
    ///
    /// Any number up to [`MAX_PENDING_REQUESTS`] may be under way; replies come in any order.
    ///
    /// # Errors
    ///
    /// When it cannot be sent, the peer's handler fails, nothing comes in time, or the channel ends.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the request; the peer may have handled it.
    pub fn request<M: Request>(&self, request: M) -> Reply<M::Reply> {
        let channel = self.clone();
        let future = Box::pin(async move {
            let limit = channel.inner.limits.request_timeout;
            let (clock, replies) = (&channel.inner.clock, MessageId::of_replies_to(M::NAME));
            let (number, watch) = channel.inner.requests.open(replies, clock.now() + limit)?;
            let waiting = Waiting { inner: channel.inner.clone(), number };
            if watch {
                channel.inner.out.wake_task();
            }
            channel.transmit(Kind::Request, &number.to_le_bytes(), &request).await?;
            drop(request);
            match std::future::poll_fn(|cx| waiting.inner.requests.poll(number, cx)).await {
                Some(Answer::Reply(bytes)) => Ok(bytes),
                Some(Answer::Failed(error)) => Err(RequestError::Failed { request: M::NAME, error }),
                Some(Answer::TimedOut) => Err(RequestError::TimedOut { request: M::NAME, limit }),
                None => Err(RequestError::Closed(M::NAME)),
            }
        });
        Reply { future, request: M::NAME, reply: PhantomData }
    }
}
