//! What the process holds, as the system counts it.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lets one test at a time run: what a process holds is what all its tests hold.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of memory in use (the resident set); 0 where the system does not say.
pub fn memory() -> usize {
    const PAGE: usize = 4096;
    let Ok(statm) = fs::read_to_string("/proc/self/statm") else { return 0 };
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * PAGE
}

/// Open files and sockets; 0 where the system does not say.
pub fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Watches that memory stays flat; made when everything that is always needed is there.
#[derive(Debug)]
pub struct Flat {
    before: usize,
}

impl Flat {
    /// What is in use now may stay in use.
    pub fn from_now() -> Self {
        Self { before: memory() }
    }

    /// Bytes in use that were not at first.
    pub fn grown(&self) -> usize {
        memory().saturating_sub(self.before)
    }

    /// # Panics
    ///
    /// When more than `allowed` bytes were added.
    pub fn check(&self, allowed: usize) {
        let grown = self.grown();
        assert!(grown <= allowed, "memory grew by {grown} bytes, {allowed} are allowed");
    }
}
