//! The trait behind every protocol, written by `#[protocol]` or by hand.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::{Context, ProtocolDescriptor};
use crate::error::Result;

/// One protocol on one channel. First seed: `ProtocolBase`.
pub trait ProtocolBase: Send + Sync + 'static {
    /// The protocol's name, as its descriptor has it.
    fn name(&self) -> &'static str;

    /// Starts the protocol on its channel: spawns what it does on [`Context::jobs`] and returns.
    ///
    /// A protocol of the handshake phase returns when its part of the handshake is done; the protocols of the main phase
    /// start when all of those have.
    ///
    /// # Errors
    ///
    /// An error ends the channel with that error's reason.
    fn start(self: Arc<Self>, context: Context) -> BoxFuture<'static, Result<()>>;
}

/// A type that is a protocol known by a constant: what `#[protocol]` implements, and what a [`ProtocolSet`](crate::ProtocolSet) is composed of.
pub trait Protocol: 'static {
    /// What a node knows of it before it runs.
    const DESCRIPTOR: &'static ProtocolDescriptor;
}
