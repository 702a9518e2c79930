//! A whole node: a network, the services on it, and an RPC by which other processes reach them.
//!
//! A [`Service`] is a value that bundles protocols, APIs and a life (`start`, `stop`). [`#[service]`](macro@crate::service) makes
//! it one. It *is* the state its parts share: its protocols, its APIs and other services take it as [`State`](crate::State) of its type.
//! A [`Node`] is made of any number of them, in order:
//!
//! ```standalone_crate
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use p2p_net::prelude::*;
//! use p2p_net::service::Node;
//!
//! #[derive(Message, Serialize, Deserialize)]
//! #[message(max_bytes = 16)]
//! struct Vote(u32);
//!
//! #[protocol]
//! async fn count(Vote(weight): Vote, election: State<Election>) {
//!     election.sum.fetch_add(weight, Ordering::Relaxed);
//! }
//!
//! struct Results(State<Election>);
//!
//! #[rpc(namespace = "election")]
//! impl Results {
//!     /// The votes so far.
//!     async fn sum(&self) -> u32 {
//!         self.0.sum.load(Ordering::Relaxed)
//!     }
//! }
//!
//! #[derive(Default)]
//! struct Election {
//!     sum: AtomicU32,
//! }
//!
//! #[service(protocols = [count])]
//! impl Election {
//!     #[api]
//!     fn results(&self, election: State<Election>) -> Results {
//!         Results(election)
//!     }
//!
//!     #[start]
//!     async fn begin(&self) {
//!         self.sum.store(7, Ordering::Relaxed);
//!     }
//! }
//!
//! # let ex = std::sync::Arc::new(smol::Executor::new());
//! # smol::block_on(ex.run(async {
//! let node = Node::builder(Settings::default()).service(Election::default());
//! # let node = node.with_p2p(|p2p| p2p.without_handshake());
//! let node = node.build().await?;
//! node.start(&ex).await?;
//! let results = ResultsClient::from(node.attach()?);
//! assert_eq!(results.sum().await?, 7);
//! node.stop().await?;
//! # Ok::<_, Box<dyn std::error::Error>>(()) }))?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! There is no set of services as there is one of protocols: a service is a value with arguments of its own, so an application
//! says which it has where it makes them. What it leaves out is left out with its protocols, though they are linked.

mod api;
mod builder;
mod folder;
mod lifecycle;
mod node;
mod peers;
#[allow(clippy::module_inception, reason = "one concept a file, named after it")]
mod service;
mod settings;

pub use api::{NodeApi, NodeApiClient, NodeService};
pub use builder::{NewError, NodeBuilder};
pub use folder::FolderError;
pub use lifecycle::{Failure, NodeState, NotRunning, StartError, StopError};
pub use node::{NoNode, Node};
pub use peers::{ServiceInfo, ServicePeers};
pub use service::{Claim, IntoApi, Service, ServiceDescriptor, add, protocol};
pub use settings::{ConfigError, NodeSettings, ServiceSettings};
