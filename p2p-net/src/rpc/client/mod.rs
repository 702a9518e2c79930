//! The other end: calls the APIs of a server, in this process or another.

mod connect;
mod error;
mod http;
mod link;
mod size;
mod subscription;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use smol::Executor;

pub use error::{CallError, SubscriptionError};
pub use subscription::Subscription;

use super::error::RpcError;
use super::transport::{Incoming, Outgoing};
use super::wire::Params;
use crate::clock::Clock;
use http::Endpoint;
use link::Link;

/// How long a call waits for its answer, unless the client says otherwise: twice the server's default, so that the server's
/// own answer, which says more, comes first.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of an answer or a notification that a client takes: more than any server sends by default.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// A client of a server's APIs; clones share the connection, which ends with the last of them.
///
/// [`#[rpc]`](macro@crate::rpc) writes a typed client around it; by itself it calls any method of any JSON-RPC 2.0 server:
///
/// ```
/// # use p2p_net::{prelude::*, rpc::{Apis, RpcSettings, Server}};
/// # struct Foo;
/// # #[rpc(namespace = "foo")] impl Foo { async fn add(&self, a: i64, b: i64) -> i64 { a + b } }
/// # let ex = std::sync::Arc::new(smol::Executor::new());
/// # smol::block_on(ex.run(async {
/// # let server = Server::start(Apis::new().with(Foo)?, RpcSettings::default(), &ex).await?;
/// let client = server.client();
/// let sum: i64 = client.call("foo_add", serde_json::json!([40, 2])).await?;
/// assert_eq!(sum, 42);
/// let by_name: i64 = client.call("foo_add", serde_json::json!({ "b": 2, "a": 40 })).await?;
/// assert_eq!(by_name, 42);
/// # Ok::<_, Box<dyn std::error::Error>>(()) }))?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    way: Way,
    clock: Clock,
    patience: Duration,
}

/// How calls reach the server.
#[derive(Debug, Clone)]
enum Way {
    /// Over a connection that stays.
    Link(Arc<Link>),
    /// Each by a POST.
    Post(Arc<Endpoint>),
}

impl Client {
    /// A client over a connection that stays, which `executor` runs.
    pub(crate) fn over(
        executor: &Arc<Executor<'static>>,
        clock: Clock,
        incoming: impl Incoming,
        outgoing: impl Outgoing,
    ) -> Self {
        Self { way: Way::Link(Link::new(executor, incoming, outgoing)), clock, patience: PATIENCE }
    }

    fn by_post(endpoint: Endpoint) -> Self {
        Self { way: Way::Post(Arc::new(endpoint)), clock: Clock::real(), patience: PATIENCE }
    }

    /// The same connection, with another time that each call may wait for its answer; default 60 s.
    #[must_use]
    pub fn with_timeout(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Calls a method.
    ///
    /// # Errors
    ///
    /// What the method or the server answers; that the connection is lost, or no answer came in time; that the answer is no `T`.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the server may have run the method or not; its answer is ignored.
    pub async fn call<T: DeserializeOwned>(&self, method: &str, params: impl Into<Params>) -> Result<T, CallError> {
        let value = match &self.way {
            Way::Link(link) => self.waited(link.call(method, params.into())).await??,
            Way::Post(endpoint) => self.waited(endpoint.call(method, params.into())).await??,
        };
        serde_json::from_value(value).map_err(|error| CallError::decode(method, &error))
    }

    /// Calls a method without waiting for an answer: there is none, and nobody says whether it ran.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    ///
    /// # Cancel safety
    ///
    /// When dropped, it may have been sent or not.
    pub async fn notify(&self, method: &str, params: impl Into<Params>) -> Result<(), CallError> {
        match &self.way {
            Way::Link(link) => self.waited(link.notify(method, params.into())).await?,
            Way::Post(endpoint) => self.waited(endpoint.notify(method, params.into())).await?,
        }
    }

    /// Calls several methods in one message; their answers, in the order of the calls.
    ///
    /// # Errors
    ///
    /// When the server refuses the whole batch, the connection is lost, or not all answers come in time.
    ///
    /// # Cancel safety
    ///
    /// As that of [`call`](Self::call).
    pub async fn batch(&self, calls: Vec<(String, Params)>) -> Result<Vec<Result<Value, RpcError>>, CallError> {
        match &self.way {
            Way::Link(link) => self.waited(link.batch(calls)).await?,
            Way::Post(endpoint) => self.waited(endpoint.batch(calls)).await?,
        }
    }

    /// Begins a subscription: `name` of the APIs in `namespace`, with the arguments it takes.
    ///
    /// # Errors
    ///
    /// As those of [`call`](Self::call).
    ///
    /// # Cancel safety
    ///
    /// When dropped, the server may send notifications that nobody reads until the connection ends.
    pub async fn subscribe<T: DeserializeOwned>(
        &self,
        namespace: &str,
        name: &str,
        arguments: Vec<Value>,
    ) -> Result<Subscription<T>, CallError> {
        let params = Params::Positional([Value::from(name)].into_iter().chain(arguments).collect());
        let Way::Link(link) = &self.way else { return Err(CallError::NotSupported) };
        let queue = self.waited(link.subscribe(namespace, params)).await??;
        Ok(Subscription::new(link.clone(), queue))
    }

    async fn waited<F: Future>(&self, answer: F) -> Result<F::Output, CallError> {
        self.clock.timeout(self.patience, answer).await.map_err(|timed_out| CallError::TimedOut(timed_out.0))
    }
}

/// An argument, as JSON; for the clients that `#[rpc]` writes.
///
/// # Errors
///
/// When it has no form in JSON, such as a map whose keys are lists.
pub fn encode<T: Serialize>(method: &str, argument: T) -> Result<Value, CallError> {
    serde_json::to_value(argument)
        .map_err(|error| CallError::Encode { method: method.to_owned(), problem: error.to_string() })
}
