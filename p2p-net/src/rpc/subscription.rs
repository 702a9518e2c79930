//! From what a method returns to what is sent: one answer, or the values of a stream one by one.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::{Stream, StreamExt};
use serde::Serialize;
use serde_json::Value;

use super::api::{Answer, Rows};
use super::error::{RpcError, code};
use crate::error::Error;

/// What a method returned, as JSON.
///
/// # Errors
///
/// When it has no form in JSON, such as a map whose keys are lists.
pub fn answer<T: Serialize>(value: T) -> Answer {
    serde_json::to_value(value)
        .map_err(|error| RpcError::new(code::INTERNAL, format!("the answer is no JSON: {error}")))
}

/// What a method that can fail returned, as JSON.
///
/// # Errors
///
/// The method's own, and when what it returned has no form in JSON.
pub fn answer_result<T: Serialize, E: Into<Error>>(result: Result<T, E>) -> Answer {
    let result: Result<T, Error> = result.map_err(Into::into);
    answer(result?)
}

/// Begins a subscription whose stream borrows from what the future `make` returns owns.
///
/// `make` is given where the stream [goes](Sink::forward); its future lives as long as the subscription.
///
/// # Errors
///
/// What the future returns before it forwards a stream.
///
/// # Cancel safety
///
/// Dropping the future, or the rows, drops the stream and what it borrows from.
pub async fn rows<F>(make: impl FnOnce(Sink) -> F) -> Result<Rows, RpcError>
where
    F: Future<Output = Result<(), RpcError>> + Send + 'static,
{
    let slot = Slot::default();
    let mut future: BoxFuture<'static, _> = Box::pin(make(Sink(slot.clone())));
    let ended = poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending if slot.lock(|slot| slot.begun) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await;
    match ended {
        Some(Err(error)) => Err(error),
        Some(Ok(())) => Ok(futures::stream::empty().boxed()),
        None => Ok(Streaming { future: Some(future), slot }.boxed()),
    }
}

/// Where the values of a stream go, one at a time.
#[derive(Debug)]
pub struct Sink(Slot);

#[derive(Debug, Clone, Default)]
struct Slot(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    begun: bool,
    value: Option<Value>,
}

impl Slot {
    fn lock<T>(&self, look: impl FnOnce(&mut Held) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink {
    /// Forwards all that the stream brings.
    ///
    /// # Errors
    ///
    /// When an item has no form in JSON; the subscription ends with it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    pub async fn forward<S>(self, stream: S) -> Result<(), RpcError>
    where
        S: Stream<Item: Serialize>,
    {
        let mut stream = pin!(stream);
        self.0.lock(|slot| slot.begun = true);
        // Whoever waits for the beginning looks when this is pending.
        let mut looked = false;
        poll_fn(|_| if std::mem::replace(&mut looked, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        while let Some(item) = stream.next().await {
            let value = answer(item)?;
            self.0.lock(|slot| slot.value = Some(value));
            // Polled again when the value has been taken, and not before.
            poll_fn(|_| if self.0.lock(|slot| slot.value.is_none()) { Poll::Ready(()) } else { Poll::Pending }).await;
        }
        Ok(())
    }

    /// The same for a method that can fail before there is a stream.
    ///
    /// # Errors
    ///
    /// The method's own, and those of [`forward`](Self::forward).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    pub async fn forward_result<S, E>(self, stream: Result<S, E>) -> Result<(), RpcError>
    where
        S: Stream<Item: Serialize>,
        E: Into<Error>,
    {
        let stream: Result<S, Error> = stream.map_err(Into::into);
        self.forward(stream?).await
    }
}

/// A future that puts values into a slot, as a stream of them.
struct Streaming {
    future: Option<BoxFuture<'static, Result<(), RpcError>>>,
    slot: Slot,
}

impl Stream for Streaming {
    type Item = Answer;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let Some(future) = &mut self.future else { return Poll::Ready(None) };
        let outcome = future.as_mut().poll(cx);
        if let Poll::Ready(outcome) = outcome {
            self.future = None;
            return Poll::Ready(outcome.err().map(Err));
        }
        match self.slot.lock(|slot| slot.value.take()) {
            Some(value) => Poll::Ready(Some(Ok(value))),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    #[test]
    fn a_stream_that_borrows_is_forwarded_whole() {
        smol::block_on(async {
            let owned = Arc::new(vec![1, 2, 3]);
            let rows = rows(move |sink| async move {
                let borrowed = &owned;
                sink.forward(stream::iter(borrowed.iter())).await
            });
            let values: Vec<_> = rows.await.unwrap().map(Result::unwrap).collect().await;
            assert_eq!(values, [Value::from(1), 2.into(), 3.into()]);
        });
    }

    #[test]
    fn what_fails_before_the_stream_refuses_the_subscription() {
        let refused = RpcError::new(7, "not now");
        let result: Result<stream::Empty<u8>, RpcError> = Err(refused.clone());
        let rows = smol::block_on(rows(move |sink| async move { sink.forward_result(result).await }));
        assert_eq!(rows.err(), Some(refused));
    }

    #[test]
    fn an_item_that_is_no_json_ends_it_with_an_error() {
        let wrong = std::collections::BTreeMap::from([(vec![1], 1)]);
        let made = rows(move |sink| async move { sink.forward(stream::iter([wrong])).await });
        let items: Vec<_> = smol::block_on(async { made.await.unwrap().collect().await });
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].as_ref().unwrap_err().code, code::INTERNAL);
    }
}
