//! The tasks of one protocol on one channel, or of one on the whole node. In DarkFi: `ProtocolJobsManager`.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use event_listener::Event;
use futures::FutureExt;
use futures::future::{BoxFuture, Either, join_all, select};
use smol::Executor;

use crate::channel::{Asked, Channel};
use crate::clock::Clock;
use crate::error::Result;
use crate::tasks::{TaskGroup, panic_text};

/// Starts and ends the tasks of one protocol on one channel; clones share them.
///
/// An error from any of them ends the channel. A panic ends this protocol on this channel and nothing else. All of them
/// end with the channel.
///
/// Those of a protocol with `scope = node` that belong to no channel end with the node; an error or a panic of one is
/// logged and ends that one.
///
/// ```
/// # use p2p_net::prelude::*;
/// # use p2p_net::protocol::ProtocolJobsManager;
/// fn start(jobs: &ProtocolJobsManager, channel: Channel) {
///     jobs.spawn(async move {
///         log::info!("{} is here", channel.peer_id());
///         Ok(())
///     });
///     jobs.at_stop(async { Ok(log::info!("and gone")) });
/// }
/// ```
#[derive(Clone)]
pub struct ProtocolJobsManager(Arc<Jobs>);

/// The tasks of a protocol, for one who does not keep them: its channel, which they hold.
pub(crate) struct WeakJobs(Weak<Jobs>);

impl WeakJobs {
    /// The tasks, while they are there and when they are those of protocol `name`.
    pub(crate) fn of(&self, name: &str) -> Option<ProtocolJobsManager> {
        self.0.upgrade().filter(|jobs| jobs.name == name).map(ProtocolJobsManager)
    }
}

struct Jobs {
    name: &'static str,
    owner: Owner,
    tasks: TaskGroup,
    /// Jobs that have not returned; servers do not count.
    pending: AtomicUsize,
    done: Event,
    /// What is run when all of them are gone.
    stops: Mutex<Stops>,
    /// Held while they run: a protocol that has left may be at it when its channel ends.
    stopping: smol::lock::Mutex<()>,
}

type Stops = Vec<BoxFuture<'static, Result<()>>>;

/// What the tasks end with.
#[derive(Clone)]
enum Owner {
    Channel(Channel),
    Node,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(channel) => write!(f, "with peer {}", channel.peer_id().short()),
            Self::Node => f.write_str("on this node"),
        }
    }
}

impl ProtocolJobsManager {
    /// A manager without tasks for the protocol `name` on `channel`.
    pub(crate) fn new(name: &'static str, channel: Channel) -> Self {
        let (peer, executor) = (channel.peer_id(), channel.executor().clone());
        Self(Arc::new_cyclic(|jobs: &Weak<Jobs>| {
            let jobs = jobs.clone();
            let tasks = TaskGroup::new(executor, move |task, text| {
                log::error!(target: "net", "protocol {name}: {task} panicked with peer {}: {text}", peer.short());
                if let Some(jobs) = jobs.upgrade() {
                    jobs.tasks.cancel();
                }
            });
            Jobs::new(name, Owner::Channel(channel), tasks)
        }))
    }

    /// A manager without tasks for the protocol `name` on a whole node.
    pub(crate) fn of_node(name: &'static str, executor: Arc<Executor<'static>>) -> Self {
        let tasks = TaskGroup::new(executor, move |task, text| {
            log::error!(target: "net", "protocol {name}: {task} panicked on this node: {text}");
        });
        Self(Arc::new(Jobs::new(name, Owner::Node, tasks)))
    }

    /// Ends this protocol on its channel, at both ends where it is made for both, and leaves all others to go on. What
    /// it keeps for the end is run. Without a channel, or before the handshake is done, nothing happens.
    ///
    /// As [`Error::leave`](crate::Error::leave), for a protocol written by hand.
    ///
    /// ```
    /// use p2p_net::prelude::*;
    /// use p2p_net::protocol::Context;
    ///
    /// fn enough(context: &Context) {
    ///     context.jobs().leave("nothing more to say");
    /// }
    /// ```
    pub fn leave(&self, detail: &str) {
        if let Owner::Channel(channel) = &self.0.owner {
            channel.depart(self.0.name, detail);
        }
    }

    pub(crate) fn downgrade(&self) -> WeakJobs {
        WeakJobs(Arc::downgrade(&self.0))
    }

    /// The protocol's name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Runs a job: it ends by itself, or with the channel. A seed session's visit is over when all jobs on it are.
    pub fn spawn(&self, job: impl Future<Output = Result<()>> + Send + 'static) {
        let counted = Counted::new(self.clone());
        self.run("a job", job.inspect(move |_| drop(counted)));
    }

    /// Runs what answers the peer for as long as the channel lives, and so does not count as a job to wait for.
    pub fn serve(&self, server: impl Future<Output = Result<()>> + Send + 'static) {
        self.run("a handler", server);
    }

    /// Runs what goes on for as long as the channel lives, such as what happens at an interval; no job to wait for either.
    pub fn repeat(&self, endless: impl Future<Output = Result<()>> + Send + 'static) {
        self.run("a repeated job", endless);
    }

    /// Answers a request for rows by `answer`, which sends them and their end, until the peer does not want them any more.
    pub fn answer(&self, asked: Asked, answer: impl Future<Output = Result<()>> + Send + 'static) {
        self.run("a stream", async move {
            let outcome = match select(pin!(asked.cancelled()), pin!(answer)).await {
                Either::Left(((), _)) => Ok(()),
                Either::Right((outcome, _)) => outcome,
            };
            asked.finish();
            outcome
        });
    }

    /// Keeps `stop` until the channel has ended and every task here is gone, and runs it then: for what is to be told or
    /// undone. It has the setting `limits.close_linger` for that; an error or a panic of it is logged.
    pub fn at_stop(&self, stop: impl Future<Output = Result<()>> + Send + 'static) {
        self.stops().push(Box::pin(stop));
    }

    fn run(&self, what: &'static str, future: impl Future<Output = Result<()>> + Send + 'static) {
        let (name, owner) = (self.0.name, self.0.owner.clone());
        // Not an async block: it would keep room for `future` twice.
        let run = future.map(move |outcome| {
            if let Err(error) = outcome {
                match owner {
                    Owner::Channel(channel) => channel.fail(name, &error),
                    Owner::Node => log::error!(target: "net", "protocol {name}: {what} failed on this node: {error}"),
                }
            }
        });
        self.0.tasks.spawn(what, run);
    }

    fn stops(&self) -> MutexGuard<'_, Stops> {
        self.0.stops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every job has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost when the future is dropped.
    pub async fn done(&self) {
        loop {
            let listener = self.0.done.listen();
            if self.0.pending.load(Ordering::Acquire) == 0 {
                return;
            }
            listener.await;
        }
    }

    /// How many tasks have not ended.
    pub(crate) fn len(&self) -> usize {
        self.0.tasks.len()
    }

    /// Ends every task, without waiting.
    pub(crate) fn cancel(&self) {
        self.0.tasks.cancel();
    }

    /// Ends every task, and forgets what was kept for the end, for one who cannot wait: it may hold what holds these tasks.
    pub(crate) fn give_up(&self) {
        let stops = std::mem::take(&mut *self.stops());
        drop(stops);
        self.cancel();
    }

    /// Ends every task and waits until they are gone; not to be awaited by one of them.
    ///
    /// # Cancel safety
    ///
    /// The tasks end even when the future is dropped.
    pub async fn close_all_tasks(&self) {
        self.0.tasks.close().await;
    }

    /// Runs what was kept for the end, side by side and at most for `limit`.
    pub(crate) async fn stop(&self, clock: &Clock, limit: Duration) {
        let _turn = self.0.stopping.lock().await;
        let stops = std::mem::take(&mut *self.stops());
        if stops.is_empty() {
            return;
        }
        let (name, owner) = (self.0.name, &self.0.owner);
        let all = join_all(stops.into_iter().map(|stop| AssertUnwindSafe(stop).catch_unwind()));
        match clock.timeout(limit, all).await {
            Err(late) => log::warn!(target: "net", "protocol {name}: #[stop] {late} {owner}"),
            Ok(outcomes) => outcomes.into_iter().for_each(|outcome| match outcome {
                Ok(Ok(())) => {}
                Ok(Err(error)) => log::warn!(target: "net", "protocol {name}: #[stop] failed {owner}: {error}"),
                Err(panic) => {
                    let text = panic_text(&*panic);
                    log::error!(target: "net", "protocol {name}: #[stop] panicked {owner}: {text}");
                }
            }),
        }
    }
}

impl Jobs {
    fn new(name: &'static str, owner: Owner, tasks: TaskGroup) -> Self {
        Self {
            name,
            owner,
            tasks,
            pending: AtomicUsize::new(0),
            done: Event::new(),
            stops: Mutex::default(),
            stopping: smol::lock::Mutex::new(()),
        }
    }
}

impl fmt::Debug for ProtocolJobsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProtocolJobsManager({}, {:?})", self.0.name, self.0.tasks)
    }
}

/// Counts a job until it is dropped, however it ends.
struct Counted(ProtocolJobsManager);

impl Counted {
    fn new(jobs: ProtocolJobsManager) -> Self {
        jobs.0.pending.fetch_add(1, Ordering::AcqRel);
        Self(jobs)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.pending.fetch_sub(1, Ordering::AcqRel);
        self.0.0.done.notify(usize::MAX);
    }
}
