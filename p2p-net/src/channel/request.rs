//! Requests, and the one reply to each.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Either, select};

use super::pending::{Answer, Awaited, MAX_PENDING_REQUESTS};
use super::{Channel, Inner, SendError};
use crate::identity::NodeId;
use crate::message::codec::{self, DecodeError};
use crate::message::frame::Kind;
use crate::message::{Message, MessageId, Request};

/// A limit that no program lives to see: a century.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// A request brought no reply.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 16, reply = Half)] struct Halve(u32);
/// # #[derive(Debug, PartialEq, Message, Serialize, Deserialize)] #[message(max_bytes = 16)] struct Half(u32);
/// # #[protocol] async fn halves(Halve(n): Halve) -> Result<Half> {
/// #     if n % 2 == 0 { Ok(Half(n / 2)) } else { Err(Error::msg("odd")) }
/// # }
/// # testing::pair().with::<halves>().run(async |[alice, bob]| {
/// let error = alice.to(&bob).request(Halve(7)).await.unwrap_err();
/// assert_eq!(error.to_string(), "the peer could not answer `halve`: odd");
/// # });
/// ```
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
        /// Who was asked.
        peer: NodeId,
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

/// A reply on its way; see [`Channel::request`]. Nothing is sent before it is first polled, and dropping it forgets the
/// request.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 16, reply = Half)] struct Halve(u32);
/// # #[derive(Debug, PartialEq, Message, Serialize, Deserialize)] #[message(max_bytes = 16)] struct Half(u32);
/// # #[protocol] async fn halves(Halve(n): Halve) -> Result<Half> {
/// #     if n % 2 == 0 { Ok(Half(n / 2)) } else { Err(Error::msg("odd")) }
/// # }
/// # testing::pair().with::<halves>().run(async |[alice, bob]| {
/// let channel = alice.to(&bob);
/// let (first, second) = (channel.request(Halve(2)), channel.request(Halve(4)));
/// assert_eq!(futures::join!(first, second), (Ok(Half(1)), Ok(Half(2))));
/// # });
/// ```
#[must_use = "a reply is a future: await it"]
pub struct Reply<R> {
    channel: Channel,
    request: &'static str,
    state: State,
    limit: Duration,
    reply: PhantomData<fn() -> R>,
}

type Asking = BoxFuture<'static, Result<Vec<u8>, RequestError>>;

enum State {
    /// What asks, told when that was and how long it may take.
    Unsent(Box<dyn FnOnce(Instant, Duration) -> Asking + Send>),
    Sent(Instant, Asking),
    Done,
}

impl<R: Message> Reply<R> {
    /// Waits for at most `limit`, instead of the setting `limits.request_timeout`; counted from when it is first polled.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)]
    /// # #[message(max_bytes = 16, reply = Pong)]
    /// # struct Ping;
    /// # #[derive(Message, Serialize, Deserialize)]
    /// # #[message(max_bytes = 16)]
    /// # struct Pong;
    /// # #[protocol]
    /// # async fn never(_ping: Ping) -> Pong { std::future::pending().await }
    /// # testing::pair().with::<never>().run(async |[alice, bob]| {
    /// let reply = alice.to(&bob).request(Ping).within(Duration::from_millis(50));
    /// assert_eq!(reply.await.err().unwrap().to_string(), "no reply to `ping` within 50ms");
    /// # });
    /// ```
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The reply, and how long it took: the time on the way, there and back, that of the handler, and what the request waited
    /// for room in its lane.
    ///
    /// # Errors
    ///
    /// As [`Channel::request`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the request; the peer may have handled it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 16, reply = Half)] struct Halve(u32);
    /// # #[derive(Debug, PartialEq, Message, Serialize, Deserialize)] #[message(max_bytes = 16)] struct Half(u32);
    /// # #[protocol] async fn halves(Halve(n): Halve) -> Half { Half(n / 2) }
    /// # testing::pair().with::<halves>().latency(Duration::from_millis(10)).run(async |[alice, bob]| {
    /// let (half, took) = alice.to(&bob).request(Halve(84)).timed().await.unwrap();
    /// assert_eq!((half, took), (Half(42), Duration::from_millis(20))); // ten there, ten back
    /// # });
    /// ```
    pub async fn timed(self) -> Result<(R, Duration), RequestError> {
        let clock = self.channel.inner.clock.clone();
        let asked = if let State::Sent(asked, _) = self.state { asked } else { clock.now() };
        self.await.map(|reply| (reply, clock.now() - asked))
    }
}

impl<R: Message> Future for Reply<R> {
    type Output = Result<R, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let (asked, mut answer) = match std::mem::replace(&mut this.state, State::Done) {
            State::Unsent(ask) => {
                let asked = this.channel.inner.clock.now();
                (asked, ask(asked, this.limit))
            }
            State::Sent(asked, answer) => (asked, answer),
            State::Done => panic!("a reply is not awaited again once it has come"),
        };
        let outcome = answer.as_mut().poll(cx);
        if outcome.is_pending() {
            this.state = State::Sent(asked, answer);
        }
        let request = this.request;
        outcome.map(|bytes| codec::decode(&bytes?).map_err(|error| RequestError::Malformed { request, error }))
    }
}

impl<R> std::fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reply(to {} within {:?})", self.request, self.limit)
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
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 16, reply = Half)] struct Halve(u32);
    /// # #[derive(Debug, PartialEq, Message, Serialize, Deserialize)] #[message(max_bytes = 16)] struct Half(u32);
    /// # #[protocol] async fn halves(Halve(n): Halve) -> Result<Half> {
    /// #     if n % 2 == 0 { Ok(Half(n / 2)) } else { Err(Error::msg("odd")) }
    /// # }
    /// # testing::pair().with::<halves>().run(async |[alice, bob]| {
    /// assert_eq!(alice.to(&bob).request(Halve(84)).await, Ok(Half(42)));
    /// # });
    /// ```
    pub fn request<M: Request>(&self, request: M) -> Reply<M::Reply> {
        let channel = self.clone();
        Reply {
            channel: self.clone(),
            request: M::NAME,
            state: State::Unsent(Box::new(move |asked, limit| ask(channel, request, asked, limit).boxed())),
            limit: self.inner.limits.request_timeout,
            reply: PhantomData,
        }
    }
}

/// Sends `request` and waits for the bytes of its reply.
async fn ask<M: Request>(
    channel: Channel,
    request: M,
    asked: Instant,
    limit: Duration,
) -> Result<Vec<u8>, RequestError> {
    let replies = MessageId::of_replies_to(M::NAME);
    channel.check_answers::<M>(replies)?;
    // A limit beyond what a clock can tell is none.
    let deadline = asked.checked_add(limit).unwrap_or(asked + FOREVER);
    let (number, watch) = channel.inner.requests.open(replies, Awaited::reply(deadline))?;
    let waiting = Waiting { inner: channel.inner.clone(), number };
    if watch {
        channel.inner.out.wake_task();
    }
    let number = waiting.number;
    let mut answer = std::future::poll_fn(|cx| waiting.inner.requests.poll_reply(number, cx));
    // The time runs while the request waits for its lane, too.
    let number = number.to_le_bytes();
    let answer = match channel.transmit(Kind::Request, &number, &request) {
        None => answer.await,
        Some(rest) => match select(rest, &mut answer).await {
            Either::Left((sent, _)) => {
                sent?;
                answer.await
            }
            Either::Right((answer, _)) => answer,
        },
    };
    match answer {
        Some(Answer::Reply(bytes)) => {
            channel.inner.answered(replies, bytes.len());
            Ok(bytes)
        }
        Some(Answer::Failed(error)) => Err(RequestError::Failed { request: M::NAME, error }),
        Some(Answer::TimedOut) => Err(RequestError::TimedOut { peer: channel.peer_id(), request: M::NAME, limit }),
        None => Err(RequestError::Closed(M::NAME)),
    }
}
