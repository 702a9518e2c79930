//! Making a node with services.

use std::any::TypeId;
use std::sync::{Arc, Mutex, OnceLock};

use event_listener::Event;

use super::api::NodeApi;
use super::folder::{FolderError, FolderLock};
use super::lifecycle::NodeState;
use super::node::{Entry, Inner, Link, Node};
use super::service::{Claim, Service};
use super::settings::NodeSettings;
use crate::error::{Error, Result};
use crate::p2p::{self, P2p, P2pBuilder, P2pPtr};
use crate::protocol::{ProtocolSet, Requirement};
use crate::rpc::{Admin, Apis, ApisError, RpcSettings};
use crate::settings::SettingsError;
use crate::signal::Signal;

/// A node could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A setting of the RPC is wrong.
    #[error(transparent)]
    Rpc(SettingsError),
    /// Its network cannot be made.
    #[error(transparent)]
    P2p(#[from] p2p::NewError),
    /// Two services of one type.
    #[error("the service `{name}` ({at}) is given twice: a node has one of each type")]
    Twice {
        /// Its name.
        name: &'static str,
        /// Where it is written.
        at: &'static str,
    },
    /// A service asks for what this node does not have.
    #[error(
        "service `{service}` ({at}) needs `State<{state}>`, and nobody gave it: \
         add that service, or `.state(..)`, to the builder"
    )]
    MissingState {
        /// The service.
        service: &'static str,
        /// Where it is written.
        at: &'static str,
        /// The type of the state, or of the service that it would be.
        state: &'static str,
    },
    /// A service does not make its APIs.
    #[error("the APIs of service `{service}` cannot be made: {error}")]
    Apis {
        /// The service.
        service: &'static str,
        /// What its `#[api]` method says.
        error: Error,
    },
    /// Two services have APIs of one namespace, or the RPC settings name one that does not exist.
    #[error(transparent)]
    Namespaces(#[from] ApisError),
}

/// A node in the making; see [`Node::builder`].
#[must_use = "a builder makes nothing until `build` is awaited"]
pub struct NodeBuilder {
    settings: NodeSettings,
    p2p: P2pBuilder,
    services: Vec<(TypeId, Arc<dyn Service>)>,
}

impl NodeBuilder {
    pub(super) fn new(settings: NodeSettings) -> Self {
        Self { p2p: P2p::builder(settings.p2p.clone()), settings, services: Vec::new() }
    }

    /// Adds a service, after those it has.
    pub fn service<S: Service>(self, service: S) -> Self {
        self.shared_service(Arc::new(service))
    }

    /// Adds a service that others hold too, after those it has.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use p2p_net::{prelude::*, service::Node};
    /// # #[derive(Default)] struct Shelf;
    /// # #[service] impl Shelf { #[start] async fn begin(&self) {} }
    /// let shelf = Arc::new(Shelf::default());
    /// let node = Node::builder(Settings::default()).shared_service(shelf.clone());
    /// ```
    pub fn shared_service<S: Service>(mut self, service: Arc<S>) -> Self {
        self.p2p = self.p2p.shared_state(service.clone());
        self.services.push((TypeId::of::<S>(), service));
        self
    }

    /// A value that protocols, services and their APIs may ask for as [`State<T>`](crate::State).
    pub fn state<T: Send + Sync + 'static>(self, state: T) -> Self {
        self.shared_state(Arc::new(state))
    }

    /// The same with a value that others hold too.
    pub fn shared_state<T: Send + Sync + 'static>(self, state: Arc<T>) -> Self {
        self.with_p2p(|p2p| p2p.shared_state(state))
    }

    /// The protocols it runs beside those of its services, instead of all that are linked and belong to no service.
    pub fn protocols(self, set: ProtocolSet) -> Self {
        self.with_p2p(|p2p| p2p.protocols(set))
    }

    /// Where its APIs are offered, and to whom; default: in process.
    pub fn rpc(mut self, settings: RpcSettings) -> Self {
        self.settings.rpc = settings;
        self
    }

    /// Whatever else the network can be told: an identity, transports, a clock.
    pub fn with_p2p(mut self, change: impl FnOnce(P2pBuilder) -> P2pBuilder) -> Self {
        self.p2p = change(self.p2p);
        self
    }

    /// Makes the node; it neither listens nor answers yet. With a data folder, it holds that folder from now until it has
    /// stopped, or is dropped without a start.
    ///
    /// # Errors
    ///
    /// When another node uses the data folder, a setting is wrong, or the services cannot run together.
    ///
    /// # Cancel safety
    ///
    /// When dropped, a new identity may have been written to the data folder.
    pub async fn build(self) -> Result<Node, NewError> {
        let Self { settings, mut p2p, services } = self;
        no_twins(&services)?;
        settings.rpc_in_folder().validate().map_err(|error| NewError::Rpc(error.within("rpc")))?;
        let folder = match settings.p2p.data_dir.clone() {
            Some(folder) => Some(FolderLock::take(folder).await?),
            None => None,
        };
        let (link, set) = (Arc::new(Link::default()), protocols(p2p.take_protocols(), &services));
        let p2p = p2p.protocols(set).shared_state(link.clone()).build().await?;
        check(&p2p, &services)?;
        let (mut all, mut entries) = (own_apis(&p2p)?, Vec::new());
        for (id, service) in services {
            let name = service.descriptor().name;
            let apis = service.apis(&p2p).map_err(|error| NewError::Apis { service: name, error })?;
            entries.push(Entry { id, service, namespaces: apis.namespaces() });
            all = all.and(apis)?;
        }
        let node = Node(Arc::new(Inner {
            p2p,
            services: entries,
            apis: all,
            settings,
            folder: Mutex::new(folder),
            running: OnceLock::new(),
            state: Mutex::new(NodeState::Open),
            state_changed: Event::new(),
            stop: Signal::default(),
            failures: Mutex::default(),
        }));
        link.set(&node);
        Ok(node)
    }
}

/// What every node can offer; a transport does when its allow-list says so.
fn own_apis(p2p: &P2pPtr) -> Result<Apis, ApisError> {
    Apis::new().with(Admin::new(p2p.clone()))?.with(NodeApi::new(p2p.clone()))
}

fn no_twins(services: &[(TypeId, Arc<dyn Service>)]) -> Result<(), NewError> {
    for (at, (id, service)) in services.iter().enumerate() {
        if services.iter().take(at).any(|(other, _)| other == id) {
            let about = service.descriptor();
            return Err(NewError::Twice { name: about.name, at: about.at });
        }
    }
    Ok(())
}

/// What was chosen, or what is linked and belongs to no service; and what belongs to these services.
fn protocols(chosen: Option<ProtocolSet>, services: &[(TypeId, Arc<dyn Service>)]) -> ProtocolSet {
    let others = || {
        let claimed = inventory::iter::<Claim>.into_iter().flat_map(|claim| claim.0);
        claimed.fold(ProtocolSet::linked(), |set, known| set.without_known(known))
    };
    let own = services.iter().flat_map(|(_, service)| service.descriptor().protocols);
    own.fold(chosen.unwrap_or_else(others), |set, known| set.with_known(known))
}

fn check(p2p: &P2pPtr, services: &[(TypeId, Arc<dyn Service>)]) -> Result<(), NewError> {
    for (_, service) in services {
        let about = service.descriptor();
        let missing = about.requires.iter().copied().flatten().find(|requirement| !p2p.meets(requirement));
        if let Some(Requirement::State { name, .. }) = missing {
            return Err(NewError::MissingState { service: about.name, at: about.at, state: name() });
        }
    }
    Ok(())
}
