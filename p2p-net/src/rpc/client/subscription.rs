//! A subscription, seen from the subscriber: a bounded queue that the connection fills, and a stream that empties it.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::Stream;
use futures::task::AtomicWaker;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::SubscriptionError;
use super::link::Link;

/// Notifications that wait for a subscriber before the oldest is lost: as many as the server keeps by default.
const WAITING: usize = 1_024;

/// What the notifications of a subscription carry, as a stream; dropping it ends the subscription.
///
/// After [`SubscriptionError::Lost`] and [`SubscriptionError::Decode`] it goes on; all other errors are its last item.
#[must_use = "dropping a subscription ends it"]
pub struct Subscription<T> {
    link: Arc<Link>,
    queue: Arc<Queue>,
    of: PhantomData<fn() -> T>,
}

impl<T> Subscription<T> {
    pub(super) fn new(link: Arc<Link>, queue: Arc<Queue>) -> Self {
        Self { link, queue, of: PhantomData }
    }

    /// What names it at the server.
    pub fn id(&self) -> &str {
        &self.queue.id
    }
}

impl<T: DeserializeOwned> Stream for Subscription<T> {
    type Item = Result<T, SubscriptionError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.queue.waker.register(cx.waker());
        let Some(next) = self.queue.next() else { return Poll::Pending };
        Poll::Ready(match next {
            Next::Value(value) => {
                Some(T::deserialize(value).map_err(|error| SubscriptionError::Decode(error.to_string())))
            }
            Next::Error(error) => Some(Err(error)),
            Next::End => None,
        })
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        self.link.unsubscribe(&self.queue);
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subscription({} of {})", self.queue.id, self.queue.namespace)
    }
}

/// What has come for one subscription.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) namespace: String,
    pub(super) id: String,
    held: Mutex<Held>,
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Held {
    /// Each with how many were lost before it.
    values: VecDeque<(u64, Value)>,
    /// Lost after the last of them.
    lost: u64,
    /// Set when there will be no more: with an error, or with none.
    end: Option<Option<SubscriptionError>>,
}

enum Next {
    Value(Value),
    Error(SubscriptionError),
    End,
}

impl Queue {
    pub(super) fn new(namespace: String, id: String) -> Self {
        Self { namespace, id, held: Mutex::default(), waker: AtomicWaker::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a value, and how many the server lost before it.
    pub(super) fn push(&self, lost: u64, value: Option<Value>) {
        let mut held = self.lock();
        held.lost += lost;
        if let Some(value) = value {
            let lost = std::mem::take(&mut held.lost);
            held.values.push_back((lost, value));
        }
        if held.values.len() > WAITING {
            let before = held.values.pop_front().map_or(0, |(lost, _)| lost);
            if let Some((lost, _)) = held.values.front_mut() {
                *lost += before + 1;
            }
        }
        drop(held);
        self.waker.wake();
    }

    pub(super) fn end(&self, error: Option<SubscriptionError>) {
        self.lock().end.get_or_insert(error);
        self.waker.wake();
    }

    fn next(&self) -> Option<Next> {
        let mut held = self.lock();
        let lost = held.values.front_mut().map(|(lost, _)| std::mem::take(lost));
        if let lost @ 1.. = lost.unwrap_or_else(|| std::mem::take(&mut held.lost)) {
            return Some(Next::Error(SubscriptionError::Lost(lost)));
        }
        if let Some((_, value)) = held.values.pop_front() {
            return Some(Next::Value(value));
        }
        let end = held.end.as_mut()?;
        Some(end.take().map_or(Next::End, Next::Error))
    }
}
