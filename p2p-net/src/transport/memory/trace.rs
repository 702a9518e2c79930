//! A running hash over everything a network carried and when: two runs are the same exactly when their traces are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;

const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash, shared by all pipes of a network. Its order has a meaning only in one thread.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace(Arc<AtomicU64>);

impl Trace {
    /// Adds bytes that were written now.
    pub(super) fn add(&self, clock: &Clock, bytes: &[u8]) {
        let mut hash =
            mix(self.0.load(Ordering::Relaxed), u64::try_from(clock.elapsed().as_nanos()).unwrap_or(u64::MAX));
        hash = mix(hash, bytes.len() as u64);
        for word in bytes.chunks(8) {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            hash = mix(hash, u64::from_le_bytes(padded));
        }
        self.0.store(hash, Ordering::Relaxed);
    }

    pub(super) fn hash(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn mix(hash: u64, word: u64) -> u64 {
    (hash ^ word).wrapping_mul(PRIME).rotate_left(31)
}
