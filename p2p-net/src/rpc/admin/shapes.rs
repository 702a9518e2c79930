//! What `admin` answers, in geth's shapes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::channel::PeerInfo;
use crate::node_url::NodeUrl;
use crate::p2p::P2p;

/// The answer of `admin_nodeInfo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AdminNodeInfo {
    /// Its public key.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// Its URL, which others dial; empty when it does not listen.
    pub enode: String,
    /// The host of that URL; empty when it does not listen.
    pub ip: String,
    /// Its ports.
    pub ports: AdminPorts,
    /// Where it listens, as `host:port`; empty when it does not.
    pub listen_addr: String,
    /// The protocols it runs.
    pub protocols: BTreeMap<String, AdminProtocol>,
}

/// The ports of a node; 0 when it does not listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AdminPorts {
    /// Where it is asked for other nodes: over the same connection as everything else, so the same port.
    pub discovery: u16,
    /// Where it takes connections.
    pub listener: u16,
}

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AdminProtocol {
    /// The version that is run, or the highest of several.
    pub version: u16,
}

/// An element of the answer of `admin_peers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AdminPeer {
    /// Its public key.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// The protocols both ends run, as `name/version`.
    pub caps: Vec<String>,
    /// Its URL: the one that was dialled, or else the first it says it listens at; empty when there is neither.
    pub enode: String,
    /// The connection.
    pub network: AdminPeerNetwork,
    /// The protocols both ends run.
    pub protocols: BTreeMap<String, AdminProtocol>,
}

/// The connection to a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AdminPeerNetwork {
    /// This end: where the peer sees it, or else where this node listens; empty when neither is known.
    pub local_address: String,
    /// The other end, as this one sees it.
    pub remote_address: String,
    /// Whether the peer dialled.
    pub inbound: bool,
    /// Whether it is admitted however many peers there are.
    pub trusted: bool,
    /// Whether the connection is kept up.
    #[serde(rename = "static")]
    pub is_static: bool,
}

impl AdminNodeInfo {
    /// What `admin_nodeInfo` answers for `p2p`, for who is in its process.
    pub fn of(p2p: &P2p) -> Self {
        let info = p2p.node_info();
        let listen = info.listen.first();
        let port = listen.map_or(0, NodeUrl::port);
        Self {
            id: info.id.to_string(),
            name: info.name,
            ip: info.url.as_ref().map(|url| url.host().to_owned()).unwrap_or_default(),
            enode: info.url.as_ref().map(NodeUrl::to_string).unwrap_or_default(),
            ports: AdminPorts { discovery: port, listener: port },
            listen_addr: listen.map(address).unwrap_or_default(),
            protocols: protocols(&info.protocols),
        }
    }
}

impl AdminPeer {
    /// `listen` is where this node listens.
    pub(super) fn of(peer: &PeerInfo, listen: Option<&NodeUrl>) -> Self {
        let url = peer.url.as_ref().or(peer.listen.first());
        let ours =
            if peer.observed.is_empty() { listen.map(address).unwrap_or_default() } else { peer.observed.clone() };
        Self {
            id: peer.id.to_string(),
            name: peer.name.clone(),
            caps: peer.protocols.clone(),
            enode: url.map(|url| url.with_id(peer.id).to_string()).unwrap_or_default(),
            network: AdminPeerNetwork {
                local_address: ours,
                remote_address: peer.remote.clone(),
                inbound: peer.inbound,
                trusted: peer.trusted,
                is_static: peer.is_static,
            },
            protocols: protocols(&peer.protocols),
        }
    }
}

/// `host:port`, an IPv6 address in brackets.
fn address(url: &NodeUrl) -> String {
    let (host, port) = (url.host(), url.port());
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// `name/version` as geth's map of names.
fn protocols(names: &[String]) -> BTreeMap<String, AdminProtocol> {
    let mut protocols = BTreeMap::new();
    for (name, version) in names.iter().filter_map(|name| name.rsplit_once('/')) {
        let version = version.parse().unwrap_or_default();
        let known = protocols.entry(name.to_owned()).or_insert(AdminProtocol { version });
        known.version = known.version.max(version);
    }
    protocols
}
