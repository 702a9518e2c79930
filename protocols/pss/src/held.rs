//! How much a relay remembers.

use crate::pss::Pss;

/// How much a relay remembers; see [`Pss::held`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// Peers in the table.
    pub peers: usize,
    /// Nodes that it could connect to.
    pub known: usize,
    /// Messages that it would not pass on again.
    pub seen: usize,
    /// Messages that it would not open again.
    pub opened: usize,
    /// Messages that wait for a peer.
    pub waiting: usize,
    /// Sessions.
    pub sessions: usize,
    /// Topics that somebody subscribed to.
    pub topics: usize,
}

impl Pss {
    /// How much is remembered at the moment; each number is bounded.
    pub fn held(&self) -> Held {
        let state = self.lock();
        Held {
            peers: state.router.table().len(),
            known: state.known.len(),
            seen: state.router.seen(),
            opened: state.opened.len() + state.raw.len(),
            waiting: state.links.waiting(),
            sessions: state.keyring.sessions.len(),
            topics: state.subscribers.len(),
        }
    }
}
