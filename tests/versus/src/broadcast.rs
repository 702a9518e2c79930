//! A broadcast: how long it goes on, the longest call, and whether everybody heard everything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::measure::{Ledger, NUMBER, Spent, Stopwatch};
use crate::outcome::Outcome;
use crate::peer::NEWS;

/// How long one send of a loop of sends waits for a peer; one that used it up is left out from then on, as a message cut
/// short cannot be continued. As long as ours waits.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

/// A stalled peer is sent messages before the clock starts until one is not taken for this long: everything between the two
/// is full then, for every library, whatever room it has.
pub(crate) const FILLED: Duration = Duration::from_millis(300);

/// A ledger for each peer; with `stalled`, the one in the middle takes nothing.
pub(crate) fn audience(count: usize, stalled: bool) -> Vec<Arc<Ledger>> {
    let silent = |place| stalled && place == count / 2;
    (0..count).map(|place| Arc::new(if silent(place) { Ledger::stalled(NEWS) } else { Ledger::new(1, NEWS) })).collect()
}

pub(crate) struct Broadcast {
    watch: Stopwatch,
    start: Instant,
    period: Duration,
    sent: u64,
    call: Option<Instant>,
    longest: Duration,
}

impl Broadcast {
    pub(crate) fn start(period: Duration) -> Outcome<Self> {
        let watch = Stopwatch::start()?;
        Ok(Self { watch, start: Instant::now(), period, sent: 0, call: None, longest: Duration::ZERO })
    }

    /// The number of the next message, which is a call to all peers; none when the time is over.
    pub(crate) fn next(&mut self) -> Option<[u8; NUMBER]> {
        if let Some(call) = self.call {
            self.longest = self.longest.max(call.elapsed());
            self.sent += 1;
        }
        let now = Instant::now();
        self.call = Some(now);
        (now - self.start < self.period).then(|| self.sent.to_le_bytes())
    }

    /// How many messages every peer was sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Waits until everybody who takes something has taken everything; what was heard, and the longest call.
    pub(crate) async fn heard(self, audience: &[Arc<Ledger>]) -> Outcome<(Spent, Duration)> {
        let mut heard = 0;
        for ledger in audience.iter().filter(|ledger| !ledger.stalled) {
            ledger.lane(0).wait_for(self.sent).await?;
            heard += self.sent;
        }
        Ok((self.watch.stop(heard)?, self.longest))
    }
}
