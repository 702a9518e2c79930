//! Round trips, one after the other, for a time.

use std::time::{Duration, Instant};

/// The part of the period whose round trips are not counted.
const WARM_UP: u32 = 10;

pub(crate) struct Trips {
    start: Instant,
    period: Duration,
    times: Vec<Duration>,
    asked: u8,
}

impl Trips {
    pub(crate) fn new(period: Duration) -> Self {
        Self { start: Instant::now(), period, times: Vec::new(), asked: 0 }
    }

    /// What the next question is filled with, so that the answer to another is noticed.
    pub(crate) fn filling(&self) -> u8 {
        self.asked
    }

    /// Notes a round trip; false when the time is over.
    pub(crate) fn add(&mut self, trip: Duration) -> bool {
        self.asked = self.asked.wrapping_add(1);
        let elapsed = self.start.elapsed();
        if elapsed > self.period / WARM_UP {
            self.times.push(trip);
        }
        elapsed < self.period
    }

    pub(crate) fn times(self) -> Vec<Duration> {
        self.times
    }
}
