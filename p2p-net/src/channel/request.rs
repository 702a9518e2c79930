//! Requests, and the one reply to each.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;

use super::pending::{Answer, Awaited, MAX_PENDING_REQUESTS};
use super::{Channel, Inner, SendError};
use crate::message::codec::{self, DecodeError};
use crate::message::frame::Kind;
use crate::message::{Message, MessageId, Request};

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
        let _no_rows = self.inner.requests.forget(self.number);
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
            let (number, watch) = channel.inner.requests.open(replies, Awaited::reply(clock.now() + limit))?;
            let waiting = Waiting { inner: channel.inner.clone(), number };
            if watch {
                channel.inner.out.wake_task();
            }
            channel.transmit(Kind::Request, &number.to_le_bytes(), &request).await?;
            drop(request);
            match std::future::poll_fn(|cx| waiting.inner.requests.poll_reply(number, cx)).await {
                Some(Answer::Reply(bytes)) => Ok(bytes),
                Some(Answer::Failed(error)) => Err(RequestError::Failed { request: M::NAME, error }),
                Some(Answer::TimedOut) => Err(RequestError::TimedOut { request: M::NAME, limit }),
                None => Err(RequestError::Closed(M::NAME)),
            }
        });
        Reply { future, request: M::NAME, reply: PhantomData }
    }
}
