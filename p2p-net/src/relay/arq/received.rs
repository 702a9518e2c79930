//! The receiving half: bytes that come in any order and any number of times, and leave in order and once. Pure code.

use std::collections::{BTreeMap, VecDeque};

use crate::relay::segment::MAX_RANGES;

/// Pieces beyond the next byte that are kept; a sender of tiny ones must not make much of little.
const MAX_PIECES: usize = 1024;

/// What has come.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// In order, and not read yet.
    ready: VecDeque<u8>,
    /// The next byte that is expected; one more than the last when the end has come.
    expected: u64,
    /// Beyond it, by offset; never touching, never overlapping.
    pieces: BTreeMap<u64, Piece>,
    end: Option<u64>,
    /// The most bytes kept, read and unread.
    most: usize,
    /// How much room the other end was last told of.
    told: usize,
}

#[derive(Debug)]
struct Piece {
    len: usize,
    /// Nothing, once nobody will read it: the other end was told that it has come, and will not send it again.
    bytes: Vec<u8>,
}

impl Received {
    pub(super) fn new(most: usize) -> Self {
        Self { most, told: most, ..Self::default() }
    }

    /// Takes a piece, as far as it is new and there is room.
    pub(super) fn take(&mut self, offset: u64, bytes: &[u8], fin: bool) {
        let end = offset + bytes.len() as u64;
        if fin && self.end.is_none() {
            self.end = Some(end);
        }
        let limit = self.end.unwrap_or(u64::MAX).min(self.expected + self.room() as u64);
        let (mut at, end) = (offset.max(self.expected), end.min(limit));
        while at < end && (self.pieces.len() < MAX_PIECES || at == self.expected) {
            // The piece that `at` lies in, or else the gap up to the next one.
            if let Some((from, known)) = self.pieces.range(..=at).next_back()
                && at < from + known.len as u64
            {
                at = from + known.len as u64;
                continue;
            }
            let next = self.pieces.range(at..).next().map_or(end, |(from, _)| end.min(*from));
            let bytes = bytes[(at - offset) as usize..(next - offset) as usize].to_vec();
            self.pieces.insert(at, Piece { len: bytes.len(), bytes });
            at = next;
        }
        while let Some(piece) = self.pieces.remove(&self.expected) {
            self.expected += piece.len as u64;
            self.ready.extend(piece.bytes);
        }
        if self.end == Some(self.expected) {
            self.expected += 1;
        }
    }

    /// Reads what is there in order.
    pub(super) fn read(&mut self, into: &mut [u8]) -> usize {
        let len = into.len().min(self.ready.len());
        for (to, from) in into.iter_mut().zip(self.ready.drain(..len)) {
            *to = from;
        }
        if self.ready.is_empty() {
            self.ready = VecDeque::new();
        }
        len
    }

    /// Forgets what is unread: nobody will read it.
    pub(super) fn discard(&mut self) {
        self.ready = VecDeque::new();
        self.pieces.values_mut().for_each(|piece| piece.bytes = Vec::new());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Whether all bytes have come.
    pub(super) fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| self.expected > end)
    }

    pub(super) fn expected(&self) -> u64 {
        self.expected
    }

    fn room(&self) -> usize {
        self.most - self.ready.len()
    }

    /// How much room there is, to be told.
    pub(super) fn tell_room(&mut self) -> u32 {
        self.told = self.room();
        u32::try_from(self.told).unwrap_or(u32::MAX)
    }

    /// Whether so much was read that the other end, which may wait for it, should be told.
    pub(super) fn has_news_of_room(&self) -> bool {
        self.told < self.most / 4 && self.room() >= self.most / 2
    }

    /// What came beyond the expected byte, counted from it.
    pub(super) fn ranges(&self) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for (from, piece) in &self.pieces {
            let from = u32::try_from(from - self.expected).unwrap_or(u32::MAX);
            let to = from.saturating_add(piece.len as u32);
            let many = ranges.len();
            match ranges.last_mut() {
                Some((_, end)) if *end == from => *end = to,
                _ if many == MAX_RANGES => break,
                _ => ranges.push((from, to)),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(received: &mut Received) -> Vec<u8> {
        let mut bytes = vec![0; 1000];
        let len = received.read(&mut bytes);
        bytes.truncate(len);
        bytes
    }

    #[test]
    fn pieces_in_any_order_and_overlapping_leave_in_order_and_once() {
        let mut received = Received::new(100);
        received.take(6, b"world", true);
        received.take(3, b"lo w", false);
        assert_eq!((received.ranges(), read(&mut received)), (vec![(3, 11)], vec![]));
        received.take(0, b"hello world", true);
        received.take(0, b"hello", false);
        assert_eq!(read(&mut received), b"hello world");
        assert!(received.is_finished() && received.expected() == 12);
        received.take(11, b"more", false);
        assert_eq!(read(&mut received), b"", "nothing comes after the end");
    }

    #[test]
    fn of_a_piece_that_begins_with_what_is_known_the_rest_is_taken() {
        let mut received = Received::new(100);
        received.take(2, b"cd", false);
        received.take(7, b"h", false);
        received.take(2, b"cdefgh", false);
        assert_eq!(received.ranges(), [(2, 8)]);
        received.take(0, b"ab", false);
        assert_eq!(read(&mut received), b"abcdefgh");
    }

    #[test]
    fn what_has_no_room_is_not_taken() {
        let mut received = Received::new(8);
        received.take(4, b"efghij", false);
        assert_eq!(received.ranges(), [(4, 8)]);
        received.take(0, b"abcd", false);
        assert_eq!((received.expected(), received.tell_room()), (8, 0));
        received.take(8, b"ij", false);
        assert_eq!(received.expected(), 8);
        assert_eq!(read(&mut received), b"abcdefgh");
        assert!(received.has_news_of_room());
    }

    #[test]
    fn what_nobody_will_read_takes_no_room_and_counts_as_come() {
        let mut received = Received::new(1 << 20);
        for n in 1..10 {
            received.take(n * 1_000, &[7; 1_000], false);
            received.discard();
        }
        assert!(received.pieces.values().all(|piece| piece.bytes.capacity() == 0));
        assert_eq!(received.ranges(), [(1_000, 10_000)]);
        received.take(0, &[7; 1_000], false);
        received.take(10_000, &[], true);
        assert!(received.is_finished() && received.expected() == 10_001);
    }

    #[test]
    fn a_crowd_of_tiny_pieces_is_bounded() {
        let mut received = Received::new(1 << 20);
        for n in 0..10_000 {
            received.take(n * 2 + 1, b"x", false);
        }
        assert_eq!((received.pieces.len(), received.ranges().len()), (MAX_PIECES, MAX_RANGES));
    }
}
