//! From start to stop of a node: the network first, then the services in order, the RPC last; and back.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, OptionFuture};
use smol::Executor;

use super::node::{Entry, Node, Running};
use crate::error::{Error, Result};
use crate::p2p::{self, RunError};
use crate::rpc::{self, Server};
use crate::tasks::panic_text;

/// Where a node is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeState {
    /// Made, not started.
    Open,
    /// `start` is at work.
    Starting,
    /// Started: peers connect, all services have started, its RPC answers.
    Running,
    /// Stopped, for good.
    Stopped,
}

/// A node did not start; then it has stopped, and nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It has been started before.
    #[error("the node is in state {0:?}: `start` comes first, and once; make a new node to start again")]
    State(NodeState),
    /// It was stopped meanwhile.
    #[error("the node was stopped while it started")]
    Stopped,
    /// Its network did not start.
    #[error(transparent)]
    P2p(#[from] p2p::StartError),
    /// A service did not start.
    #[error("service `{service}` does not start: {error}")]
    Service {
        /// Its name.
        service: &'static str,
        /// What its `start` says.
        error: Error,
    },
    /// Its RPC does not listen.
    #[error("the RPC does not start: {0}")]
    Rpc(#[from] rpc::StartError),
}

/// There is nobody to answer calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node is in state {0:?}: its APIs answer from `start` to `stop`")]
pub struct NotRunning(pub NodeState);

/// Something that went wrong until a node had stopped; it has stopped all the same.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// The service whose `stop` failed; none: a task of the network panicked, which is a fault of this library.
    pub service: Option<&'static str>,
    /// What it says.
    pub error: Arc<Error>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.service {
            Some(service) => write!(f, "service `{service}` did not stop well: {}", self.error),
            None => self.error.fmt(f),
        }
    }
}

/// What went wrong until a node had stopped, in the order in which it happened.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .0.iter().map(Failure::to_string).collect::<Vec<_>>().join("; "))]
pub struct StopError(pub Vec<Failure>);

/// Says that `start` is over, however it ends: a shutdown waits for that.
struct Starting<'a>(&'a Node);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.set_state(NodeState::Running);
    }
}

impl Node {
    /// Starts the network, which listens and visits its seeds; then the services, one after the other; then lets peers connect,
    /// and answers calls.
    ///
    /// # Errors
    ///
    /// When it is not the first call, the node is stopped meanwhile, or one of them does not start: then those that did are
    /// stopped, last first.
    ///
    /// # Cancel safety
    ///
    /// When dropped the node cannot be started again; stop it to free what it holds.
    pub async fn start(&self, ex: &Arc<Executor<'static>>) -> Result<(), StartError> {
        self.open_to_starting(ex)?;
        let starting = Starting(self);
        let outcome = self.0.stop.unless(self.start_up(ex)).await;
        drop(starting);
        match outcome {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                // What else goes wrong then is in the log; this came first.
                let _ = self.stop().await;
                Err(error)
            }
            None => {
                let _ = self.stop().await;
                Err(StartError::Stopped)
            }
        }
    }

    fn open_to_starting(&self, ex: &Arc<Executor<'static>>) -> Result<(), StartError> {
        let mut state = self.lock_state();
        if *state != NodeState::Open {
            return Err(StartError::State(*state));
        }
        let (started, server, run) = (Mutex::default(), OnceLock::new(), Mutex::default());
        // The state says that this is the first time.
        let _ = self.0.running.set(Running { executor: ex.clone(), started, server, run });
        *state = NodeState::Starting;
        Ok(())
    }

    async fn start_up(&self, ex: &Arc<Executor<'static>>) -> Result<(), StartError> {
        let (p2p, Some(running)) = (&self.0.p2p, self.0.running.get()) else { return Err(StartError::Stopped) };
        p2p.clone().start(ex.clone()).await?;
        self.follow(ex);
        for Entry { service, .. } in &self.0.services {
            let name = service.descriptor().name;
            let outcome = guarded(|| service.start(p2p)).await;
            outcome.map_err(|error| StartError::Service { service: name, error })?;
            *lock(&running.started) += 1;
        }
        *lock(&running.run) = Some(ex.spawn(p2p.clone().run(ex.clone())));
        let (apis, settings, clock) = (self.0.apis.clone(), self.0.settings.rpc_in_folder(), p2p.clock().clone());
        let server = Server::start_with_clock(apis, settings, clock, ex).await?;
        let _ = running.server.set(server);
        Ok(())
    }

    /// A network that somebody stops by itself takes its services along.
    fn follow(&self, ex: &Arc<Executor<'static>>) {
        let (node, stopping) = (Arc::downgrade(&self.0), self.0.p2p.subscribe_stop());
        let follow = async move {
            stopping.receive().await;
            if let Some(node) = node.upgrade() {
                // Whatever goes wrong, whoever asks is told.
                let _ = Self(node).stop().await;
            }
        };
        ex.spawn(follow).detach();
    }

    /// Stops the RPC, then the services, last first, then the network, which tells its peers.
    ///
    /// May be called at any time, any number of times, by any task; one that it ends, such as that of a call, is ended by it. When
    /// it returns nothing of the node is left, and another may start at the same port and in the same folder. It waits for a
    /// `start` that is at work to give up.
    ///
    /// # Errors
    ///
    /// What went wrong, the same for everyone who calls it; the node has stopped all the same.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the node stops all the same.
    pub async fn stop(&self) -> Result<(), StopError> {
        if self.0.stop.give() {
            self.shut_down_when_started().await;
        }
        self.stopped().await
    }

    /// Waits until the node has stopped, whoever stops it.
    ///
    /// # Errors
    ///
    /// As those of [`stop`](Self::stop).
    ///
    /// # Cancel safety
    ///
    /// Safe: the node is not stopped by it.
    pub async fn stopped(&self) -> Result<(), StopError> {
        self.until(|state| state == NodeState::Stopped).await;
        let failures = lock(&self.0.failures).clone();
        if failures.is_empty() { Ok(()) } else { Err(StopError(failures)) }
    }

    /// The one shutdown runs in a task of nobody: whoever asked for it may be among those it ends.
    async fn shut_down_when_started(&self) {
        let node = self.clone();
        {
            let mut state = self.lock_state();
            match self.0.running.get() {
                Some(running) => return running.executor.spawn(async move { node.shut_down().await }).detach(),
                None => {
                    drop(lock(&self.0.folder).take());
                    *state = NodeState::Stopped;
                }
            }
        }
        self.0.state_changed.notify(usize::MAX);
        self.0.p2p.stop().await;
    }

    async fn shut_down(self) {
        // `start` sees the signal and returns; what it was starting is then there to be ended.
        self.until(|state| state != NodeState::Starting).await;
        if let Some(running) = self.0.running.get() {
            if let Some(server) = running.server.get() {
                server.stop().await;
            }
            self.stop_services(running).await;
            self.0.p2p.stop().await;
            let run = lock(&running.run).take();
            if let Some(Err(error @ RunError::Panicked(_))) = OptionFuture::from(run).await {
                self.note(None, error.into());
            }
        }
        drop(lock(&self.0.folder).take());
        self.set_state(NodeState::Stopped);
    }

    async fn stop_services(&self, running: &Running) {
        let limit = self.0.settings.services.stop_timeout;
        let (clock, started) = (self.0.p2p.clock(), *lock(&running.started));
        for (at, Entry { service, .. }) in self.0.services.iter().enumerate().take(started).rev() {
            let name = service.descriptor().name;
            let outcome = clock.timeout(limit, guarded(|| service.stop(&self.0.p2p))).await;
            let outcome = outcome.unwrap_or_else(|_| {
                Err(Error::msg(format!("it was not done within services.stop_timeout = {limit:?}")))
            });
            *lock(&running.started) = at;
            if let Err(error) = outcome {
                log::error!(target: "net", "service `{name}` did not stop well: {error}");
                self.note(Some(name), error);
            }
        }
    }

    fn note(&self, service: Option<&'static str>, error: Error) {
        lock(&self.0.failures).push(Failure { service, error: Arc::new(error) });
    }

    /// Where the node is in its life.
    pub fn state(&self) -> NodeState {
        *self.lock_state()
    }

    /// How many services have started and not stopped, from the first on.
    pub(super) fn started(&self) -> usize {
        self.0.running.get().map_or(0, |running| *lock(&running.started))
    }

    fn lock_state(&self) -> MutexGuard<'_, NodeState> {
        lock(&self.0.state)
    }

    fn set_state(&self, state: NodeState) {
        let mut now = self.lock_state();
        if *now != NodeState::Stopped {
            *now = state;
        }
        drop(now);
        self.0.state_changed.notify(usize::MAX);
    }

    async fn until(&self, holds: impl Fn(NodeState) -> bool) {
        while !holds(self.state()) {
            let listener = self.0.state_changed.listen();
            if !holds(self.state()) {
                listener.await;
            }
        }
    }
}

/// Runs code of a service's author: a panic is an error of that service, also one before there is a future.
async fn guarded<'a>(call: impl FnOnce() -> BoxFuture<'a, Result<()>>) -> Result<()> {
    let outcome = AssertUnwindSafe(async { call().await }).catch_unwind().await;
    outcome.unwrap_or_else(|panic| Err(Error::msg(format!("it panicked: {}", panic_text(&*panic)))))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
