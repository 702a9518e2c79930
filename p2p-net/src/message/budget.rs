//! A budget for decoding: what bytes from a stranger may make this node allocate. Pure code, used by the codec alone.
//!
//! The encoding's own limit counts bytes on the wire, not in memory: a sequence of `Option<[u64; 32]>` turns one byte into
//! 264, and a claimed length reserves up to a megabyte before the first element is missed. So every decode goes through a
//! wrapper ([`within`]) that pays here for the room of elements before they are decoded, takes text and bytes from the frame
//! instead of reserving what they claim, and bounds nesting. What a message's shape shows is counted as it is; only inside a
//! foreign type ([`place`]) is everything counted as the worst it may be. A sender counts with the same wrapper, unless its
//! message is too small to be refused ([`bound`]).

mod bound;
mod place;
mod within;

use std::cell::Cell;
use std::mem::size_of;

pub(super) use bound::always_decoded;
use place::Place;
pub(super) use place::{Known, Shaped};
pub(super) use within::Within;

/// Bytes of memory that each byte of a frame may become; a `Vec<u64>` of small numbers needs all of them.
const PER_BYTE: usize = 8;

/// Bytes of memory any frame may take: 64 KiB, of which one is left for the text of an error, which is made while the
/// value is still there.
const BASE: usize = 63 << 10;

/// How deep values may nest; what a message's shape can express by hand is far less.
const MAX_DEPTH: u32 = 64;

/// The most serde reserves for a sequence before its first element, in bytes; a full one then doubles.
const RESERVED: usize = 1 << 20;

/// Elements a `Vec` makes room for when nothing was reserved.
const FIRST: usize = 4;

/// Entries a node of a `BTreeMap` has room for, the fewest it holds, and what it has beside them, in bytes: its place among
/// its neighbours, and its share of the nodes above.
const NODE: usize = 11;
const IN_NODE: usize = 5;
const BESIDE: usize = 32;

/// What one decode uses, and what it may.
pub(super) struct Budget {
    frame: usize,
    /// The largest element of any sequence in the message that is not foreign, in bytes of memory.
    largest: usize,
    used: Cell<usize>,
    most: usize,
    /// The most that was used at once, when that is counted and not refused.
    peak: Option<Cell<usize>>,
    depth: Cell<u32>,
}

impl Budget {
    /// The budget of a frame of `frame` bytes whose sequences have no larger element than `largest` bytes of memory.
    #[inline]
    pub(super) fn of(frame: usize, largest: usize) -> Self {
        let most = BASE + PER_BYTE * frame;
        Self { frame, largest: largest.max(1), used: Cell::new(0), most, peak: None, depth: Cell::new(0) }
    }

    /// The same, for one who trusts the bytes and wants to know what they need: it refuses nothing for its memory.
    pub(super) fn counting(frame: usize, largest: usize) -> Self {
        Self { peak: Some(Cell::new(0)), ..Self::of(frame, largest) }
    }

    /// What a decode that was counted needs, and what it may use, in bytes, if it needs more.
    pub(super) fn overdrawn(&self) -> Option<(usize, usize)> {
        let peak = self.peak.as_ref()?.get();
        (peak > self.most).then_some((peak, self.most))
    }

    #[inline]
    fn take<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        self.take_beside(bytes, 0)
    }

    /// Pays for `bytes` while `beside`, which are given back at once, are in use too.
    #[inline]
    fn take_beside<E: serde::de::Error>(&self, bytes: usize, beside: usize) -> Result<(), E> {
        let used = self.used.get().saturating_add(bytes);
        if used.saturating_add(beside) > self.most {
            self.overdraw(used.saturating_add(beside))?;
        }
        self.used.set(used);
        Ok(())
    }

    #[cold]
    fn overdraw<E: serde::de::Error>(&self, need: usize) -> Result<(), E> {
        let Some(peak) = &self.peak else {
            let text = format_args!("{} bytes would need more than {PER_BYTE} times their size in memory", self.frame);
            return Err(E::custom(text));
        };
        peak.set(peak.get().max(need));
        Ok(())
    }

    /// Pays for text or bytes; a type that is read from text has both for a moment.
    #[inline]
    fn take_run<E: serde::de::Error>(&self, len: usize) -> Result<(), E> {
        self.take_beside(len, len)
    }

    /// Pays for a value on its own, where nobody sees whether it gets a box of its own. Elsewhere there are no boxes.
    #[inline]
    fn take_value<T, E: serde::de::Error>(&self, place: impl Place) -> Result<(), E> {
        if place.is_foreign() { self.take(size_of::<T>()) } else { Ok(()) }
    }

    /// What is told to whoever reserves room before the first of `claimed` elements: no more than can be paid for.
    #[inline]
    fn hint(&self, claimed: Option<usize>, place: impl Place) -> Option<usize> {
        let payable = if place.is_foreign() { 0 } else { self.most.saturating_sub(self.used.get()) / self.largest };
        claimed.map(|claimed| claimed.min(payable))
    }

    #[inline]
    fn nested<T, E: serde::de::Error>(&self, place: impl Place, decode: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.take_value::<T, E>(place)?;
        let depth = self.depth.get() + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} deep")));
        }
        self.depth.set(depth);
        let result = decode();
        self.depth.set(depth - 1);
        result
    }
}

/// The room of an element of `size` bytes. A foreign sequence may be a hash table, which is between half and seven eighths
/// full, and moves its elements when it grows.
fn room_of(size: usize, place: impl Place) -> usize {
    // What takes no room is counted all the same, so that there is an end to it.
    if place.is_foreign() { 5 * (size + 1) / 2 } else { size.max(1) }
}

/// The elements of one sequence or map, and the room that is paid for.
#[derive(Default)]
struct Room {
    len: usize,
    /// Elements there is room for.
    paid: usize,
}

impl Room {
    /// Pays for the room of one more element of a `Vec`, as it grows; `left` says how many are claimed, this one among them.
    #[inline]
    fn element<E: serde::de::Error>(
        &mut self,
        size: usize,
        left: Option<usize>,
        budget: &Budget,
        place: impl Place,
    ) -> Result<(), E> {
        self.len += 1;
        if self.len <= self.paid {
            return Ok(());
        }
        let room = room_of(size, place);
        let first = budget.hint(left, place).unwrap_or(0).min(RESERVED / size.max(1)).max(FIRST);
        let grown = if self.paid == 0 { first } else { 2 * self.paid };
        // The old room is there until the elements are in the new one.
        budget.take_beside((grown - self.paid) * room, self.paid * room)?;
        self.paid = grown;
        Ok(())
    }

    /// Pays for one more key of a map. A map's first node is whole from its first entry on, and later ones are half full.
    fn key<E: serde::de::Error>(&mut self, size: usize, budget: &Budget, place: impl Place) -> Result<(), E> {
        self.len += 1;
        if self.begins_node() { budget.take(BESIDE + NODE * room_of(size, place)) } else { Ok(()) }
    }

    /// Pays for the value of the same entry.
    fn value<E: serde::de::Error>(&self, size: usize, budget: &Budget, place: impl Place) -> Result<(), E> {
        if self.begins_node() { budget.take(NODE * room_of(size, place)) } else { Ok(()) }
    }

    fn begins_node(&self) -> bool {
        self.len % IN_NODE == 1
    }
}

#[cfg(test)]
mod tests;
