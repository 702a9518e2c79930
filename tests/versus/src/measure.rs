//! The instruments: wall and processor time, resident memory, how long to go on, and the count of what arrived.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use event_listener::Event;
use nix::sys::resource::{UsageWho, getrusage};

use crate::outcome::{Failure, Outcome};

/// What a run of messages took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) messages: u64,
    pub(crate) wall: Duration,
    /// User and system time of the process, which is both ends.
    pub(crate) cpu: Duration,
}

pub(crate) struct Stopwatch {
    started: Instant,
    cpu: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Outcome<Self> {
        Ok(Self { cpu: cpu_time()?, started: Instant::now() })
    }

    pub(crate) fn stop(&self, messages: u64) -> Outcome<Spent> {
        let wall = self.started.elapsed();
        Ok(Spent { messages, wall, cpu: cpu_time()?.saturating_sub(self.cpu) })
    }
}

/// User and system time of this process so far.
fn cpu_time() -> Outcome<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Ok(Duration::from_micros(micros.iter().sum::<i64>().unsigned_abs()))
}

/// Resident memory of this process, in KiB.
pub(crate) fn resident() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or_else(|| Failure::new("/proc/self/status tells no VmRSS"))?.parse()?)
}

/// How long a sender goes on: for a time and not for a number of messages, so that fast and slow are measured equally long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    until: Instant,
    /// Messages between two looks at the clock; a look costs what a small message costs.
    stride: u64,
}

impl Pace {
    pub(crate) fn new(period: Duration, size: usize) -> Self {
        let stride = if size < 4096 { 64 } else { 1 };
        Self { until: Instant::now() + period, stride }
    }

    pub(crate) fn goes_on(&self, sent: u64) -> bool {
        !sent.is_multiple_of(self.stride) || Instant::now() < self.until
    }
}

/// The length of the number every counted message begins with, little-endian.
pub(crate) const NUMBER: usize = 8;

/// Counts the messages of one lane where they arrive, and holds each against its number and size.
#[derive(Default)]
pub(crate) struct Tally {
    counted: AtomicU64,
    wrong: AtomicBool,
    /// The count that somebody waits for.
    target: AtomicU64,
    reached: Event,
}

impl Tally {
    /// A message of `size` bytes that begins with `number` has arrived; `expected` bytes were sent.
    pub(crate) fn take(&self, number: [u8; NUMBER], size: usize, expected: usize) {
        let count = self.counted.fetch_add(1, Ordering::SeqCst);
        if u64::from_le_bytes(number) != count || size != expected {
            self.wrong.store(true, Ordering::SeqCst);
        }
        if count + 1 == self.target.load(Ordering::SeqCst) {
            self.reached.notify(usize::MAX);
        }
    }

    /// A message as it was sent, number first.
    pub(crate) fn take_bytes(&self, message: &[u8], expected: usize) {
        // What is too short for a number has a wrong size.
        let number = message.first_chunk().copied().unwrap_or_default();
        self.take(number, message.len(), expected);
    }

    pub(crate) fn counted(&self) -> u64 {
        self.counted.load(Ordering::SeqCst)
    }

    /// Waits until `count` messages have arrived; one that is lost is waited for until the process's time is up.
    pub(crate) async fn wait_for(&self, count: u64) -> Outcome<()> {
        self.target.store(count, Ordering::SeqCst);
        while self.counted() < count {
            let listener = self.reached.listen();
            if self.counted() < count {
                listener.await;
            }
        }
        match (self.counted() == count, self.wrong.load(Ordering::SeqCst)) {
            (_, true) => Err(Failure::new("a message arrived out of order or with another size")),
            (false, _) => Err(Failure::new(format!("{} messages arrived of {count} sent", self.counted()))),
            (true, false) => Ok(()),
        }
    }
}

/// The tallies of a node, one a lane.
pub(crate) struct Ledger {
    lanes: Vec<Tally>,
    /// The size of its messages in bytes, number included.
    pub(crate) size: usize,
    /// Nothing is ever taken.
    pub(crate) stalled: bool,
}

impl Ledger {
    pub(crate) fn new(lanes: usize, size: usize) -> Self {
        Self { lanes: (0..lanes).map(|_| Tally::default()).collect(), size, stalled: false }
    }

    pub(crate) fn stalled(size: usize) -> Self {
        Self { stalled: true, ..Self::new(1, size) }
    }

    pub(crate) fn lane(&self, lane: usize) -> &Tally {
        &self.lanes[lane]
    }
}

#[cfg(test)]
mod tests {
    use smol::block_on;

    use super::Tally;

    #[test]
    fn a_tally_accepts_what_arrives_in_order_and_nothing_else() {
        let tally = Tally::default();
        tally.take_bytes(&0_u64.to_le_bytes(), 8);
        tally.take_bytes(&1_u64.to_le_bytes(), 8);
        assert!(block_on(tally.wait_for(2)).is_ok());
        tally.take_bytes(&3_u64.to_le_bytes(), 8);
        assert!(block_on(tally.wait_for(3)).is_err());
    }

    #[test]
    fn a_tally_accepts_no_other_size_and_no_message_too_many() {
        let tally = Tally::default();
        tally.take_bytes(&0_u64.to_le_bytes(), 9);
        assert!(block_on(tally.wait_for(1)).is_err());
        let tally = Tally::default();
        (0..2_u64).for_each(|number| tally.take_bytes(&number.to_le_bytes(), 8));
        assert!(block_on(tally.wait_for(1)).is_err());
    }
}
