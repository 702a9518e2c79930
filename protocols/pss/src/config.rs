//! How a node relays: [`configure`](p2p_net::ProtocolSet::configure) changes it.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::address::ADDRESS_BYTES;
use crate::envelope::{MAX_HOPS, MAX_LIFETIME};
use crate::forward::Copies;
use crate::handshake::Rotation;

/// The longest that keys of sessions may be used before they are exchanged, or accepted after that: a month. Keys that live
/// longer are no session's.
pub const MAX_ROTATION: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How a node relays.
///
/// ```
/// use std::time::Duration;
/// use p2p_net::ProtocolSet;
/// use p2p_pss::PssNode;
///
/// let set = ProtocolSet::linked().configure::<PssNode>(|pss| pss.lifetime = Duration::from_secs(30));
/// ```
#[derive(Debug, Clone)]
pub struct PssConfig {
    /// How long a message that this node sends may be under way; default 2 min: many times what it takes, and clocks that
    /// differ by a minute do no harm. At most [`MAX_LIFETIME`](crate::envelope::MAX_LIFETIME).
    pub lifetime: Duration,
    /// In how many copies messages leave; see [`Copies`].
    pub copies: Copies,
    /// With how many hops to go a message of this node begins; default 24 to 40, at random: a peer that sees 30 cannot tell
    /// whether the message began with this node. At most [`MAX_HOPS`].
    pub first_hops: RangeInclusive<u8>,
    /// When keys of sessions are exchanged for new ones.
    pub rotation: Rotation,
    /// How many bytes of its receiver's address a reply to a sender shows for whom no destination was set; default 32: all.
    pub reply_bytes: usize,
}

impl Default for PssConfig {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(120),
            copies: Copies::default(),
            first_hops: 24..=MAX_HOPS,
            rotation: Rotation::default(),
            reply_bytes: ADDRESS_BYTES,
        }
    }
}

/// A config with which nothing would arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The lifetime.
    #[error("pss: a `lifetime` of {0:?}: from 1 s to {limit:?} are carried", limit = MAX_LIFETIME)]
    Lifetime(Duration),
    /// The copies.
    #[error("pss: `copies` of 0: at least one must leave the sender and each relay")]
    Copies,
    /// The hops.
    #[error("pss: `first_hops` from {low} to {high}: a range within 1 to {MAX_HOPS} is carried")]
    FirstHops {
        /// Where it begins.
        low: u8,
        /// Where it ends.
        high: u8,
    },
    /// The rotation.
    #[error("pss: a `rotation` after nothing: at least one message and 1 s must pass")]
    Rotation,
    /// The time of the rotation, or after it.
    #[error("pss: a `rotation` with {0:?}: `after` and `grace` are at most {MAX_ROTATION:?}")]
    LongRotation(Duration),
}

impl PssConfig {
    /// Whether a relay can run with it; a node with another one does not start.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], the first there is.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let (low, high) = (*self.first_hops.start(), *self.first_hops.end());
        if self.lifetime.as_secs() == 0 || self.lifetime > MAX_LIFETIME {
            return Err(ConfigError::Lifetime(self.lifetime));
        }
        if self.copies.sender == 0 || self.copies.relay == 0 {
            return Err(ConfigError::Copies);
        }
        if low == 0 || low > high || high > MAX_HOPS {
            return Err(ConfigError::FirstHops { low, high });
        }
        if self.rotation.messages == 0 || self.rotation.after.as_secs() == 0 {
            return Err(ConfigError::Rotation);
        }
        let longest = self.rotation.after.max(self.rotation.grace);
        if longest > MAX_ROTATION {
            return Err(ConfigError::LongRotation(longest));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_let_nothing_arrive_is_refused() {
        assert_eq!(PssConfig::default().validate(), Ok(()));
        let wrong: [fn(&mut PssConfig); 11] = [
            |pss| pss.lifetime = Duration::from_millis(999),
            |pss| pss.lifetime = MAX_LIFETIME + Duration::from_secs(1),
            |pss| pss.copies.sender = 0,
            |pss| pss.copies.relay = 0,
            |pss| pss.first_hops = 0..=9,
            |pss| pss.first_hops = RangeInclusive::new(9, 8),
            |pss| pss.first_hops = 9..=MAX_HOPS + 1,
            |pss| pss.rotation.messages = 0,
            |pss| pss.rotation.after = Duration::ZERO,
            |pss| pss.rotation.after = Duration::MAX,
            |pss| pss.rotation.grace = MAX_ROTATION + Duration::from_secs(1),
        ];
        for change in wrong {
            let mut config = PssConfig::default();
            change(&mut config);
            assert!(config.validate().is_err_and(|error| error.to_string().starts_with("pss: ")), "{config:?}");
        }
    }
}
