//! Making a node.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use event_listener::Event;
use fastrand::Rng;

use super::{P2p, P2pPtr, P2pState};
use crate::clock::Clock;
use crate::event::Events;
use crate::hosts::Hosts;
use crate::hosts::admission::Gate;
use crate::identity::{IdentityError, SecretKey};
use crate::protocol::{BuildError, NodeWide, ProtocolRegistry, ProtocolSet, States};
use crate::session::{InboundSession, LiveChannels, ManualSession, OutboundSession, Peers, SeedSession};
use crate::settings::{Settings, SettingsError};
use crate::signal::Signal;
use crate::transport::tcp::TcpTransport;
use crate::transport::tls::TlsTransport;
use crate::transport::{Transport, Transports};

/// The name of the identity's file in the data folder.
const IDENTITY_FILE: &str = "identity";

/// A node could not be made.
///
/// ```
/// # use p2p_net::{P2p, ProtocolSet, Settings};
/// # smol::block_on(async {
/// let wrong = Settings { transports: vec![], ..Settings::default() };
/// let error = P2p::new(wrong).await.unwrap_err();
/// assert_eq!(error.to_string(), "`transports` is empty: name at least one scheme, such as `tls`");
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The identity cannot be read or written.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The data folder cannot be made.
    #[error("cannot make the data folder {}: {error}", folder.display())]
    DataFolder {
        /// The setting `data_dir`.
        folder: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The protocols cannot run together.
    #[error(transparent)]
    Protocols(#[from] BuildError),
}

/// A node in the making; see [`P2p::builder`].
///
/// ```
/// # use p2p_net::{P2p, ProtocolSet, Settings};
/// # smol::block_on(async {
/// let p2p = P2p::builder(Settings::default())
///     .protocols(ProtocolSet::empty())
///     .without_handshake()
///     .state(String::from("what protocols take as `State<String>`"))
///     .build()
///     .await?;
/// assert_eq!(p2p.peer_count(), 0);
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder makes nothing until `build` is awaited"]
pub struct P2pBuilder {
    settings: Settings,
    identity: Option<SecretKey>,
    protocols: Option<ProtocolSet>,
    states: States,
    transports: Vec<Arc<dyn Transport>>,
    clock: Clock,
    handshake: bool,
}

impl P2pBuilder {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            identity: None,
            protocols: None,
            states: States::default(),
            transports: Vec::new(),
            clock: Clock::real(),
            handshake: true,
        }
    }

    /// The key this node proves, instead of the one in the data folder or a new one.
    ///
    /// ```
    /// # use p2p_net::{P2p, ProtocolSet, Settings};
    /// # smol::block_on(async {
    /// use p2p_net::identity::SecretKey;
    ///
    /// let secret = SecretKey::generate()?;
    /// let id = secret.id();
    /// let p2p = P2p::builder(Settings::default()).identity(secret);
    /// let p2p = p2p.protocols(ProtocolSet::empty()).without_handshake().build().await?;
    /// assert_eq!(p2p.id(), id);
    /// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn identity(mut self, secret: SecretKey) -> Self {
        self.identity = Some(secret);
        self
    }

    /// The protocols it runs, instead of all that are linked.
    ///
    /// ```
    /// # use p2p_net::{P2p, ProtocolSet, Settings};
    /// # smol::block_on(async {
    /// let p2p = P2p::builder(Settings::default()).protocols(ProtocolSet::empty()).without_handshake().build().await?;
    /// assert!(p2p.node_info().protocols.is_empty());
    /// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn protocols(mut self, set: ProtocolSet) -> Self {
        self.protocols = Some(set);
        self
    }

    /// The set that was chosen, which is chosen no more.
    #[cfg(feature = "service")]
    pub(crate) fn take_protocols(&mut self) -> Option<ProtocolSet> {
        self.protocols.take()
    }

    /// A value its protocols may ask for as [`State<T>`](crate::State).
    pub fn state<T: Send + Sync + 'static>(self, state: T) -> Self {
        self.shared_state(Arc::new(state))
    }

    /// A value its protocols may ask for as [`State<T>`](crate::State), that others hold too.
    ///
    /// ```
    /// # use p2p_net::{P2p, ProtocolSet, Settings};
    /// # smol::block_on(async {
    /// use std::sync::Arc;
    ///
    /// let shelf = Arc::new(String::from("ours"));
    /// let p2p = P2p::builder(Settings::default()).shared_state(shelf.clone());
    /// let p2p = p2p.protocols(ProtocolSet::empty()).without_handshake().build().await?;
    /// assert_eq!(*p2p.state_of::<String>().ok_or("no state")?, *shelf);
    /// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn shared_state<T: Send + Sync + 'static>(mut self, state: Arc<T>) -> Self {
        self.states.insert(state);
        self
    }

    /// A transport beside or instead of the built-in ones; the settings must still allow its scheme.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transports.push(Arc::new(transport));
        self
    }

    /// Where its time comes from, instead of the machine's clock.
    ///
    /// ```
    /// # use p2p_net::{P2p, ProtocolSet, Settings, clock::Clock};
    /// # smol::block_on(async {
    /// let p2p = P2p::builder(Settings::default()).clock(Clock::simulated());
    /// let p2p = p2p.protocols(ProtocolSet::empty()).without_handshake().build().await?;
    /// assert!(p2p.clock().is_simulated());
    /// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Runs without any handshake protocol: nobody compares networks and versions.
    pub fn without_handshake(mut self) -> Self {
        self.handshake = false;
        self
    }

    /// Makes the node; it is neither listening nor connected yet.
    ///
    /// # Errors
    ///
    /// When a setting is wrong, the identity cannot be read, or the protocols cannot run together.
    ///
    /// # Cancel safety
    ///
    /// When dropped, a new identity may have been written to the data folder.
    pub async fn build(self) -> Result<P2pPtr, NewError> {
        let Self { settings, identity, protocols, mut states, transports, clock, handshake } = self;
        settings.validate()?;
        let protocols = protocols.unwrap_or_else(ProtocolSet::linked);
        let registry = ProtocolRegistry::of(&protocols);
        states.extend(protocols.into_configs());
        registry.complete(&mut states);
        registry.check(&states, handshake, settings.limits.channel_memory)?;
        let secret = match identity {
            Some(secret) => secret,
            None => load_identity(&settings).await?,
        };
        let id = secret.id();
        let mut rng = settings.random_seed.map_or_else(Rng::new, Rng::with_seed);
        let hosts = Hosts::new(&settings, id, clock.clone(), rng.u64(..));
        for url in settings.external.iter().chain(&settings.listen) {
            hosts.add_own(url);
        }
        let events = Events::new(settings.limits.event_queue);
        let tls = TlsTransport::new(&secret, clock.clone());
        let transports = allowed(&settings, &secret, &clock, tls.clone(), transports);
        let gate = Gate::new(&settings.limits, clock.clone());
        Ok(Arc::new_cyclic(|node| P2p {
            id,
            secret,
            peers: Peers::new(id, &settings, events.clone()),
            settings: Arc::new(settings),
            clock,
            rng: Mutex::new(rng),
            transports,
            tls,
            states,
            nodewide: NodeWide::default(),
            registry,
            events,
            hosts,
            live: LiveChannels::default(),
            manual: ManualSession::new(node.clone()),
            inbound: InboundSession::new(node.clone(), gate),
            outbound: OutboundSession::new(node.clone()),
            seed: SeedSession::new(node.clone()),
            running: OnceLock::new(),
            state: Mutex::new(P2pState::Open),
            state_changed: Event::new(),
            stop: Signal::default(),
            panicked: Arc::default(),
        }))
    }
}

/// The identity in the data folder, made there at the first start; without a folder a new one for this run.
async fn load_identity(settings: &Settings) -> Result<SecretKey, NewError> {
    let Some(folder) = settings.data_dir.clone() else { return Ok(SecretKey::generate()?) };
    smol::unblock(move || {
        std::fs::create_dir_all(&folder).map_err(|error| NewError::DataFolder { folder: folder.clone(), error })?;
        Ok(SecretKey::load_or_create(&folder.join(IDENTITY_FILE))?)
    })
    .await
}

/// The transports the settings allow, of those there are.
fn allowed(
    settings: &Settings,
    secret: &SecretKey,
    clock: &Clock,
    tls: TlsTransport,
    own: Vec<Arc<dyn Transport>>,
) -> Transports {
    let mut all = Transports::default().with(tls).with(TcpTransport::new(secret, clock.clone()));
    for transport in own {
        all = all.with_shared(transport);
    }
    all.only(&settings.transports)
}
