//! The window of a lane at its receiver: how far the sender may go, and when it may go further.
//!
//! A window begins as its type says. It doubles when a whole window was consumed within two round trips, because then the
//! sender waited for the window, and neither for the link nor for the consumer; it halves again when a window lasts for many.
//! So a lane fills a long link without a setting, and a quiet one gives the memory back. Pure, but for the clock it is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// Credit goes back when this part of a window has been consumed: fewer frames than one a message, and the sender still
/// has three quarters to go on with.
const PARTS_OF_WINDOW: u32 = 4;

/// The most times over that a window may be what its type says; a sender refuses credit for more. 32 MiB from the default
/// of 1 MiB: 1 Gbit/s over 250 ms.
pub const MOST_GROWTH: u32 = 32;

/// A window that is consumed within this many round trips is too small.
const SHORT: u32 = 2;

/// A window that lasts for this many round trips is larger than it need be.
const LONG: u32 = 32;

/// How many consumed bytes of a lane are worth a window frame.
pub(crate) const fn worth_returning(window: u32) -> u32 {
    window / PARTS_OF_WINDOW
}

/// The largest a window may become.
pub(crate) const fn largest(window: u32) -> u32 {
    window.saturating_mul(MOST_GROWTH)
}

/// What the windows of one channel have in common: the time, the round trip, and the memory they may grow by.
#[derive(Debug)]
pub(crate) struct Pace {
    clock: Clock,
    /// The round trip in nanoseconds, `u64::MAX` before the first was measured.
    rtt: AtomicU64,
    /// Bytes this channel's windows may grow by, and how many are left of them.
    room: usize,
    left: AtomicUsize,
    /// What is left of the bytes that all channels' windows may grow by.
    node: Arc<AtomicUsize>,
}

impl Pace {
    pub(crate) fn new(clock: Clock, room: usize, node: Arc<AtomicUsize>) -> Self {
        Self { clock, rtt: AtomicU64::new(u64::MAX), room, left: AtomicUsize::new(room), node }
    }

    /// Notes a round trip. A shorter one counts at once and a longer one by an eighth: queues on the way make it longer, and a
    /// window that grew with them would only make the queues longer still.
    pub(crate) fn measured(&self, rtt: Duration) {
        let new = u64::try_from(rtt.as_nanos()).unwrap_or(u64::MAX);
        let known = self.rtt.load(Ordering::Relaxed);
        self.rtt.store(if new < known { new } else { known.saturating_add((new - known) / 8) }, Ordering::Relaxed);
    }

    fn rtt(&self) -> Option<Duration> {
        Some(self.rtt.load(Ordering::Relaxed)).filter(|rtt| *rtt != u64::MAX).map(Duration::from_nanos)
    }

    /// Takes memory to grow by; all or none of it.
    fn take(&self, bytes: u32) -> bool {
        let less = |left: usize| left.checked_sub(bytes as usize);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err() {
            return false;
        }
        let taken = self.node.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        if !taken {
            self.left.fetch_add(bytes as usize, Ordering::Relaxed);
        }
        taken
    }

    fn give_back(&self, bytes: u32) {
        self.left.fetch_add(bytes as usize, Ordering::Relaxed);
        self.node.fetch_add(bytes as usize, Ordering::Relaxed);
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.node.fetch_add(self.room - *self.left.get_mut(), Ordering::Relaxed);
    }
}

/// How far the sender of a lane may go; counters only grow.
#[derive(Debug)]
pub(crate) struct Window {
    /// As the type says.
    least: u32,
    size: u32,
    /// Bytes, since the beginning, that the sender may have sent.
    limit: u64,
    /// Bytes that were consumed when the current measurement began, and when that was.
    mark: u64,
    marked_at: Option<Instant>,
    /// Memory taken for growth that the sender may still make use of.
    grown: u32,
}

impl Window {
    pub(crate) fn new(size: u32) -> Self {
        Self { least: size, size, limit: u64::from(size), mark: 0, marked_at: None, grown: 0 }
    }

    /// Whether the sender may have sent so much.
    pub(crate) fn allows(&self, delivered: u64) -> bool {
        delivered <= self.limit
    }

    /// The credit that is due when so much is consumed; less than a quarter of the window is not worth a frame.
    pub(crate) fn due(&mut self, consumed: u64, pace: &Pace) -> u32 {
        if self.ahead(consumed) < u64::from(worth_returning(self.size)) {
            return 0;
        }
        self.fit(consumed, pace);
        let due = self.ahead(consumed);
        self.limit += due;
        self.give_back(consumed, pace);
        // A limit is at most a window ahead of what is consumed, so this always fits.
        u32::try_from(due).unwrap_or(u32::MAX)
    }

    /// How far a whole window from `consumed` on goes beyond the limit.
    fn ahead(&self, consumed: u64) -> u64 {
        (consumed + u64::from(self.size)).saturating_sub(self.limit)
    }

    /// Makes the window fit its link, once a whole window was consumed since it was looked at.
    fn fit(&mut self, consumed: u64, pace: &Pace) {
        let now = pace.clock.now();
        let (Some(since), Some(rtt)) = (self.marked_at, pace.rtt()) else {
            (self.mark, self.marked_at) = (consumed, Some(now));
            return;
        };
        if consumed.saturating_sub(self.mark) < u64::from(self.size) {
            return;
        }
        let took = now.saturating_duration_since(since);
        (self.mark, self.marked_at) = (consumed, Some(now));
        if took < rtt * SHORT {
            let wanted = self.size.saturating_mul(2).min(largest(self.least));
            let more = (wanted - self.least).saturating_sub(self.grown);
            if pace.take(more) {
                self.grown += more;
                self.size = wanted;
            }
        } else if took > rtt * LONG {
            self.size = (self.size / 2).max(self.least);
        }
    }

    /// Gives back the memory of a window that has become smaller, once the sender can no longer make use of it.
    fn give_back(&mut self, consumed: u64, pace: &Pace) {
        let usable = u64::from(self.size).max(self.limit.saturating_sub(consumed));
        let needed = u32::try_from(usable).unwrap_or(u32::MAX).saturating_sub(self.least);
        if needed < self.grown {
            pace.give_back(self.grown - needed);
            self.grown = needed;
        }
    }
}

#[cfg(test)]
#[path = "window/tests.rs"]
mod tests;
