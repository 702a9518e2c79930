//! From start to stop. The states and their order are those of DarkFi's tutorial: open, start, started, run, stopped.

use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{Either, select};
use smol::Executor;

use super::{P2p, P2pPtr, Running};
use crate::channel::{OnPanic, Shared};
use crate::disconnect::DisconnectReason;
use crate::error::Error;
use crate::hosts::StoreError;
use crate::protocol::{BuildError, SessionFlags};
use crate::session::refine;
use crate::signal::Signal;
use crate::tasks::TaskGroup;
use crate::transport::ListenError;

/// Where a node is in its life.
///
/// ```
/// # use p2p_net::{P2p, ProtocolSet, Settings};
/// # smol::block_on(async {
/// use p2p_net::p2p::P2pState;
///
/// let p2p = P2p::builder(Settings::default()).protocols(ProtocolSet::empty()).without_handshake().build().await?;
/// assert_eq!(p2p.state(), P2pState::Open);
/// p2p.stop().await;
/// assert_eq!(p2p.state(), P2pState::Stopped);
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum P2pState {
    /// Made, not started.
    Open,
    /// `start` is at work.
    Start,
    /// Started: it listens and has visited its seeds.
    Started,
    /// `run` is at work.
    Run,
    /// Stopped, for good.
    Stopped,
}

/// A node did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It has been started before.
    #[error("the node is in state {0:?}: `start` comes first, and once; make a new node to start again")]
    State(P2pState),
    /// It was stopped meanwhile.
    #[error("the node was stopped while it started")]
    Stopped,
    /// It cannot listen where the settings say.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The address book is there and cannot be read.
    #[error(transparent)]
    Hosts(#[from] StoreError),
    /// The protocols cannot run together.
    #[error(transparent)]
    Protocols(#[from] BuildError),
    /// A protocol with one instance a node could not be made.
    #[error("protocol {protocol} does not start: {error}")]
    Protocol {
        /// The protocol.
        protocol: &'static str,
        /// What its `init` says.
        error: Error,
    },
}

/// A node did not run, or not well.
///
/// ```
/// # use std::sync::Arc;
/// # use p2p_net::{P2p, ProtocolSet, Settings};
/// # let ex = Arc::new(smol::Executor::new());
/// # smol::block_on(async {
/// let p2p = P2p::builder(Settings::default()).protocols(ProtocolSet::empty()).without_handshake().build().await?;
/// let error = p2p.run(ex).await.unwrap_err();
/// assert_eq!(error.to_string(), "the node is in state Open: `run` comes after `start`, and once");
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It has not been started, or it runs already, or is stopped.
    #[error("the node is in state {0:?}: `run` comes after `start`, and once")]
    State(P2pState),
    /// A task of the node panicked: a fault of this library. It has been logged; the rest went on until now.
    #[error("a task of the node panicked: {0}")]
    Panicked(String),
}

/// Tells when a node stops; see [`P2p::subscribe_stop`].
#[derive(Debug, Clone)]
pub struct StopSubscription(Signal);

impl StopSubscription {
    /// Waits until the node is told to stop.
    ///
    /// # Cancel safety
    ///
    /// Safe: the signal stays given.
    pub async fn receive(&self) {
        self.0.wait().await;
    }
}

/// Says that `start` is over, however it ends: a shutdown waits for that.
struct Starting<'a>(&'a P2p);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.set_state(P2pState::Started);
    }
}

impl P2p {
    /// Starts the node: loads the address book, makes the protocols that have one instance a node, listens, lets these
    /// protocols start, and visits every seed to the end of the visit.
    ///
    /// # Errors
    ///
    /// When it is not the first call, the node is stopped meanwhile, or it cannot listen.
    ///
    /// # Cancel safety
    ///
    /// When dropped the node cannot be started again; stop it to free what it holds.
    ///
    /// ```no_run
    /// # use std::sync::Arc;
    /// # use p2p_net::{P2p, Settings};
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ex = Arc::new(smol::Executor::new());
    /// # let p2p = P2p::new(Settings::default()).await?;
    /// p2p.clone().start(ex.clone()).await?; // listens, and has visited its seeds
    /// # Ok(()) }
    /// ```
    pub async fn start(self: Arc<Self>, executor: Arc<Executor<'static>>) -> Result<(), StartError> {
        self.open_to_start(executor)?;
        let starting = Starting(&self);
        let outcome = self.stop.unless(self.start_up()).await;
        drop(starting);
        match outcome {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                // Half a start leaves nothing behind.
                self.stop().await;
                Err(error)
            }
            None => Err(StartError::Stopped),
        }
    }

    /// One step for all who look: whoever stops the node finds it open, or finds what it takes to stop it.
    fn open_to_start(&self, executor: Arc<Executor<'static>>) -> Result<(), StartError> {
        let mut state = self.lock_state();
        if *state != P2pState::Open {
            return Err(StartError::State(*state));
        }
        let running = self.make_running(executor).inspect_err(|_| *state = P2pState::Stopped)?;
        let _ = self.running.set(running);
        *state = P2pState::Start;
        Ok(())
    }

    fn make_running(&self, executor: Arc<Executor<'static>>) -> Result<Running, BuildError> {
        let (lanes, offers) = self.registry.freeze()?;
        let panicked = self.panicked.clone();
        let on_panic: OnPanic = Arc::new(move |task, text| note(&panicked, task, text));
        let on_task_panic = on_panic.clone();
        let group = || {
            let on_panic = on_task_panic.clone();
            TaskGroup::new(executor.clone(), move |task, text| on_panic(task, text))
        };
        let (tasks, relayed) = (group(), group());
        let (clock, events) = (self.clock.clone(), self.events.clone());
        let limits = Arc::new(self.settings.limits.clone());
        let room = limits.channel_memory.saturating_sub(self.registry.ceiling());
        let growth = Arc::new(AtomicUsize::new(limits.window_growth));
        let shared = Shared { executor, clock, events, limits, lanes, offers, room, growth, on_panic };
        Ok(Running { tasks, relayed, shared })
    }

    async fn start_up(self: &Arc<Self>) -> Result<(), StartError> {
        self.hosts.load().await?;
        let made = self.nodewide.make(self, self.registry.all()).await;
        made.map_err(|(protocol, error)| StartError::Protocol { protocol, error })?;
        self.inbound.listen(self).await?;
        self.nodewide.start(self);
        self.seed.visit_all().await;
        Ok(())
    }

    /// Runs the manual, inbound and outbound sessions until the node is told to stop, and then until it has stopped.
    ///
    /// Its tasks run on the executor that `start` was given; the parameter is there because `run` has it in DarkFi's
    /// tutorial.
    ///
    /// # Errors
    ///
    /// When the node is not started, or a task of it panicked.
    ///
    /// # Cancel safety
    ///
    /// Dropping it does not stop the node: call [`stop`](Self::stop).
    ///
    /// ```no_run
    /// # use std::sync::Arc;
    /// # use p2p_net::{P2p, Settings};
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ex = Arc::new(smol::Executor::new());
    /// # let p2p = P2p::new(Settings::default()).await?;
    /// p2p.clone().start(ex.clone()).await?;
    /// let run = ex.spawn(p2p.clone().run(ex.clone())); // beside what the program does
    /// p2p.stop().await;
    /// run.await?;
    /// # Ok(()) }
    /// ```
    pub async fn run(self: Arc<Self>, _executor: Arc<Executor<'static>>) -> Result<(), RunError> {
        {
            let mut state = self.lock_state();
            if *state != P2pState::Started {
                return Err(RunError::State(*state));
            }
            *state = P2pState::Run;
        }
        self.manual.start();
        self.inbound.start();
        self.outbound.start();
        self.seed.start();
        let node = self.clone();
        self.spawn("the refinery", async move { refine(&node).await });
        let node = self.clone();
        self.spawn("the saver", async move { save_now_and_then(&node).await });
        self.stop.wait().await;
        self.stop().await;
        self.first_panic().map_or(Ok(()), |text| Err(RunError::Panicked(text)))
    }

    /// The first panic of a task of this node, if there was one.
    pub(crate) fn first_panic(&self) -> Option<String> {
        self.panicked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops the node: ends every channel with a reason, every task, every socket, and saves the address book.
    ///
    /// May be called at any time, any number of times, by any task; a protocol's own task that calls it is ended by it.
    /// When it returns nothing of the node is left, and another may start at the same port. It waits for a `start` that is
    /// at work to give up: one that is neither awaited nor dropped holds it up.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the node stops all the same.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// alice.stop().await;
    /// assert_eq!(alice.task_count(), 0);
    /// bob.until(|bob| bob.peer_count() == 0).await;
    /// # });
    /// ```
    pub async fn stop(&self) {
        if self.stop.give() {
            self.shut_down_when_started();
        }
        self.when(P2pState::Stopped).await;
    }

    /// The one shutdown of a node runs in a task of nobody: whoever asked for it may be among those it ends.
    fn shut_down_when_started(&self) {
        let Some(node) = self.manual.node() else { return };
        let mut state = self.lock_state();
        match self.running.get() {
            Some(running) => running.tasks.executor().spawn(async move { node.shut_down().await }).detach(),
            None => *state = P2pState::Stopped,
        }
        drop(state);
        self.state_changed.notify(usize::MAX);
    }

    async fn shut_down(self: Arc<Self>) {
        // `start` sees the signal and returns; what it was making is then there to be ended.
        self.not_in(P2pState::Start).await;
        self.inbound.close();
        if let Some(running) = self.running.get() {
            let linger = self.settings.limits.close_linger;
            // What goes over a relay goes over other channels: their peers are told while there are those.
            self.live.close(SessionFlags::RELAYED, DisconnectReason::Stopped);
            let _ = self.clock.timeout(linger, running.relayed.ended()).await;
            self.live.close(SessionFlags::ALL, DisconnectReason::Stopped);
            // Twice the time a channel takes to tell its peer; then they are cancelled.
            let _ = self.clock.timeout(linger * 2, running.tasks.ended()).await;
            running.relayed.close().await;
            running.tasks.close().await;
        }
        self.nodewide.stop(&self).await;
        if let Err(error) = self.hosts.save().await {
            log::warn!(target: "net", "{error}");
        }
        self.events.close();
        self.set_state(P2pState::Stopped);
    }

    /// Tells when this node is told to stop. In DarkFi: `subscribe_stop`.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// let stopping = alice.subscribe_stop();
    /// alice.stop().await;
    /// stopping.receive().await; // at once: it was told to stop
    /// # });
    /// ```
    pub fn subscribe_stop(&self) -> StopSubscription {
        StopSubscription(self.stop.clone())
    }

    /// Where the node is in its life.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// use p2p_net::p2p::P2pState;
    ///
    /// alice.stop().await;
    /// assert_eq!(alice.p2p().state(), P2pState::Stopped);
    /// # });
    /// ```
    pub fn state(&self) -> P2pState {
        *self.lock_state()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_given()
    }

    pub(crate) fn stop_signal(&self) -> &Signal {
        &self.stop
    }

    /// Whether connections may be made.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state(), P2pState::Started | P2pState::Run) && !self.is_stopping()
    }

    fn lock_state(&self) -> MutexGuard<'_, P2pState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_state(&self, state: P2pState) {
        let mut now = self.lock_state();
        if *now != P2pState::Stopped {
            *now = state;
        }
        drop(now);
        self.state_changed.notify(usize::MAX);
    }

    async fn when(&self, state: P2pState) {
        self.until(|now| now == state).await;
    }

    async fn not_in(&self, state: P2pState) {
        self.until(|now| now != state).await;
    }

    async fn until(&self, holds: impl Fn(P2pState) -> bool) {
        while !holds(self.state()) {
            let listener = self.state_changed.listen();
            if !holds(self.state()) {
                listener.await;
            }
        }
    }
}

fn note(panicked: &Mutex<Option<String>>, task: &str, text: &str) {
    log::error!(target: "net", "{task} panicked: {text}");
    let mut first = panicked.lock().unwrap_or_else(PoisonError::into_inner);
    first.get_or_insert_with(|| format!("{task}: {text}"));
}

async fn save_now_and_then(node: &P2pPtr) {
    if node.settings.data_dir.is_none() {
        return;
    }
    loop {
        let pause = pin!(node.clock.sleep(node.settings.limits.save_interval));
        if let Either::Left(_) = select(pin!(node.stop.wait()), pause).await {
            return;
        }
        if let Err(error) = node.hosts.save().await {
            log::warn!(target: "net", "{error}");
        }
    }
}
