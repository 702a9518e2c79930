//! The trait behind every protocol, written by `#[protocol]` or by hand.

use std::any::Any;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::{Context, NodeContext, ProtocolDescriptor};
use crate::error::Result;

/// One protocol on one channel, or on all channels of a node. In DarkFi: `ProtocolBase`.
///
/// ```
/// use std::sync::Arc;
/// use futures::FutureExt;
/// use futures::future::BoxFuture;
/// use p2p_net::prelude::*;
/// use p2p_net::protocol::{Context, ProtocolBase};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
///
/// struct Chat;
///
/// impl ProtocolBase for Chat {
///     fn name(&self) -> &'static str {
///         "chat"
///     }
///
///     fn start(self: Arc<Self>, context: Context) -> BoxFuture<'static, Result<()>> {
///         let channel = context.channel().clone();
///         context.jobs().spawn(async move { Ok(channel.send(&Say("hello".to_owned())).await?) });
///         async { Ok(()) }.boxed()
///     }
/// }
/// ```
pub trait ProtocolBase: Any + Send + Sync {
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

    /// Starts what a protocol with one instance a node does for itself, once: when the node listens and has not visited its
    /// seeds yet. What it spawns on [`NodeContext::jobs`] runs until the node stops.
    ///
    /// # Errors
    ///
    /// An error is logged.
    fn start_on_node(self: Arc<Self>, context: NodeContext) -> BoxFuture<'static, Result<()>> {
        drop(context);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A protocol that can be [configured](crate::ProtocolSet::configure): what `#[protocol(config = Type)]` implements.
#[diagnostic::on_unimplemented(
    message = "the protocol `{Self}` has no config",
    label = "nothing to configure",
    note = "declare one with `#[protocol(config = Type)]` on `{Self}`"
)]
pub trait Configure: Protocol {
    /// Its config.
    type Config: Clone + Default + Send + Sync + 'static;
}

/// A type that is a protocol known by a constant: what `#[protocol]` implements, and what a [`ProtocolSet`](crate::ProtocolSet) is composed of.
pub trait Protocol: 'static {
    /// What a node knows of it before it runs.
    const DESCRIPTOR: &'static ProtocolDescriptor;
}
