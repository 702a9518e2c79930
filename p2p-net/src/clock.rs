//! Time: the only place that reads a clock, sleeps or waits with a deadline.
//!
//! Everything above takes a [`Clock`] from its node. A real clock follows the machine; a [virtual](Clock::simulated) one
//! stands still until [`Clock::advance`] moves it to the next sleeper, so a network in one thread runs an hour in
//! seconds and twice the same. Nothing here spawns a task.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::{Either, select};

/// Where a simulated clock starts, in seconds since 1970: a fixed moment, so that stored times repeat from run to run.
const SIMULATED_START: u64 = 1_700_000_000;

/// A source of time, real or simulated; clones share it.
///
/// ```
/// use std::time::Duration;
/// use p2p_net::P2p;
///
/// async fn pause(node: &P2p) {
///     node.clock().sleep(Duration::from_secs(1)).await; // virtual in a test
/// }
/// ```
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    Real,
    Simulated(Arc<Simulated>),
}

struct Simulated {
    origin: Instant,
    state: Mutex<State>,
}

/// The sleepers are ordered by (when, number), so those of one moment wake in the order they went to sleep.
#[derive(Default)]
struct State {
    elapsed: Duration,
    next: u64,
    sleepers: BTreeMap<(Duration, u64), Waker>,
}

impl Simulated {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock {
    /// The machine's clock.
    pub fn real() -> Self {
        Self(Source::Real)
    }

    /// A clock that stands still until [`advance`](Self::advance) is called.
    #[allow(clippy::disallowed_methods, reason = "an Instant needs an origin; only differences to it are ever seen")]
    pub fn simulated() -> Self {
        Self(Source::Simulated(Arc::new(Simulated { origin: Instant::now(), state: Mutex::default() })))
    }

    /// Whether time passes only through [`advance`](Self::advance).
    pub fn is_simulated(&self) -> bool {
        matches!(self.0, Source::Simulated(_))
    }

    /// This moment, for measuring durations.
    #[allow(clippy::disallowed_methods, reason = "the clock itself")]
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::Real => Instant::now(),
            Source::Simulated(simulated) => simulated.origin + simulated.lock().elapsed,
        }
    }

    /// This moment in seconds since 1970, for times that outlive the process.
    #[allow(clippy::disallowed_methods, reason = "the clock itself")]
    pub fn unix_seconds(&self) -> u64 {
        match &self.0 {
            Source::Real => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            Source::Simulated(simulated) => SIMULATED_START + simulated.lock().elapsed.as_secs(),
        }
    }

    /// Waits for `duration`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the sleeper.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Waits until `deadline`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the sleeper.
    #[allow(clippy::disallowed_methods, reason = "the clock itself")]
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep(match &self.0 {
            Source::Real => Sleeper::Real(smol::Timer::at(deadline)),
            Source::Simulated(simulated) => Sleeper::Simulated {
                at: deadline.saturating_duration_since(simulated.origin),
                clock: simulated.clone(),
                number: None,
            },
        })
    }

    /// Waits for `future`, at most for `limit`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] when the limit passes first.
    ///
    /// # Cancel safety
    ///
    /// As that of `future`, which is dropped when the limit passes.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// use std::time::Duration;
    ///
    /// let never = std::future::pending::<()>();
    /// assert!(alice.clock().timeout(Duration::from_secs(5), never).await.is_err());
    /// # });
    /// ```
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output, TimedOut> {
        let future = std::pin::pin!(future);
        match select(future, self.sleep(limit)).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(TimedOut(limit)),
        }
    }

    /// Moves a simulated clock to its next sleeper, but not past `limit` from its start, and wakes all sleepers of that moment.
    ///
    /// Returns whether anybody was woken; a real clock never does so here.
    pub fn advance(&self, limit: Duration) -> bool {
        let Source::Simulated(simulated) = &self.0 else { return false };
        let mut due = Vec::new();
        {
            let mut state = simulated.lock();
            let Some((&(at, _), _)) = state.sleepers.first_key_value() else { return false };
            if at > limit {
                state.elapsed = state.elapsed.max(limit);
                return false;
            }
            state.elapsed = state.elapsed.max(at);
            while let Some(entry) = state.sleepers.first_entry() {
                if entry.key().0 > at {
                    break;
                }
                due.push(entry.remove());
            }
        }
        due.into_iter().for_each(Waker::wake);
        true
    }

    /// How far a simulated clock has come since it was made; zero for a real one.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::Real => Duration::ZERO,
            Source::Simulated(simulated) => simulated.lock().elapsed,
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_simulated() { "Clock(simulated)" } else { "Clock(real)" })
    }
}

/// A limit passed before the thing it was set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("timed out after {0:?}")]
pub struct TimedOut(pub Duration);

/// The future of [`Clock::sleep`].
#[derive(Debug)]
pub struct Sleep(Sleeper);

enum Sleeper {
    Real(smol::Timer),
    Simulated { at: Duration, clock: Arc<Simulated>, number: Option<u64> },
}

impl fmt::Debug for Sleeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real(timer) => timer.fmt(f),
            Self::Simulated { at, .. } => write!(f, "until {at:?}"),
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Sleeper::Real(timer) => Pin::new(timer).poll(cx).map(drop),
            Sleeper::Simulated { at, clock, number } => {
                let mut state = clock.lock();
                if state.elapsed >= *at {
                    return Poll::Ready(());
                }
                let number = *number.get_or_insert_with(|| {
                    state.next += 1;
                    state.next
                });
                state.sleepers.insert((*at, number), cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Sleeper::Simulated { at, clock, number: Some(number) } = &self.0 {
            clock.lock().sleepers.remove(&(*at, *number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_simulated_clock_stands_still_until_it_is_advanced() {
        let clock = Clock::simulated();
        let (start, woken, ex) = (clock.now(), AtomicUsize::new(0), smol::LocalExecutor::new());
        let sleeper = ex.spawn(async {
            clock.sleep(Duration::from_secs(3)).await;
            woken.fetch_add(1, Ordering::Relaxed);
        });
        while ex.try_tick() {}
        assert_eq!((clock.now(), woken.load(Ordering::Relaxed)), (start, 0));
        assert!(clock.advance(Duration::MAX));
        while ex.try_tick() {}
        assert_eq!((clock.now() - start, woken.load(Ordering::Relaxed)), (Duration::from_secs(3), 1));
        assert!(!clock.advance(Duration::MAX), "nobody is left to wake");
        smol::block_on(sleeper);
    }

    #[test]
    fn advance_stops_at_its_limit() {
        let clock = Clock::simulated();
        let ex = smol::LocalExecutor::new();
        let sleeper = ex.spawn(clock.sleep(Duration::from_secs(10)));
        while ex.try_tick() {}
        assert!(!clock.advance(Duration::from_secs(4)));
        assert_eq!(clock.elapsed(), Duration::from_secs(4));
        drop(sleeper);
    }

    #[test]
    fn a_dropped_sleep_is_forgotten() {
        let clock = Clock::simulated();
        let mut sleep = clock.sleep(Duration::from_secs(1));
        assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(sleep);
        assert!(!clock.advance(Duration::MAX));
    }
}
