//! How many messages go on to all that they may be for: few of each peer, since each costs every link between those.

use std::collections::BTreeMap;

use p2p_net::NodeId;

/// How many messages a second that show less than a whole address are passed on of what one peer brings: a twentieth of
/// [`PACE`](crate::outbox::PACE). Each goes to everybody it may be for, over every link there is between them. So a node with
/// ten links fills half of all links of a network with them; at the pace of its links it would fill them ten times. It is
/// measured in `tests/overlay.rs`.
pub const DARK_PER_SECOND: u32 = 5;

/// How many of them at once after a rest: what an application says at a time.
pub const DARK_BURST: u32 = 32;

/// How many messages to many each peer may still bring.
#[derive(Debug, Default)]
pub(crate) struct Dark(BTreeMap<NodeId, Allowance>);

#[derive(Debug)]
struct Allowance {
    left: u32,
    /// As of this second.
    at: u64,
}

impl Allowance {
    fn refill(&mut self, now: u64) {
        let more = u32::try_from(now.saturating_sub(self.at)).unwrap_or(u32::MAX).saturating_mul(DARK_PER_SECOND);
        (self.left, self.at) = (self.left.saturating_add(more).min(DARK_BURST), now);
    }
}

impl Dark {
    /// Whether one more message of a peer may go to all that it may be for.
    pub(crate) fn allows(&mut self, from: &NodeId, now: u64) -> bool {
        // Those that have had their rest are as new.
        self.0.retain(|_, allowance| {
            allowance.refill(now);
            allowance.left < DARK_BURST
        });
        let allowance = self.0.entry(*from).or_insert(Allowance { left: DARK_BURST, at: now });
        let allows = allowance.left > 0;
        allowance.left = allowance.left.saturating_sub(1);
        allows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_so_many_at_once_and_so_many_a_second() {
        let (mut dark, peer) = (Dark::default(), |number| NodeId::from_bytes([number; 32]));
        let mut brings = |from, now| (0..1_000).filter(|_| dark.allows(&peer(from), now)).count() as u32;
        assert_eq!((brings(1, 0), brings(1, 0), brings(2, 0)), (DARK_BURST, 0, DARK_BURST));
        assert_eq!(brings(1, 3), 3 * DARK_PER_SECOND);
        assert_eq!(brings(1, 1_000), DARK_BURST, "after a rest");
        assert_eq!(dark.0.len(), 1, "who has had a rest is not remembered");
        assert_eq!((0..9).filter(|_| dark.allows(&peer(1), 0)).count(), 0, "nor when the clock is set back");
    }
}
