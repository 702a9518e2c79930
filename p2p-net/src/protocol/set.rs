//! Which protocols a node runs, composed per application.

use std::fmt;

use super::descriptor::Linked;
use super::state::States;
use super::{Configure, Protocol, ProtocolDescriptor};
use crate::message::{MessageSpec, Priority};

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
pub struct ProtocolSet {
    protocols: Vec<&'static ProtocolDescriptor>,
    configs: States,
}

impl ProtocolSet {
    /// Every protocol linked into the program.
    ///
    /// A crate that no source file mentions is not linked: `use p2p_protocols as _;` brings its plugins.
    ///
    /// ```
    /// # use p2p_net::{ProtocolSet, prelude::*};
    /// # #[derive(Message, Serialize, Deserialize)] struct Say;
    /// # #[protocol] async fn chat(_say: Say) {}
    /// let names: Vec<_> = ProtocolSet::linked().iter().map(|protocol| protocol.name).collect();
    /// assert!(names.contains(&"chat"));
    /// ```
    pub fn linked() -> Self {
        let protocols = inventory::iter::<Linked>.into_iter().map(|linked| linked.0).collect();
        Self { protocols, configs: States::default() }.sorted()
    }

    /// No protocol.
    ///
    /// ```
    /// # use p2p_net::{ProtocolSet, prelude::*};
    /// # #[derive(Message, Serialize, Deserialize)] struct Say;
    /// # #[protocol] async fn chat(_say: Say) {}
    /// assert!(ProtocolSet::empty().is_empty());
    /// ```
    pub fn empty() -> Self {
        Self::default()
    }

    /// This set and `P`.
    ///
    /// ```
    /// # use p2p_net::{ProtocolSet, prelude::*};
    /// # #[derive(Message, Serialize, Deserialize)] struct Say;
    /// # #[protocol] async fn chat(_say: Say) {}
    /// assert_eq!(ProtocolSet::empty().with::<chat>().len(), 1);
    /// ```
    #[must_use]
    pub fn with<P: Protocol>(mut self) -> Self {
        self = self.without::<P>();
        self.protocols.push(P::DESCRIPTOR);
        self.sorted()
    }

    /// This set and `protocol`, once.
    #[cfg(feature = "service")]
    pub(crate) fn with_known(mut self, protocol: &'static ProtocolDescriptor) -> Self {
        self = self.without_known(protocol);
        self.protocols.push(protocol);
        self.sorted()
    }

    /// This set without `P`.
    ///
    /// ```
    /// # use p2p_net::{ProtocolSet, prelude::*};
    /// # #[derive(Message, Serialize, Deserialize)] struct Say;
    /// # #[protocol] async fn chat(_say: Say) {}
    /// assert!(ProtocolSet::empty().with::<chat>().without::<chat>().is_empty());
    /// ```
    #[must_use]
    pub fn without<P: Protocol>(self) -> Self {
        self.without_known(P::DESCRIPTOR)
    }

    pub(crate) fn without_known(mut self, gone: &ProtocolDescriptor) -> Self {
        // By name and place: a constant has no address of its own.
        self.protocols.retain(|known| (known.name, known.version, known.at) != (gone.name, gone.version, gone.at));
        self
    }

    /// Of this set, `P` alone and the handshake.
    ///
    /// ```
    /// # use p2p_net::{ProtocolSet, prelude::*};
    /// # #[derive(Message, Serialize, Deserialize)] struct Say;
    /// # #[protocol] async fn chat(_say: Say) {}
    /// let alone = ProtocolSet::linked().only::<chat>();
    /// assert!(alone.iter().any(|protocol| protocol.name == "chat"));
    /// ```
    #[must_use]
    pub fn only<P: Protocol>(mut self) -> Self {
        self.protocols.retain(|known| known.phase == super::Phase::Handshake);
        self.with::<P>()
    }

    /// Of this set, what is written in the crate called `name`: what tests plug in beside it is left out.
    ///
    /// The name is the one in paths, `my_plugin`, or the package's, `my-plugin`.
    #[must_use]
    pub fn of_crate(mut self, name: &str) -> Self {
        let name = name.replace('-', "_");
        self.protocols.retain(|known| known.module.split("::").next() == Some(&name));
        self
    }

    /// What these protocols say on the wire, as a value that can be written and compared (feature `manifest`).
    #[cfg(feature = "manifest")]
    pub fn manifest(&self) -> crate::manifest::Manifest {
        crate::manifest::Manifest::of(self.iter())
    }

    /// This set, with another config for `P` than its default, or than it had: `change` is given what there is.
    ///
    /// ```
    /// # use p2p_net::{ProtocolSet, prelude::*};
    /// #[derive(Clone, Default)]
    /// struct Limits { most: u32 }
    ///
    /// #[derive(Default)]
    /// struct Chat;
    ///
    /// #[protocol(config = Limits)]
    /// impl Chat {
    ///     #[job]
    ///     async fn run(&self, limits: Config<Limits>) {
    ///         assert_eq!(limits.most, 7);
    ///     }
    /// }
    ///
    /// let set = ProtocolSet::linked().configure::<Chat>(|limits| limits.most = 7);
    /// ```
    #[must_use]
    pub fn configure<P: Configure>(mut self, change: impl FnOnce(&mut P::Config)) -> Self {
        self.configs.configure(change);
        self
    }

    pub(crate) fn into_configs(self) -> States {
        self.configs
    }

    /// The protocols, by phase and name.
    pub fn iter(&self) -> impl Iterator<Item = &'static ProtocolDescriptor> {
        self.protocols.iter().copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.protocols.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.protocols.is_empty()
    }

    /// `inventory`'s order is unspecified and changes with optimisation.
    fn sorted(mut self) -> Self {
        self.protocols.sort_by_key(|known| (known.phase, known.name, known.version, known.at));
        self
    }
}

impl fmt::Display for ProtocolSet {
    /// A table: each protocol with its phase, scope, sessions and place, and under it its messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.protocols.iter().flat_map(|known| {
            let messages = known.handlers.iter().map(|handler| handler.message.name.len() + 2);
            messages.chain([known.name.len() + 3])
        });
        let width = names.max().unwrap_or(0).max("protocol".len());
        writeln!(f, "{:<width$}  {:<9}  {:<7}  {:<28}  place", "protocol", "phase", "scope", "sessions")?;
        for known in &self.protocols {
            let (name, sessions) = (format!("{}/{}", known.name, known.version), known.sessions.to_string());
            let (phase, scope) = (known.phase.to_string(), known.scope().to_string());
            writeln!(f, "{name:<width$}  {phase:<9}  {scope:<7}  {sessions:<28}  {}", known.at)?;
            for handler in known.handlers {
                writeln!(f, "  {:<1$}  {2}", handler.message.name, width - 2, Line(&handler.message))?;
            }
        }
        Ok(())
    }
}

/// A message in the table.
struct Line<'a>(&'a MessageSpec);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageSpec { id, max_bytes, window, fingerprint, .. } = self.0;
        write!(f, "{id}  {fingerprint:016x}  at most {max_bytes} bytes, window {window}")?;
        if let Some(reply) = self.0.reply {
            let what = if self.0.stream { "stream of" } else { "reply" };
            write!(f, ", {what} {}", reply().name)?;
        }
        if let Some(rate) = self.0.rate {
            write!(f, ", {rate}")?;
        }
        if self.0.priority == Priority::High {
            f.write_str(", high priority")?;
        }
        Ok(())
    }
}
