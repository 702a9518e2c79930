//! The node: what an application with services holds.

use std::any::TypeId;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use event_listener::Event;
use smol::{Executor, Task};

use super::builder::NodeBuilder;
use super::folder::FolderLock;
use super::lifecycle::{Failure, NodeState, NotRunning};
use super::service::Service;
use super::settings::NodeSettings;
use crate::error::Result;
use crate::p2p::{NodeInfo, P2pPtr, RunError};
use crate::protocol::{FromNode, Requirement, State};
use crate::rpc::{Apis, Client, Server};
use crate::signal::Signal;

/// A network, the services on it, and their RPC; clones share it.
///
/// It is an extractor too: protocols, and what starts and stops services, take `node: Node`; an API asks [`Node::of`].
///
/// ```
/// # use p2p_net::{ProtocolSet, Settings, service::Node};
/// # let ex = std::sync::Arc::new(smol::Executor::new());
/// # smol::block_on(ex.run(async {
/// let node = Node::builder(Settings::default());
/// # let node = node.protocols(ProtocolSet::empty()).with_p2p(|p2p| p2p.without_handshake());
/// let node = node.build().await?;
/// node.start(&ex).await?;
/// assert_eq!(node.node_info().id, node.p2p().id());
/// node.stop().await?;
/// # Ok::<_, Box<dyn std::error::Error>>(()) }))?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Node(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) p2p: P2pPtr,
    /// In the order in which they start.
    pub(super) services: Vec<Entry>,
    pub(super) apis: Apis,
    pub(super) settings: NodeSettings,
    pub(super) folder: Mutex<Option<FolderLock>>,
    pub(super) running: OnceLock<Running>,
    pub(super) state: Mutex<NodeState>,
    pub(super) state_changed: Event,
    pub(super) stop: Signal,
    pub(super) failures: Mutex<Vec<Failure>>,
}

/// One service of a node.
pub(super) struct Entry {
    pub(super) id: TypeId,
    pub(super) service: Arc<dyn Service>,
    pub(super) namespaces: Vec<&'static str>,
}

/// What there is from `start` on.
pub(super) struct Running {
    pub(super) executor: Arc<Executor<'static>>,
    /// How many services have started, from the first on.
    pub(super) started: Mutex<usize>,
    /// Made when all of them have.
    pub(super) server: OnceLock<Server>,
    pub(super) run: Mutex<Option<Task<std::result::Result<(), RunError>>>>,
}

impl Node {
    /// A node in the making.
    ///
    /// ```
    /// # use p2p_net::{Settings, service::{Node, NodeSettings}};
    /// let plain = Node::builder(Settings::default());
    /// let whole = Node::builder(NodeSettings::default());
    /// ```
    pub fn builder(settings: impl Into<NodeSettings>) -> NodeBuilder {
        NodeBuilder::new(settings.into())
    }

    /// The node whose network this is. An API that needs its node keeps the `P2pPtr` and asks here when it is called: one that
    /// kept the `Node` would be kept by it in turn, for good.
    ///
    /// # Errors
    ///
    /// When the network has no node around it, or not any more, or not yet.
    pub fn of(p2p: &P2pPtr) -> std::result::Result<Self, NoNode> {
        let link: State<Link> = p2p.state_of().ok_or(NoNode::Never)?;
        let node = link.0.get().ok_or(NoNode::NotYet)?;
        node.upgrade().map(Self).ok_or(NoNode::Gone)
    }

    /// Its network.
    pub fn p2p(&self) -> &P2pPtr {
        &self.0.p2p
    }

    /// The service of type `S`, if this node has it.
    pub fn service<S: Service>(&self) -> Option<State<S>> {
        self.0.services.iter().find(|entry| entry.id == TypeId::of::<S>())?;
        self.0.p2p.state_of()
    }

    /// The APIs of its services and its own, over all transports together.
    pub fn apis(&self) -> &Apis {
        &self.0.apis
    }

    /// The server of its RPC, once all services have started.
    pub fn rpc(&self) -> Option<&Server> {
        self.0.running.get()?.server.get()
    }

    /// A client in this process, which may call everything. In go-ethereum: `Attach`.
    ///
    /// # Errors
    ///
    /// When the node has not started, or has stopped.
    pub fn attach(&self) -> std::result::Result<Client, NotRunning> {
        let state = self.state();
        match (self.rpc(), state) {
            (Some(server), NodeState::Running) => Ok(server.client()),
            _ => Err(NotRunning(state)),
        }
    }

    /// What it says of itself.
    pub fn node_info(&self) -> NodeInfo {
        self.0.p2p.node_info()
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &NodeSettings {
        &self.0.settings
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.services.iter().map(|entry| entry.service.descriptor().name).collect();
        write!(f, "Node({} {:?}, services {names:?})", self.0.p2p.id().short(), self.state())
    }
}

/// A network without a node around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoNode {
    /// It was made by itself.
    #[error("this network has no node around it: make it with `Node::builder`")]
    Never,
    /// The node's services are asked for their APIs.
    #[error("the node is not made yet: keep a `P2pPtr`, and ask `Node::of` when called")]
    NotYet,
    /// Nobody holds the node any more.
    #[error("the node of this network is gone")]
    Gone,
}

/// The way from a network to its node; not one that keeps the node.
#[derive(Default)]
pub(super) struct Link(OnceLock<Weak<Inner>>);

impl Link {
    pub(super) fn set(&self, node: &Node) {
        // Set once, by the one that made it.
        let _ = self.0.set(Arc::downgrade(&node.0));
    }
}

impl FromNode for Node {
    const REQUIRES: &'static [Requirement] =
        &[Requirement::State { id: TypeId::of::<Link>, name: || "p2p_net::service::Node" }];

    fn from_node(p2p: &P2pPtr) -> Result<Self> {
        Ok(Self::of(p2p)?)
    }
}
