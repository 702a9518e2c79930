//! A bounded queue for one reader: one that does not read loses the oldest, and is told how many.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use event_listener::{Event, EventListener};
use futures::{Stream, StreamExt};

/// Messages that wait for a reader, at most; with the largest payloads, 8 MiB.
pub const MAX_UNREAD: usize = 256;

/// What a reader gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<T> {
    /// The next one.
    Message(T),
    /// So many were lost since the last one, because they were not read in time.
    Lost(u64),
}

#[derive(Debug)]
struct Shared<T> {
    queue: Mutex<Queue<T>>,
    changed: Event,
}

#[derive(Debug)]
struct Queue<T> {
    waiting: VecDeque<T>,
    lost: u64,
    closed: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where messages are put; gone when the reader is.
#[derive(Debug)]
pub(crate) struct Slot<T>(Weak<Shared<T>>);

/// What was received, from the moment of subscribing on; a stream that ends when the node stops.
///
/// # Cancel safety
///
/// A `next()` that is dropped loses nothing.
#[derive(Debug)]
pub struct Subscription<T> {
    shared: Arc<Shared<T>>,
    listener: Option<EventListener>,
}

/// A reader, and where what it reads is put.
pub(crate) fn mailbox<T>() -> (Slot<T>, Subscription<T>) {
    let queue = Mutex::new(Queue { waiting: VecDeque::new(), lost: 0, closed: false });
    let shared = Arc::new(Shared { queue, changed: Event::new() });
    (Slot(Arc::downgrade(&shared)), Subscription { shared, listener: None })
}

impl<T> Slot<T> {
    /// Puts one in; false when the reader is gone.
    pub(crate) fn put(&self, message: T) -> bool {
        let Some(shared) = self.0.upgrade() else { return false };
        let mut queue = shared.lock();
        let mut oldest = None;
        if queue.waiting.len() >= MAX_UNREAD {
            oldest = queue.waiting.pop_front();
            queue.lost += 1;
        }
        queue.waiting.push_back(message);
        drop(queue);
        // What it is made of may be the application's.
        drop(oldest);
        shared.changed.notify(usize::MAX);
        true
    }

    pub(crate) fn is_read(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.lock().closed = true;
            shared.changed.notify(usize::MAX);
        }
    }
}

impl<T> Subscription<T> {
    /// The next one, or `None` when the node has stopped.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Heard<T>> {
        StreamExt::next(self).await
    }

    /// As [`next`](Self::next), for one that several hold.
    pub(crate) async fn take(&self) -> Option<Heard<T>> {
        loop {
            let changed = self.shared.changed.listen();
            if let Some(found) = self.ready() {
                return found;
            }
            changed.await;
        }
    }

    fn ready(&self) -> Option<Option<Heard<T>>> {
        let mut queue = self.shared.lock();
        if queue.lost > 0 {
            return Some(Some(Heard::Lost(std::mem::take(&mut queue.lost))));
        }
        match queue.waiting.pop_front() {
            Some(message) => Some(Some(Heard::Message(message))),
            None => queue.closed.then_some(None),
        }
    }
}

impl<T> Stream for Subscription<T> {
    type Item = Heard<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Heard<T>>> {
        loop {
            if let Some(found) = self.ready() {
                self.listener = None;
                return Poll::Ready(found);
            }
            match &mut self.listener {
                // Listens before it looks again, so that nothing falls in between.
                None => self.listener = Some(self.shared.changed.listen()),
                Some(listener) => {
                    if Pin::new(listener).poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.listener = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_does_not_read_loses_the_oldest_and_is_told() {
        let (slot, mut reader) = mailbox();
        for number in 0..MAX_UNREAD + 7 {
            assert!(slot.put(number));
        }
        smol::block_on(async {
            assert_eq!(reader.next().await, Some(Heard::Lost(7)));
            for number in 7..MAX_UNREAD + 7 {
                assert_eq!(reader.next().await, Some(Heard::Message(number)));
            }
            drop(slot);
            assert_eq!(reader.next().await, None);
        });
    }

    #[test]
    fn a_reader_is_woken_and_nothing_is_kept_for_one_that_is_gone() {
        let (slot, mut reader) = mailbox();
        smol::block_on(async {
            let put = async {
                smol::future::yield_now().await;
                assert!(slot.put(7));
            };
            let (heard, ()) = futures::join!(reader.next(), put);
            assert_eq!(heard, Some(Heard::Message(7)));
        });
        drop(reader);
        assert!(!slot.is_read() && !slot.put(8));
    }
}
