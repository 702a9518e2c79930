//! How often something may happen: a rate with a burst, and token buckets that hold callers to it.
//!
//! Admission counts new connections with it, the address book counts addresses, channels count messages. The buckets
//! are pure: the time is passed in. They never sleep and never remember a caller whose bucket is full again.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::settings::duration;

/// The longest `per`: moments that far ahead can still be computed.
const MAX_PER: Duration = Duration::from_secs(366 * 24 * 3_600);

/// So many in such a time, and so many at once after a rest; as text `1 per 10s, burst 1000`.
///
/// ```
/// use p2p_net::rate::Rate;
///
/// let rate: Rate = "1 per 10s, burst 1000".parse()?;
/// assert_eq!((rate.count, rate.per.as_secs(), rate.burst), (1, 10, 1000));
/// # Ok::<(), p2p_net::rate::RateError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many in each `per`.
    pub count: u32,
    /// The time for `count`.
    pub per: Duration,
    /// How many at once, when nothing happened for long.
    pub burst: u32,
}

impl Rate {
    /// A rate of `count` in each `per`, with `burst` at once.
    pub const fn new(count: u32, per: Duration, burst: u32) -> Self {
        Self { count, per, burst }
    }

    /// Whether anything can ever pass: numbers above 0, and a time up to a year.
    pub const fn is_workable(&self) -> bool {
        self.count > 0 && self.burst > 0 && !self.per.is_zero() && self.per.as_secs() <= MAX_PER.as_secs()
    }

    /// Reads `100/10s`, in a constant too: so many in such a time, and as many at once.
    pub(crate) const fn read(text: &str) -> Option<Self> {
        let Some((count, rest)) = duration::read_number(text.as_bytes()) else { return None };
        let [b'/', per @ ..] = rest else { return None };
        let Ok(per) = std::str::from_utf8(per) else { return None };
        let Some(per) = duration::read(per) else { return None };
        if count > u32::MAX as u64 { None } else { Some(Self::new(count as u32, per, count as u32)) }
    }

    fn interval(&self) -> Duration {
        self.per / self.count.max(1)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {}, burst {}", self.count, duration::Text(self.per), self.burst)
    }
}

/// A text that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no rate: write it like `1 per 10s, burst 1000`")]
pub struct RateError(String);

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let parse = || {
            let (rate, burst) = text.split_once(',')?;
            let (count, per) = rate.split_once(" per ")?;
            let burst = burst.trim().strip_prefix("burst ")?.trim().parse().ok()?;
            Some(Self::new(count.trim().parse().ok()?, duration::parse(per.trim()).ok()?, burst))
        };
        parse().ok_or_else(|| RateError(text.to_owned()))
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A token bucket, kept as the moment at which it will be full again; `None` while it is full.
///
/// ```
/// use std::time::Duration;
/// use p2p_net::clock::Clock;
/// use p2p_net::rate::{Rate, TokenBucket};
///
/// let (rate, now) = (Rate::new(1, Duration::from_secs(1), 2), Clock::simulated().now());
/// let mut bucket = TokenBucket::default();
/// assert!(bucket.take(&rate, now) && bucket.take(&rate, now));
/// assert!(!bucket.take(&rate, now), "a burst of two");
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenBucket(Option<Instant>);

impl TokenBucket {
    /// Takes one token, or refuses.
    pub fn take(&mut self, rate: &Rate, now: Instant) -> bool {
        let filled = self.0.map_or(now, |full_at| full_at.max(now));
        let capacity = rate.interval().saturating_mul(rate.burst.saturating_sub(1));
        if !rate.is_workable() || filled - now > capacity {
            return false;
        }
        self.0 = Some(filled + rate.interval());
        true
    }

    /// Takes `many` tokens, or refuses.
    pub fn take_many(&mut self, rate: &Rate, many: u32, now: Instant) -> bool {
        // What is before the last of them was let through with it.
        (0..many).all(|_| self.take(rate, now))
    }

    /// Whether it has forgotten all that was taken.
    pub fn is_full(&self, now: Instant) -> bool {
        self.0.is_none_or(|full_at| full_at <= now)
    }
}

/// One token bucket for each caller, for a bounded number of callers.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    capacity: usize,
    buckets: BTreeMap<K, TokenBucket>,
    swept: Option<Instant>,
}

impl<K: Ord + Clone> Buckets<K> {
    /// Remembers at most `capacity` callers that used some of their rate.
    pub fn new(rate: Rate, capacity: usize) -> Self {
        Self { rate, capacity: capacity.max(1), buckets: BTreeMap::new(), swept: None }
    }

    /// Takes one token of `caller`, or refuses.
    pub fn take(&mut self, caller: &K, now: Instant) -> bool {
        if let Some(bucket) = self.buckets.get_mut(caller) {
            return bucket.take(&self.rate, now);
        }
        if self.buckets.len() >= self.capacity {
            self.make_room(caller, now);
        }
        let mut bucket = TokenBucket::default();
        let taken = bucket.take(&self.rate, now);
        self.buckets.insert(caller.clone(), bucket);
        taken
    }

    /// How many callers are remembered.
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether nobody is remembered.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Forgets those whose bucket is full; if there are none, the next one in order after `caller`.
    ///
    /// To gain anything from that, an attacker needs as many callers as there are buckets: then each has a burst of its own anyway.
    fn make_room(&mut self, caller: &K, now: Instant) {
        // Not more often than tokens come back, so that a flood of callers does not pay for a sweep each.
        if self.swept.is_none_or(|swept| now >= swept + self.rate.interval()) {
            self.buckets.retain(|_, bucket| !bucket.is_full(now));
            self.swept = Some(now);
        }
        if self.buckets.len() >= self.capacity {
            let after = self.buckets.range(caller..).next().or_else(|| self.buckets.first_key_value());
            if let Some(victim) = after.map(|(key, _)| key.clone()) {
                self.buckets.remove(&victim);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const RATE: Rate = Rate::new(1, Duration::from_secs(10), 3);

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_bucket_gives_its_burst_then_refills_at_the_rate() {
        let (mut bucket, now) = (TokenBucket::default(), Clock::simulated().now());
        assert!((0..3).all(|_| bucket.take(&RATE, now)));
        assert!(!bucket.take(&RATE, now), "the burst is used up");
        assert!(!bucket.take(&RATE, now + seconds(9)));
        assert!(bucket.take(&RATE, now + seconds(10)), "one is back");
        assert!(!bucket.take(&RATE, now + seconds(10)));
        assert!(!bucket.is_full(now + seconds(39)));
        assert!(bucket.is_full(now + seconds(40)));
        assert!((0..3).all(|_| bucket.take(&RATE, now + seconds(1000))), "never more than the burst");
        assert!(!bucket.take(&RATE, now + seconds(1000)));
    }

    #[test]
    fn a_short_rate_is_read() {
        assert_eq!(Rate::read("100/10s"), Some(Rate::new(100, seconds(10), 100)));
        assert_eq!(Rate::read("1/500ms"), Some(Rate::new(1, Duration::from_millis(500), 1)));
        for text in ["", "100", "100/", "/10s", "100/10", "100 / 10s", "100/10s ", "4294967296/1s", "1.5/1s"] {
            assert_eq!(Rate::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_rate_of_nothing_refuses_everything() {
        let now = Clock::simulated().now();
        for rate in [
            Rate { count: 0, ..RATE },
            Rate { burst: 0, ..RATE },
            Rate { per: Duration::ZERO, ..RATE },
            Rate { per: Duration::MAX, ..RATE },
        ] {
            assert!(!rate.is_workable() && !TokenBucket::default().take(&rate, now));
        }
    }

    #[test]
    fn one_caller_does_not_use_up_the_rate_of_another() {
        let (mut buckets, now) = (Buckets::new(RATE, 10), Clock::simulated().now());
        assert_eq!((0..100).filter(|_| buckets.take(&"a", now)).count(), 3);
        assert!(buckets.take(&"b", now));
    }

    #[test]
    fn memory_is_bounded_and_those_at_rest_go_first() {
        let (mut buckets, now) = (Buckets::new(RATE, 10), Clock::simulated().now());
        for caller in 0..1000 {
            assert!(buckets.take(&caller, now));
        }
        assert_eq!(buckets.len(), 10);
        assert!(buckets.take(&5000, now + seconds(10)));
        assert_eq!(buckets.len(), 1, "all others had their token back");
    }

    #[test]
    fn a_rate_prints_and_parses() {
        for text in ["1 per 10s, burst 1000", "100 per 1m, burst 7"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["", "1 per 10s", "x per 10s, burst 1", "1 per ten, burst 1", "1 per 1s, burst"] {
            let error = text.parse::<Rate>().unwrap_err().to_string();
            assert_eq!(error, format!("`{text}` is no rate: write it like `1 per 10s, burst 1000`"));
        }
    }
}
