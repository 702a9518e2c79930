//! What a program says on the wire, as a file: every protocol with its messages, their fields, limits and answers, and what
//! their authors wrote about them (feature `manifest`).
//!
//! A manifest is made [from the code](Manifest::of), kept in the repository as [JSON](Manifest::to_json), and
//! [compared](Manifest::changes_to) with the code again: each [`Change`] names the [`Rule`] of wire compatibility it falls
//! under and what that rule [asks](Asks). `testing::manifest::check` makes a test of it.
//!
//! ```
//! use p2p_net::manifest::{Asks, Manifest, Rule};
//! use p2p_net::ProtocolSet;
//!
//! mod released {
//!     use p2p_net::prelude::*;
//!
//!     #[derive(Message, Serialize, Deserialize)]
//!     struct Say { text: String }
//!
//!     #[protocol]
//!     pub async fn chat(say: Say) { drop(say.text) }
//! }
//!
//! mod changed {
//!     use p2p_net::prelude::*;
//!
//!     #[derive(Message, Serialize, Deserialize)]
//!     struct Say { text: String, colour: u32 }
//!
//!     #[protocol]
//!     pub async fn chat(say: Say) { drop((say.text, say.colour)) }
//! }
//!
//! let released = ProtocolSet::empty().with::<released::chat>().manifest();
//! let changed = ProtocolSet::empty().with::<changed::chat>().manifest();
//!
//! let changes = released.changes_to(&changed);
//! assert_eq!(changes[0].place.to_string(), "chat/1 · say · field colour");
//! assert_eq!((changes[0].rule, changes[0].asks), (Rule::FieldAdded, Asks::Version(2)));
//! ```

mod change;
mod compare;
mod json;
mod message;
mod protocol;
mod rule;
mod shapes;
mod types;

use crate::protocol::{ProtocolDescriptor, ProtocolSet};

pub use change::{Change, Place};
pub use json::{FORMAT, ReadError};
pub use message::{AnswerEntry, MessageEntry};
pub use protocol::ProtocolEntry;
pub use rule::{Asks, Rule};
pub use types::{FieldEntry, Type, VariantEntry};

/// The protocols of a program, and all that two nodes must have in common to speak them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// By name and version.
    pub protocols: Vec<ProtocolEntry>,
}

impl Manifest {
    /// The manifest of these protocols: of a [`ProtocolSet`], or of descriptors written by hand.
    pub fn of<'a>(protocols: impl IntoIterator<Item = &'a ProtocolDescriptor>) -> Self {
        let mut protocols: Vec<_> = protocols.into_iter().map(ProtocolEntry::of).collect();
        protocols.sort_by(|one, other| one.key().cmp(&other.key()));
        Self { protocols }
    }

    /// The protocol of this name and version.
    pub fn find(&self, name: &str, version: u16) -> Option<&ProtocolEntry> {
        self.protocols.iter().find(|protocol| protocol.key() == (name, version))
    }

    /// The name and version that two of its protocols share, as `chat/1`; no node runs both.
    pub fn duplicate(&self) -> Option<String> {
        let mut sorted: Vec<_> = self.protocols.iter().map(ProtocolEntry::key).collect();
        sorted.sort_unstable();
        let twins = sorted.windows(2).find(|pair| pair[0] == pair[1])?;
        Some(format!("{}/{}", twins[0].0, twins[0].1))
    }
}

impl From<&ProtocolSet> for Manifest {
    fn from(set: &ProtocolSet) -> Self {
        set.manifest()
    }
}

#[cfg(test)]
mod tests;
