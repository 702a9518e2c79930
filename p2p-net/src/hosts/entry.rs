//! What the address book knows about one place.

use std::time::Duration;

use super::network::Network;
use super::time::UnixTime;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;

/// Failures in a row after which an address may be forgotten: some two minutes of attempts with the default waits.
pub(super) const FORGET_AFTER: u32 = 8;
/// How long a place that was reached once is kept although it fails: a machine that is off for some days comes back.
pub(super) const KEEP_REACHED: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Who told us about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The operator of this node: no bound by source.
    Operator,
    /// A peer: bounded.
    Peer(NodeId),
}

/// How much is known about a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Somebody said so.
    Heard {
        /// Who.
        from: Source,
    },
    /// This node connected to it, and a key was proven there.
    Reached {
        /// The key.
        id: NodeId,
        /// When, the last time.
        at: UnixTime,
    },
}

/// Attempts that failed, since the last one that did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// How many in a row.
    pub count: u32,
    /// When the first was.
    pub since: UnixTime,
    /// Before this moment it is not tried again.
    pub retry_at: UnixTime,
}

/// A place in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub(super) state: State,
    pub(super) failing: Option<Failing>,
    /// Kept, because it is asked for at every eviction; `None` for an exempt place.
    pub(super) network: Option<Network>,
}

impl Entry {
    /// How much is known.
    pub fn state(&self) -> State {
        self.state
    }

    /// The attempts that failed lately.
    pub fn failing(&self) -> Option<Failing> {
        self.failing
    }

    /// The key proven there.
    pub fn id(&self) -> Option<NodeId> {
        match self.state {
            State::Heard { .. } => None,
            State::Reached { id, .. } => Some(id),
        }
    }

    pub(super) fn is_reached(&self) -> bool {
        matches!(self.state, State::Reached { .. })
    }

    /// The address to dial for this entry, with the id that must be proven if one was before.
    pub(super) fn url(&self, place: &NodeUrl) -> NodeUrl {
        match self.id() {
            Some(id) => place.with_id(id),
            None => place.clone(),
        }
    }

    /// Whether it may be tried now. A wait longer than any this node sets comes from a clock that was set back.
    pub(super) fn is_due(&self, now: UnixTime, longest_wait: Duration) -> bool {
        self.failing.is_none_or(|failing| failing.retry_at <= now || failing.retry_at > now.after(longest_wait))
    }

    /// Counts a failure; the wait doubles from `min` to `max`.
    pub(super) fn fail(&mut self, now: UnixTime, min: Duration, max: Duration) -> Failing {
        let before = self.failing.unwrap_or(Failing { count: 0, since: now, retry_at: now });
        let wait = min.saturating_mul(2_u32.saturating_pow(before.count)).min(max);
        let failing = Failing { count: before.count.saturating_add(1), since: before.since, retry_at: now.after(wait) };
        *self.failing.insert(failing)
    }

    /// Whether it has failed for so long that it can go, given when anything was reached last: while nothing is, the
    /// fault is likely our own connection, and no address is blamed for it.
    pub(super) fn is_hopeless(&self, now: UnixTime, last_reached: Option<UnixTime>) -> bool {
        let Some(failing) = self.failing else { return false };
        let kept = match self.state {
            State::Heard { .. } => false,
            State::Reached { at, .. } => now.since(at) < KEEP_REACHED,
        };
        failing.count >= FORGET_AFTER && !kept && last_reached.is_some_and(|reached| reached >= failing.since)
    }
}
