//! Moments that outlive the process.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment in whole seconds since 1970, as [`Clock::unix_seconds`](crate::clock::Clock::unix_seconds) gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// The moment `duration` later, rounded up to a second.
    pub fn after(self, duration: Duration) -> Self {
        let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
        // Half of the range, because the files these end up in hold signed integers.
        Self(self.0.saturating_add(seconds).min(i64::MAX.cast_unsigned()))
    }

    /// How long ago `earlier` was; zero when it lies ahead, as after a clock was set back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}
