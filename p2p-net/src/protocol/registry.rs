//! The protocols of a node, and the instances they become on each channel. In DarkFi: `ProtocolRegistry`.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::state::States;
use super::{
    Construct, Context, Handles, Offer, Phase, ProtocolBase, ProtocolDescriptor, ProtocolSet, Requirement, SessionFlags,
};
use crate::channel::Channel;
use crate::disconnect::DisconnectReason;
use crate::error::{Error, Result};
use crate::message::lane::{LaneError, LaneTable};
use crate::p2p::P2pPtr;

/// A set of protocols that no node can run.
///
/// ```
/// # use p2p_net::{P2p, ProtocolSet, Settings};
/// # smol::block_on(async {
/// let error = P2p::builder(Settings::default()).protocols(ProtocolSet::empty()).build().await.unwrap_err();
/// assert!(error.to_string().starts_with("no protocol of the handshake phase is linked"));
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two protocols of one name and version.
    #[error(
        "two protocols are called `{name}/{version}`: {first} and {second}; rename one, or leave it out with `.without::<..>()`"
    )]
    Duplicate {
        /// The name.
        name: &'static str,
        /// The version.
        version: u16,
        /// Where one was written.
        first: &'static str,
        /// Where the other was.
        second: &'static str,
    },
    /// Nothing compares versions and networks.
    #[error(
        "no protocol of the handshake phase is linked: add \"use p2p_protocols as _;\" to the program, \
         or say `.without_handshake()` if peers need none"
    )]
    NoHandshake,
    /// A protocol that would never run.
    #[error("protocol `{name}` ({at}) runs on no session: name one in `sessions = ..`")]
    NoSession {
        /// The protocol.
        name: &'static str,
        /// Where it was written.
        at: &'static str,
    },
    /// The application did not give what a protocol asks for.
    #[error("protocol `{protocol}` ({at}) needs `State<{state}>`, and nobody gave it: add `.state(..)` to the builder")]
    MissingState {
        /// The protocol.
        protocol: &'static str,
        /// Where it was written.
        at: &'static str,
        /// The type of the state.
        state: &'static str,
    },
    /// Messages that cannot share a wire.
    #[error(transparent)]
    Lanes(#[from] LaneError),
    /// A channel could hold more memory than allowed.
    #[error(
        "a channel with these protocols may hold {ceiling} bytes, over the setting limits.channel_memory = {allowed}: \
         raise it, or lower `window` and `max_bytes` of the largest messages"
    )]
    Ceiling {
        /// What a channel may hold.
        ceiling: usize,
        /// What the settings allow.
        allowed: usize,
    },
    /// The node has started with the protocols it had.
    #[error("protocol `{0}` comes too late: register it before the node starts")]
    Started(&'static str),
}

type Constructor = Arc<dyn Fn(Channel, P2pPtr) -> BoxFuture<'static, Result<Arc<dyn ProtocolBase>>> + Send + Sync>;

#[derive(Clone)]
enum Maker {
    Annotated(Construct),
    ByHand(Constructor),
}

#[derive(Clone)]
pub(crate) struct Registered {
    name: &'static str,
    version: u16,
    sessions: SessionFlags,
    phase: Phase,
    handlers: &'static [Handles],
    requires: &'static [&'static [Requirement]],
    at: &'static str,
    make: Maker,
}

/// The protocols of a node; it spawns an instance of each for every channel of its sessions.
#[derive(Default)]
pub struct ProtocolRegistry(Mutex<State>);

#[derive(Default)]
struct State {
    protocols: Vec<Registered>,
    frozen: bool,
}

impl ProtocolRegistry {
    pub(crate) fn of(set: &ProtocolSet) -> Self {
        let protocols =
            set.iter().map(|known| Registered::of(known, known.sessions, Maker::Annotated(known.construct)));
        Self(Mutex::new(State { protocols: protocols.collect(), frozen: false }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a protocol written by hand: for each channel of `sessions`, `constructor` makes the instance.
    ///
    /// Its descriptor names its messages; the constructor subscribes to them before the channel reads its first byte.
    ///
    /// # Errors
    ///
    /// [`BuildError::Started`] once the node has started.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use p2p_net::protocol::{ProtocolBase, ProtocolDescriptor};
    /// # use p2p_net::{P2pPtr, Result, SessionFlags, protocol::BuildError};
    /// fn add(
    ///     node: &P2pPtr,
    ///     descriptor: &'static ProtocolDescriptor,
    ///     chat: Arc<dyn ProtocolBase>,
    /// ) -> Result<(), BuildError> {
    ///     let one_for_all = move |_channel, _node| futures::future::ready(Ok(chat.clone()));
    ///     node.protocol_registry().register(descriptor, SessionFlags::ALL, one_for_all)
    /// }
    /// ```
    pub fn register<C, F>(
        &self,
        descriptor: &'static ProtocolDescriptor,
        sessions: SessionFlags,
        constructor: C,
    ) -> Result<(), BuildError>
    where
        C: Fn(Channel, P2pPtr) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Arc<dyn ProtocolBase>>> + Send + 'static,
    {
        let mut state = self.lock();
        if state.frozen {
            return Err(BuildError::Started(descriptor.name));
        }
        let constructor: Constructor = Arc::new(move |channel, node| constructor(channel, node).boxed());
        state.protocols.push(Registered::of(descriptor, sessions, Maker::ByHand(constructor)));
        Ok(())
    }

    /// Adds the default of every config that nobody set.
    pub(crate) fn complete(&self, states: &mut States) {
        self.lock()
            .protocols
            .iter()
            .flat_map(Registered::requirements)
            .for_each(|requirement| states.complete(requirement));
    }

    /// Every protocol.
    pub(crate) fn all(&self) -> Vec<Registered> {
        self.lock().protocols.clone()
    }

    /// Checks that these protocols can run together on a node with `states`.
    pub(crate) fn check(
        &self,
        states: &States,
        handshake_needed: bool,
        channel_memory: usize,
    ) -> Result<(), BuildError> {
        let state = self.lock();
        let mut names: BTreeMap<(&str, u16), &'static str> = BTreeMap::new();
        for protocol in &state.protocols {
            let (name, version, at) = (protocol.name, protocol.version, protocol.at);
            if let Some(first) = names.insert((name, version), at) {
                return Err(BuildError::Duplicate { name, version, first, second: at });
            }
            if protocol.sessions.is_empty() {
                return Err(BuildError::NoSession { name, at });
            }
            if let Some(Requirement::State { name: state, .. }) = protocol.missing(states) {
                return Err(BuildError::MissingState { protocol: name, at, state: state() });
            }
        }
        if handshake_needed && !state.protocols.iter().any(|protocol| protocol.phase == Phase::Handshake) {
            return Err(BuildError::NoHandshake);
        }
        let ceiling = crate::message::MessageSubsystem::ceiling(&state.lanes()?);
        if ceiling > channel_memory {
            return Err(BuildError::Ceiling { ceiling, allowed: channel_memory });
        }
        Ok(())
    }

    /// Lets no more protocols in, and computes what all channels share.
    pub(crate) fn freeze(&self) -> Result<(Arc<LaneTable>, super::Offers), BuildError> {
        let mut state = self.lock();
        state.frozen = true;
        Ok((Arc::new(state.lanes()?), Offer::by_session(&state.protocols)))
    }

    /// The protocols that run on channels of `session`.
    pub(crate) fn on(&self, session: SessionFlags) -> Vec<Registered> {
        self.lock().protocols.iter().filter(|known| known.sessions.intersects(session)).cloned().collect()
    }

    /// The most memory one channel's messages can hold, in bytes.
    pub(crate) fn ceiling(&self) -> usize {
        self.lock().lanes().map_or(0, |lanes| crate::message::MessageSubsystem::ceiling(&lanes))
    }

    /// The protocols, as `name/version`, in the order they are made.
    pub fn names(&self) -> Vec<String> {
        self.lock().protocols.iter().map(|known| format!("{}/{}", known.name, known.version)).collect()
    }
}

impl State {
    fn lanes(&self) -> Result<LaneTable, LaneError> {
        let table = LaneTable::new(self.protocols.iter().flat_map(|protocol| {
            let handshake = protocol.phase == Phase::Handshake;
            protocol.handlers.iter().map(move |handler| (handler.message, handshake))
        }))?;
        let takes =
            |protocol: &Registered, name: &str| protocol.handlers.iter().any(|known| known.message.name == name);
        Ok(table.owned_by(|name| self.protocols.iter().find(|protocol| takes(protocol, name)).map(|one| one.name)))
    }
}

impl Registered {
    fn of(known: &ProtocolDescriptor, sessions: SessionFlags, make: Maker) -> Self {
        let ProtocolDescriptor { name, version, phase, handlers, requires, at, .. } = *known;
        Self { name, version, sessions, phase, handlers, requires, at, make }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn version(&self) -> u16 {
        self.version
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = crate::message::MessageSpec> {
        // What a protocol written by hand takes, it subscribes to itself.
        let handlers = if matches!(self.make, Maker::Annotated(_)) { self.handlers } else { &[] };
        handlers.iter().map(|handler| handler.message)
    }

    /// An instance for the channel of `context`.
    pub(crate) async fn construct(&self, context: &Context) -> Result<Arc<dyn ProtocolBase>> {
        match &self.make {
            Maker::Annotated(Construct::Channel(make)) => make(context).await,
            Maker::Annotated(Construct::Node(_)) => {
                let instance = context.node().nodewide().find(self.name, self.version);
                instance.ok_or_else(|| Error::disconnect(DisconnectReason::Stopped, ""))
            }
            Maker::ByHand(make) => make(context.channel().clone(), context.node().clone()).await,
        }
    }

    /// The one instance for a node, of a protocol that has such.
    pub(crate) fn construct_on<'n>(&self, node: &'n P2pPtr) -> Option<BoxFuture<'n, Result<Arc<dyn ProtocolBase>>>> {
        match &self.make {
            Maker::Annotated(Construct::Node(make)) => Some(make(node)),
            Maker::Annotated(Construct::Channel(_)) | Maker::ByHand(_) => None,
        }
    }

    fn requirements(&self) -> impl Iterator<Item = &'static Requirement> {
        let of_handlers = self.handlers.iter().flat_map(|handler| handler.requires);
        self.requires.iter().chain(of_handlers).flat_map(|requires| requires.iter())
    }

    pub(super) fn offered(&self) -> super::offer::Known {
        let Self { name, version, phase, sessions, handlers, .. } = *self;
        super::offer::Known { name, version, phase, sessions, handlers }
    }

    fn missing(&self, states: &States) -> Option<Requirement> {
        self.requirements().find(|requirement| !states.meets(requirement)).copied()
    }
}

impl fmt::Debug for ProtocolRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProtocolRegistry({:?})", self.names())
    }
}
