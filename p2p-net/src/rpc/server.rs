//! Offers APIs over the transports of the settings, from start to stop.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use smol::Executor;

use super::apis::{Apis, ApisError};
use super::client::Client;
use super::connection::serve;
use super::dispatch::Dispatch;
use super::listener::{self, Bound};
use super::settings::{RpcLimits, RpcSettings};
use super::transport::in_process;
#[cfg(unix)]
use super::transport::unix::SocketError;
use crate::clock::Clock;
use crate::settings::SettingsError;
use crate::signal::Signal;
use crate::tasks::TaskGroup;

/// A server that did not start.
///
/// ```
/// use p2p_net::rpc::{Apis, RpcSettings, Server, TcpSettings};
///
/// # let ex = std::sync::Arc::new(smol::Executor::new());
/// # smol::block_on(async {
/// let settings = RpcSettings { tcp: Some(TcpSettings::offering(["chat"])), ..RpcSettings::default() };
/// let error = Server::start(Apis::new(), settings, &ex).await.unwrap_err();
/// assert_eq!(error.to_string(), "`tcp.apis`: there is no API `chat` to offer: there are none");
/// # });
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A transport is to offer what does not exist.
    #[error("`{field}`: {error}")]
    Apis {
        /// The setting.
        field: &'static str,
        /// What is wrong.
        #[source]
        error: ApisError,
    },
    /// The Unix socket cannot be made.
    #[cfg(unix)]
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// There are no Unix sockets on this system.
    #[error("`ipc`: this system has no Unix sockets: use `tcp`")]
    NoUnixSockets,
    /// A port cannot be listened at.
    #[error("`{field}`: cannot listen at {address}: {error}")]
    Listen {
        /// The setting.
        field: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
}

/// A set of APIs that is offered; clones share it.
///
/// ```
/// use p2p_net::prelude::*;
/// use p2p_net::rpc::{Apis, Client, RpcSettings, Server, TcpSettings};
///
/// struct Foo;
///
/// #[rpc(namespace = "foo")]
/// impl Foo {
///     async fn ping(&self) -> String {
///         "pong".to_owned()
///     }
/// }
///
/// # let ex = std::sync::Arc::new(smol::Executor::new());
/// # smol::block_on(ex.run(async {
/// let settings = RpcSettings { tcp: Some(TcpSettings::offering(["foo"])), ..RpcSettings::default() };
/// let server = Server::start(Apis::new().with(Foo)?, settings, &ex).await?;
/// let address = server.tcp().ok_or("not listening")?;
/// let foo = FooClient::from(Client::connect(&ex, &format!("tcp://{address}")).await?);
/// assert_eq!(foo.ping().await?, "pong");
/// server.stop().await;
/// # Ok::<_, Box<dyn std::error::Error>>(()) }))?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    apis: Apis,
    limits: RpcLimits,
    clock: Clock,
    executor: Arc<Executor<'static>>,
    tasks: TaskGroup,
    stop: Signal,
    bound: Bound,
}

impl Server {
    /// Offers `apis` as the settings say, on the machine's clock.
    ///
    /// # Errors
    ///
    /// When a setting is wrong, or a transport cannot listen; then none does.
    ///
    /// # Cancel safety
    ///
    /// When dropped, nothing is offered.
    pub async fn start(apis: Apis, settings: RpcSettings, ex: &Arc<Executor<'static>>) -> Result<Self, StartError> {
        Self::start_with_clock(apis, settings, Clock::real(), ex).await
    }

    /// The same on the clock of a node, which a simulation drives.
    ///
    /// # Errors
    ///
    /// As those of [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// When dropped, nothing is offered.
    pub async fn start_with_clock(
        apis: Apis,
        settings: RpcSettings,
        clock: Clock,
        ex: &Arc<Executor<'static>>,
    ) -> Result<Self, StartError> {
        settings.validate()?;
        let executor = ex.clone();
        let tasks = TaskGroup::new(ex.clone(), |task, text| log::error!(target: "net", "rpc: {task} panicked: {text}"));
        let (listeners, bound) = listener::bind(&apis, &settings).await?;
        let stop = Signal::default();
        for listener in listeners {
            listener.run(&settings.limits, &clock, &tasks, &stop);
        }
        Ok(Self(Arc::new(Inner { apis, limits: settings.limits, clock, executor, tasks, stop, bound })))
    }

    /// What it offers, all transports together.
    pub fn apis(&self) -> &Apis {
        &self.0.apis
    }

    /// The path of its Unix socket, if it has one.
    pub fn ipc(&self) -> Option<&Path> {
        self.0.bound.ipc.as_deref()
    }

    /// Where it listens for TCP, with the port it really has.
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.0.bound.tcp
    }

    /// Where it listens for HTTP, with the port it really has.
    pub fn http(&self) -> Option<SocketAddr> {
        self.0.bound.http
    }

    /// Where it listens for WebSocket, with the port it really has.
    pub fn websocket(&self) -> Option<SocketAddr> {
        self.0.bound.websocket
    }

    /// A client in this process; it may call everything, and its connection ends with the server.
    pub fn client(&self) -> Client {
        let inner = &self.0;
        let ((incoming, outgoing), (from, to)) = in_process::pair();
        let dispatch = Dispatch { apis: inner.apis.clone(), limits: inner.limits.clone(), clock: inner.clock.clone() };
        let served = serve(Arc::new(dispatch), inner.executor.clone(), inner.stop.clone(), from, to);
        inner.tasks.spawn("an rpc connection in process", served);
        Client::over(&inner.executor, inner.clock.clone(), incoming, outgoing)
    }

    /// How many tasks of it have not ended; 0 after [`stop`](Self::stop).
    pub fn task_count(&self) -> usize {
        self.0.tasks.len()
    }

    /// Stops listening, ends every connection, and returns when nothing is left; calls under way end without an answer.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the server stops all the same.
    pub async fn stop(&self) {
        self.0.stop.give();
        self.0.tasks.ended().await;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({:?}, {} tasks)", self.0.apis, self.task_count())
    }
}
