//! What a service is to the node: constant data, the APIs it brings, how it begins and ends.

use std::sync::Arc;

use futures::future::{BoxFuture, ready};

use crate::error::Result;
use crate::p2p::P2pPtr;
use crate::protocol::{Protocol, ProtocolDescriptor, Requirement, State};
use crate::rpc::{Api, Apis};

/// Protocols, APIs, state and a life, as one part of a node. [`#[service]`](macro@crate::service) writes this impl.
///
/// The node holds one value of each type, and gives it to protocols, APIs and other services as [`State`] of that type.
///
/// By hand, it is this:
///
/// ```
/// use futures::FutureExt;
/// use futures::future::BoxFuture;
/// use p2p_net::prelude::*;
/// use p2p_net::service::{Service, ServiceDescriptor};
///
/// struct Greeter;
///
/// impl Service for Greeter {
///     fn descriptor(&self) -> &'static ServiceDescriptor {
///         &ServiceDescriptor { name: "greeter", protocols: &[], requires: &[], at: "here", docs: "" }
///     }
///
///     fn start<'a>(&'a self, node: &'a P2pPtr) -> BoxFuture<'a, Result<()>> {
///         async move { Ok(log::info!("hello from {}", node.id().short())) }.boxed()
///     }
/// }
/// ```
pub trait Service: Send + Sync + 'static {
    /// What the node knows of it before it starts.
    fn descriptor(&self) -> &'static ServiceDescriptor;

    /// The APIs it brings; asked for once, when the node is made, which has its protocols and states then and runs nothing.
    ///
    /// # Errors
    ///
    /// Two APIs of one namespace, and what its own code says; the node is not made.
    fn apis(&self, node: &P2pPtr) -> Result<Apis> {
        let _ = node;
        Ok(Apis::new())
    }

    /// Begins: the node listens and has visited its seeds, and no peer has reached it yet.
    ///
    /// # Errors
    ///
    /// Its own; the node does not start, and those that did are stopped.
    ///
    /// # Cancel safety
    ///
    /// Dropped when the node is stopped meanwhile; `stop` is not called for it then.
    fn start<'a>(&'a self, node: &'a P2pPtr) -> BoxFuture<'a, Result<()>> {
        let _ = node;
        Box::pin(ready(Ok(())))
    }

    /// Ends: its APIs are not called any more, and its peers are still there.
    ///
    /// # Errors
    ///
    /// Its own; they are told by `stop` of the node and keep nothing else from ending.
    ///
    /// # Cancel safety
    ///
    /// Dropped after [`ServiceSettings::stop_timeout`](super::ServiceSettings::stop_timeout).
    fn stop<'a>(&'a self, node: &'a P2pPtr) -> BoxFuture<'a, Result<()>> {
        let _ = node;
        Box::pin(ready(Ok(())))
    }
}

/// A service as constant data: what a node knows of it before it starts.
#[derive(Debug, Clone, Copy)]
pub struct ServiceDescriptor {
    /// Its name, in errors and logs.
    pub name: &'static str,
    /// The protocols it brings.
    pub protocols: &'static [&'static ProtocolDescriptor],
    /// What its own methods need from the node; its protocols say so themselves.
    pub requires: &'static [&'static [Requirement]],
    /// Where it is written, as `file:line`.
    pub at: &'static str,
    /// What its author says about it, or nothing.
    pub docs: &'static str,
}

/// Protocols that belong to a service: a node without it runs none of them. `#[service]` submits one.
#[derive(Debug)]
pub struct Claim(pub &'static [&'static ProtocolDescriptor]);

inventory::collect!(Claim);

/// What a method under `#[api]` returns: an API, one that others hold too, or a [`Result`] of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no API",
    label = "not an API",
    note = "an `#[api]` method returns a type with `#[rpc(namespace = \"..\")]` on its impl, an `Arc` or a `State` of it, or a `Result` of one"
)]
pub trait IntoApi {
    /// The API.
    ///
    /// # Errors
    ///
    /// The method's own.
    fn into_api(self) -> Result<Arc<dyn Api>>;
}

impl<A: Api> IntoApi for A {
    fn into_api(self) -> Result<Arc<dyn Api>> {
        Ok(Arc::new(self))
    }
}

impl<A: Api> IntoApi for Arc<A> {
    fn into_api(self) -> Result<Arc<dyn Api>> {
        Ok(self)
    }
}

impl<A: Api> IntoApi for State<A> {
    fn into_api(self) -> Result<Arc<dyn Api>> {
        Ok(self.into_shared())
    }
}

impl<A: IntoApi> IntoApi for Result<A> {
    fn into_api(self) -> Result<Arc<dyn Api>> {
        self?.into_api()
    }
}

/// These APIs and one more; for the code of `#[service]`.
///
/// # Errors
///
/// The API's own, and a namespace that is taken.
pub fn add(apis: Apis, api: impl IntoApi) -> Result<Apis> {
    Ok(apis.with_shared(api.into_api()?)?)
}

/// What is known of the protocol `P`; for the code of `#[service]`.
pub const fn protocol<P: Protocol>() -> &'static ProtocolDescriptor {
    P::DESCRIPTOR
}
