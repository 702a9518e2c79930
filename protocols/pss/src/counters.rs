//! What became of messages, counted.

/// What became of messages since the node started; see [`Pss::counters`](crate::Pss::counters).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Messages of this node that at least one peer was given.
    pub sent: u64,
    /// Copies that were given to peers, of messages of others.
    pub passed_on: u64,
    /// Copies that no peer had room for.
    pub no_room: u64,
    /// Messages that would have gone to all that they may be for, and went no further: their peer brought too many.
    pub too_many: u64,
    /// Messages that came again and went no further.
    pub seen: u64,
    /// Messages that came too late.
    pub expired: u64,
    /// Messages that expire too far ahead.
    pub too_far_ahead: u64,
    /// Messages that may have been for this node, about what nobody listens to.
    pub unheard: u64,
    /// Messages that no key of this node opens: for others, or changed on the way.
    pub unopened: u64,
    /// Messages sealed to this node in the name of somebody who did not write them, or without sense inside.
    pub forged: u64,
    /// Messages that were opened before.
    pub replayed: u64,
    /// Messages of a peer that brought more than can be remembered to have been opened.
    pub not_remembered: u64,
    /// Steps of handshakes that were not taken.
    pub steps_refused: u64,
    /// Messages that were opened and given to who listens.
    pub received: u64,
}
