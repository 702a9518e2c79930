//! Protocols: what one is, which ones a node runs, and what it gives them.
//!
//! The core never names a concrete protocol. A plugin is a [`ProtocolDescriptor`], written by `#[protocol]` or by hand,
//! found through `inventory` or [registered](ProtocolRegistry::register), and turned into one instance per channel.

pub(crate) mod argument;
mod base;
mod context;
mod descriptor;
mod extract;
mod flags;
mod jobs;
mod nodewide;
mod offer;
pub(crate) mod outcome;
mod registry;
mod set;
mod state;

pub use base::{Configure, Protocol, ProtocolBase};
pub use context::{Context, NodeContext};
pub use descriptor::{Construct, Handles, Linked, Make, MakeNode, Phase, ProtocolDescriptor, Requirement, Scope};
pub use extract::{FromChannel, FromNode, NodeArgument};
pub use flags::SessionFlags;
pub use jobs::ProtocolJobsManager;
pub(crate) use jobs::WeakJobs;
pub(crate) use nodewide::NodeWide;
#[cfg(test)]
pub(crate) use offer::Known as OfferKnown;
pub(crate) use offer::Offers;
pub use offer::{Agreement, MAX_OFFERED, Offer, OfferRefused, Refused};
pub use outcome::Signalled;
pub(crate) use registry::Registered;
pub use registry::{BuildError, ProtocolRegistry};
pub use set::ProtocolSet;
pub(crate) use state::States;
pub use state::{Config, State};
