//! When senders that wait for room give up: one moment for all of a channel's, which its writer task watches.
//!
//! A timer of its own for each would cost more than most messages: the system is told of it, and a sleeping thread woken to
//! hear of it, for a wait that is over in microseconds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The first moment at which one of the senders gives up, or an earlier one that has lost its sender.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    first: Mutex<Option<Instant>>,
    /// It has become sooner than the task knows.
    sooner: AtomicBool,
}

impl Waiting {
    /// Notes when a sender gives up; whether the task must be told.
    pub(super) fn until(&self, deadline: Instant) -> bool {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_some_and(|first| first <= deadline) {
            return false;
        }
        *first = Some(deadline);
        self.sooner.store(true, Ordering::Release);
        true
    }

    /// Whether the task must look before the moment it was told last.
    pub(super) fn is_sooner(&self) -> bool {
        self.sooner.load(Ordering::Acquire)
    }

    /// When to look next, and whether that moment has come now: then all who wait must look, and those who go on waiting say
    /// so again.
    pub(super) fn expire(&self, now: Instant) -> (Option<Instant>, bool) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        self.sooner.store(false, Ordering::Release);
        let over = first.is_some_and(|first| first <= now);
        if over {
            *first = None;
        }
        (*first, over)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;

    #[test]
    fn the_task_is_told_of_what_is_sooner_and_of_nothing_else() {
        let (waiting, now) = (Waiting::default(), Clock::simulated().now());
        let at = |seconds| now + Duration::from_secs(seconds);
        assert!(waiting.until(at(5)) && waiting.is_sooner());
        assert_eq!(waiting.expire(now), (Some(at(5)), false));
        assert!(!waiting.until(at(5)) && !waiting.until(at(6)) && !waiting.is_sooner());
        assert!(waiting.until(at(3)) && waiting.is_sooner());
        assert_eq!(waiting.expire(at(3)), (None, true));
        assert_eq!(waiting.expire(at(3)), (None, false), "those who go on waiting say so again");
        assert!(waiting.until(at(5)));
    }
}
