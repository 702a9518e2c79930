//! How much use each service has: who runs its protocols with this node.

use std::any::TypeId;
use std::collections::BTreeSet;

use serde::Serialize;

use super::node::{Entry, Node};
use super::service::Service;
use crate::identity::NodeId;

/// Who runs the protocols of a service with this node; a service without protocols has no peers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServicePeers {
    /// Those who run one at least, by id.
    pub any: Vec<NodeId>,
    /// Those who run every one, by id.
    pub all: Vec<NodeId>,
}

/// What a node says of one of its services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// Its name.
    pub name: &'static str,
    /// Whether it has started, and not stopped since.
    pub started: bool,
    /// Its protocols, as `name/version`.
    pub protocols: Vec<String>,
    /// The namespaces of its APIs.
    pub namespaces: Vec<&'static str>,
    /// How many peers run one of its protocols at least.
    pub peers_any: usize,
    /// How many peers run every one of them.
    pub peers_all: usize,
}

impl Node {
    /// Its services, in the order in which they start.
    pub fn services(&self) -> Vec<ServiceInfo> {
        let started = self.started();
        let info = |(at, entry): (usize, &Entry)| {
            let (about, peers) = (entry.service.descriptor(), self.peers_at(entry));
            ServiceInfo {
                name: about.name,
                started: at < started,
                protocols: about.protocols.iter().map(|known| format!("{}/{}", known.name, known.version)).collect(),
                namespaces: entry.namespaces.clone(),
                peers_any: peers.any.len(),
                peers_all: peers.all.len(),
            }
        };
        self.0.services.iter().enumerate().map(info).collect()
    }

    /// The peers of a service; none when this node has no such service.
    ///
    /// See [`P2p::peers_with`](crate::P2p::peers_with) for what counts as running a protocol.
    pub fn peers_of<S: Service>(&self) -> ServicePeers {
        let entry = self.0.services.iter().find(|entry| entry.id == TypeId::of::<S>());
        entry.map(|entry| self.peers_at(entry)).unwrap_or_default()
    }

    fn peers_at(&self, entry: &Entry) -> ServicePeers {
        // Versions of one protocol are one: a peer runs it in the highest that both have.
        let names: BTreeSet<_> = entry.service.descriptor().protocols.iter().map(|known| known.name).collect();
        let mut running = names.iter().map(|name| BTreeSet::from_iter(self.p2p().peers_running(name)));
        let Some(first) = running.next() else { return ServicePeers::default() };
        let (any, all) = running.fold((first.clone(), first), |(any, all), more| (&any | &more, &all & &more));
        ServicePeers { any: Vec::from_iter(any), all: Vec::from_iter(all) }
    }
}
