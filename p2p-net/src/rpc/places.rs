//! A bounded number of places: for connections, for calls under way, for subscriptions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use event_listener::Event;

/// So many places; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Places(Arc<Count>);

#[derive(Debug)]
struct Count {
    most: usize,
    taken: AtomicUsize,
    freed: Event,
}

/// One of them, until dropped.
#[derive(Debug)]
pub(crate) struct Place(Places);

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Count { most, taken: AtomicUsize::new(0), freed: Event::new() }))
    }

    /// One place, if one is free.
    pub(crate) fn take(&self) -> Option<Place> {
        let more = |taken: usize| (taken < self.0.most).then_some(taken + 1);
        self.0.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Place(self.clone()))
    }

    /// Waits until nobody has one.
    pub(crate) async fn all_free(&self) {
        loop {
            let listener = self.0.freed.listen();
            if self.0.taken.load(Ordering::Acquire) == 0 {
                return;
            }
            listener.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.taken.fetch_sub(1, Ordering::AcqRel);
        self.0.0.freed.notify(usize::MAX);
    }
}
