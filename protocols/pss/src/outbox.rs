//! What waits to go to one peer: bounded, and in fair turns of those it comes from.
//!
//! Pure. Each source (this node, and every peer that passes messages on) has a queue, and the queues take turns: a peer
//! that sends much delays its own messages and nobody else's. When all is full, the queue that has most of what is short,
//! places or bytes, loses its latest.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use p2p_net::NodeId;
use p2p_net::rate::Rate;

use crate::envelope::Envelope;

/// Messages that wait for one peer, at most.
pub const MAX_WAITING: usize = 512;

/// Bytes of payloads that wait for one peer, at most: a tenth of a second of a link of 80 Mbit/s.
pub const MAX_WAITING_BYTES: usize = 1 << 20;

/// How fast messages leave for one peer: half of what a peer lets in, so that none that keeps to it is ever taken for a
/// flood, even when a stalled link lets go of all it held at once: 512 here, and what the window held.
pub const PACE: Rate = Rate::new(1, Duration::from_millis(10), 256);

/// Where a message came from: a peer, or this node; datagrams of relayed channels that begin here have its own id.
pub type Source = Option<NodeId>;

/// What waits to go to one peer.
#[derive(Debug, Default)]
pub struct Outbox {
    queues: BTreeMap<Source, Queue>,
    /// Those that have something waiting, in the order of their turns.
    turns: VecDeque<Source>,
    waiting: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Arc<Envelope>>,
    bytes: usize,
}

impl Queue {
    fn put(&mut self, envelope: Arc<Envelope>) {
        self.bytes += envelope.payload.len();
        self.waiting.push_back(envelope);
    }

    fn less(&mut self, envelope: Option<Arc<Envelope>>) -> Option<Arc<Envelope>> {
        self.bytes -= envelope.as_ref().map_or(0, |envelope| envelope.payload.len());
        envelope
    }

    fn first(&mut self) -> Option<Arc<Envelope>> {
        let envelope = self.waiting.pop_front();
        self.less(envelope)
    }

    fn latest(&mut self) -> Option<Arc<Envelope>> {
        let envelope = self.waiting.pop_back();
        self.less(envelope)
    }
}

/// There is no room, and this source has had the most of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much waits for that peer")]
pub struct Full;

impl Outbox {
    /// Adds a message.
    ///
    /// # Errors
    ///
    /// [`Full`]; then it was not added.
    pub fn push(&mut self, source: Source, envelope: Arc<Envelope>) -> Result<(), Full> {
        loop {
            let crowded = self.waiting >= MAX_WAITING;
            if !crowded && self.bytes + envelope.payload.len() <= MAX_WAITING_BYTES {
                break;
            }
            let most = |queue: &Queue| if crowded { queue.waiting.len() } else { queue.bytes };
            // This source among equals.
            let victim = self.queues.iter().max_by_key(|(whose, queue)| (most(queue), **whose == source));
            let Some(victim) = victim.map(|(whose, _)| *whose).filter(|whose| *whose != source) else {
                return Err(Full);
            };
            self.drop_latest(victim);
        }
        let queue = self.queues.entry(source).or_default();
        if queue.waiting.is_empty() {
            self.turns.push_back(source);
        }
        self.bytes += envelope.payload.len();
        self.waiting += 1;
        queue.put(envelope);
        Ok(())
    }

    /// Takes the next message that has not expired at the time `now`, in seconds since 1970.
    pub fn pop(&mut self, now: u64) -> Option<Arc<Envelope>> {
        while let Some(source) = self.turns.pop_front() {
            let Some(queue) = self.queues.get_mut(&source) else { continue };
            let next = queue.first();
            if queue.waiting.is_empty() {
                self.queues.remove(&source);
            } else {
                self.turns.push_back(source);
            }
            let Some(envelope) = next else { continue };
            self.waiting -= 1;
            self.bytes -= envelope.payload.len();
            if envelope.expiry > now {
                return Some(envelope);
            }
        }
        None
    }

    /// All that waits, and where it came from.
    pub fn into_waiting(self) -> impl Iterator<Item = (Source, Arc<Envelope>)> {
        let queues = self.queues.into_iter();
        queues.flat_map(|(source, queue)| queue.waiting.into_iter().map(move |envelope| (source, envelope)))
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    fn drop_latest(&mut self, whose: Source) {
        let Some(queue) = self.queues.get_mut(&whose) else { return };
        if let Some(envelope) = queue.latest() {
            self.waiting -= 1;
            self.bytes -= envelope.payload.len();
        }
        if queue.waiting.is_empty() {
            self.queues.remove(&whose);
            self.turns.retain(|turn| *turn != whose);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Prefix;
    use crate::envelope::Header;
    use crate::topic::Topic;

    fn envelope(number: u8, bytes: usize) -> Arc<Envelope> {
        let nonce = [number; 16];
        let header = Header { sealed: true, destination: Prefix::EMPTY, topic: Topic::of("bar"), expiry: 100, nonce };
        Arc::new(Envelope::new(&header, 9, vec![0; bytes]))
    }

    fn peer(number: u8) -> Source {
        Some(NodeId::from_bytes([number; 32]))
    }

    #[test]
    fn sources_take_turns() {
        let mut outbox = Outbox::default();
        for number in 0..100 {
            outbox.push(peer(1), envelope(number, 1)).unwrap();
        }
        outbox.push(peer(2), envelope(200, 1)).unwrap();
        outbox.push(None, envelope(201, 1)).unwrap();
        let first: Vec<_> = (0..4).filter_map(|_| outbox.pop(0)).map(|envelope| envelope.nonce[0]).collect();
        assert_eq!(first, [0, 200, 201, 1]);
        assert_eq!(outbox.len(), 98);
    }

    #[test]
    fn a_flood_loses_its_own_messages_and_nobody_elses() {
        let mut outbox = Outbox::default();
        let taken = (0..2 * MAX_WAITING).filter(|_| outbox.push(peer(1), envelope(1, 1)).is_ok()).count();
        assert_eq!(taken, MAX_WAITING);
        for number in 0..100 {
            outbox.push(peer(2), envelope(2, 1)).unwrap_or_else(|full| panic!("message {number}: {full}"));
        }
        assert_eq!(outbox.len(), MAX_WAITING);
        assert_eq!(outbox.queues[&peer(2)].waiting.len(), 100);
        let mut counted = 0;
        while outbox.pop(0).is_some() {
            counted += 1;
        }
        assert_eq!((counted, outbox.len(), outbox.bytes, outbox.queues.len()), (MAX_WAITING, 0, 0, 0));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut outbox = Outbox::default();
        let taken = (0..1_000).filter(|_| outbox.push(None, envelope(1, 32_768)).is_ok()).count();
        assert_eq!(taken * 32_768, MAX_WAITING_BYTES);
    }

    #[test]
    fn when_bytes_are_short_who_has_most_of_them_loses_them() {
        let mut outbox = Outbox::default();
        for number in 0..200 {
            outbox.push(peer(1), envelope(number, 256)).unwrap();
        }
        let large = (0..100).filter(|_| outbox.push(peer(2), envelope(2, 32_768)).is_ok()).count();
        assert!(large < 32, "the rest found no room: {large}");
        for number in 200..250 {
            outbox.push(peer(1), envelope(number, 256)).unwrap();
        }
        assert_eq!(outbox.queues[&peer(1)].waiting.len(), 250, "no small message made room for large ones");
        outbox.push(peer(3), envelope(3, 32_768)).unwrap();
        assert_eq!((outbox.queues[&peer(1)].waiting.len(), outbox.queues[&peer(3)].waiting.len()), (250, 1));
        assert_eq!(outbox.bytes, outbox.queues.values().map(|queue| queue.bytes).sum::<usize>());
    }

    #[test]
    fn what_has_expired_does_not_leave() {
        let mut outbox = Outbox::default();
        outbox.push(None, envelope(1, 1)).unwrap();
        assert_eq!(outbox.pop(100), None);
        assert_eq!((outbox.len(), outbox.bytes), (0, 0));
    }
}
