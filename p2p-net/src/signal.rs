//! A signal that is given once and stays given: for a stop, for the end of a handshake.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event_listener::Event;
use futures::future::{Either, select};
use std::future::Future;
use std::pin::pin;

/// Given once, seen by everybody who waits or will wait; clones share it.
///
/// ```
/// use p2p_net::signal::Signal;
///
/// let signal = Signal::default();
/// assert!(!signal.is_given());
/// signal.give();
/// smol::block_on(signal.wait()); // at once
/// ```
#[derive(Debug, Clone, Default)]
pub struct Signal(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    given: AtomicBool,
    event: Event,
}

impl Signal {
    /// Gives the signal; whether this was the first time.
    pub fn give(&self) -> bool {
        let first = !self.0.given.swap(true, Ordering::AcqRel);
        self.0.event.notify(usize::MAX);
        first
    }

    /// Whether it was given.
    pub fn is_given(&self) -> bool {
        self.0.given.load(Ordering::Acquire)
    }

    /// Waits until it is given.
    ///
    /// # Cancel safety
    ///
    /// Safe: the signal stays given.
    pub async fn wait(&self) {
        while !self.is_given() {
            let listener = self.0.event.listen();
            if !self.is_given() {
                listener.await;
            }
        }
    }

    /// What `future` brings, or `None` when the signal is given first.
    ///
    /// # Cancel safety
    ///
    /// As that of `future`, which is dropped when the signal is given.
    pub async fn unless<F: Future>(&self, future: F) -> Option<F::Output> {
        match select(pin!(self.wait()), pin!(future)).await {
            Either::Left(_) => None,
            Either::Right((output, _)) => Some(output),
        }
    }
}
