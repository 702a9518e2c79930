//! On which sessions' channels a protocol runs.

use std::fmt;

bitflags::bitflags! {
    /// A set of sessions; a protocol names those on whose channels it runs.
    ///
    /// ```
    /// use p2p_net::SessionFlags;
    ///
    /// assert!(SessionFlags::ALL.contains(SessionFlags::SEED));
    /// assert!(!(!SessionFlags::SEED).contains(SessionFlags::SEED));
    /// ```
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct SessionFlags: u8 {
        /// Channels that peers opened to us.
        const INBOUND = 1;
        /// Channels that fill our outbound slots.
        const OUTBOUND = 2;
        /// Channels to peers that the settings name.
        const MANUAL = 4;
        /// Short visits to seed nodes.
        const SEED = 8;
        /// Channels over a relay, to nodes there is no connection with, whoever opened them.
        const RELAYED = 16;
        /// Every session.
        const ALL = 31;
    }
}

impl SessionFlags {
    /// Whether a protocol with these sessions is made for both ends of a channel: one end of each is inbound, and the other
    /// is not. Over a relay both ends have the same session, so that it says nothing here.
    pub const fn is_paired(self) -> bool {
        self.intersects(Self::INBOUND) && self.intersects(Self::OUTBOUND.union(Self::MANUAL).union(Self::SEED))
    }
}

impl fmt::Debug for SessionFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SessionFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (name, _) in self.iter_names() {
            f.write_str(if first { "" } else { "|" })?;
            f.write_str(&name.to_ascii_lowercase())?;
            first = false;
        }
        if first { f.write_str("none") } else { Ok(()) }
    }
}
