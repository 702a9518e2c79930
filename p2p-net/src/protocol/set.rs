//! Which protocols a node runs, composed per application.

use std::fmt;

use super::descriptor::Linked;
use super::{Protocol, ProtocolDescriptor};

/// A set of protocols by type: what is [linked](Self::linked) into the program, or what is added, less what is taken out.
///
/// `inventory` is one source of a set and nothing more: the set is sorted, can be printed, and what is wrong with it is an
/// error when the node is built.
///
/// ```no_run
/// # use p2p_net::{P2p, ProtocolSet, Settings, prelude::*};
/// # #[derive(Default)] struct Chat;
/// # #[derive(Message, Serialize, Deserialize)] struct Say { text: String }
/// # #[protocol] impl Chat { #[on] async fn say(&self, _say: Say) {} }
/// let set = ProtocolSet::linked().without::<Chat>();
/// println!("{set}");
/// ```
#[derive(Debug, Clone, Default)]
pub struct ProtocolSet(Vec<&'static ProtocolDescriptor>);

impl ProtocolSet {
    /// Every protocol linked into the program.
    ///
    /// A crate that no source file mentions is not linked: `use p2p_protocols as _;` brings its plugins.
    pub fn linked() -> Self {
        Self(inventory::iter::<Linked>.into_iter().map(|linked| linked.0).collect()).sorted()
    }

    /// No protocol.
    pub fn empty() -> Self {
        Self::default()
    }

    /// This set and `P`.
    #[must_use]
    pub fn with<P: Protocol>(mut self) -> Self {
        self = self.without::<P>();
        self.0.push(P::DESCRIPTOR);
        self.sorted()
    }

    /// This set without `P`.
    #[must_use]
    pub fn without<P: Protocol>(mut self) -> Self {
        // By name and place: a constant has no address of its own.
        let gone = P::DESCRIPTOR;
        self.0.retain(|known| (known.name, known.version, known.at) != (gone.name, gone.version, gone.at));
        self
    }

    /// Of this set, `P` alone and the handshake.
    #[must_use]
    pub fn only<P: Protocol>(mut self) -> Self {
        self.0.retain(|known| known.phase == super::Phase::Handshake);
        self.with::<P>()
    }

    /// The protocols, by phase and name.
    pub fn iter(&self) -> impl Iterator<Item = &'static ProtocolDescriptor> {
        self.0.iter().copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `inventory`'s order is unspecified and changes with optimisation.
    fn sorted(mut self) -> Self {
        self.0.sort_by_key(|known| (known.phase, known.name, known.version, known.at));
        self
    }
}

impl fmt::Display for ProtocolSet {
    /// A table: name and version, phase, sessions, messages, and where each was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for protocol in &self.0 {
            let name = format!("{}/{}", protocol.name, protocol.version);
            let sessions = protocol.sessions.to_string();
            writeln!(f, "{name:<16} {:<10} {sessions:<32} {}", protocol.phase.to_string(), protocol.at)?;
            for handler in protocol.handlers {
                let message = &handler.message;
                writeln!(
                    f,
                    "  {:<20} {}  up to {} bytes, window {}, {:016x}",
                    message.name, message.id, message.max_bytes, message.window, message.fingerprint
                )?;
            }
        }
        Ok(())
    }
}
