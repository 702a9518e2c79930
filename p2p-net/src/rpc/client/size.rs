//! Which calls an error without an id is about, which is how a server answers a message that it does not read.

use super::super::error::{RpcError, code};
use super::super::wire;

/// How large a message is, in every way that a server bounds.
#[derive(Clone, Copy)]
pub(super) struct Size {
    bytes: usize,
    calls: usize,
    depth: usize,
}

impl Size {
    pub(super) fn of(message: &[u8], calls: usize) -> Self {
        Self { bytes: message.len(), calls, depth: wire::depth(message) }
    }

    /// Whether an error without an id may be about a message of this size. One about a limit is about those over it, and each
    /// of them gets one.
    pub(super) fn may_be_meant(self, error: &RpcError) -> bool {
        let said = error.data.as_ref().filter(|_| error.code == code::LIMIT_EXCEEDED);
        let limit = said.and_then(|data| Some((data.get("limit")?.as_str()?, data.get("most")?.as_u64()?)));
        let over = |size: usize, most: u64| size as u64 > most;
        match limit {
            Some(("body_bytes", most)) => over(self.bytes, most),
            Some(("batch", most)) => over(self.calls, most),
            Some(("depth", most)) => over(self.depth, most),
            // It could be about any of them, and nobody else will tell.
            _ => true,
        }
    }
}
