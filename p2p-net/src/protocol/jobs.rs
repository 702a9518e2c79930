//! The tasks of one protocol on one channel. First seed: `ProtocolJobsManager`.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use event_listener::Event;

use crate::channel::Channel;
use crate::error::Result;
use crate::tasks::TaskGroup;

/// Starts and ends the tasks of one protocol on one channel; clones share them.
///
/// An error from any of them ends the channel. A panic ends this protocol on this channel and nothing else. All of them
/// end with the channel.
#[derive(Clone)]
pub struct ProtocolJobsManager(Arc<Jobs>);

struct Jobs {
    name: &'static str,
    channel: Channel,
    tasks: TaskGroup,
    /// Jobs that have not returned; servers do not count.
    pending: AtomicUsize,
    done: Event,
}

impl ProtocolJobsManager {
    /// A manager without tasks for the protocol `name` on `channel`.
    pub(crate) fn new(name: &'static str, channel: Channel) -> Self {
        let (peer, executor) = (channel.peer_id(), channel.executor().clone());
        Self(Arc::new_cyclic(|jobs: &std::sync::Weak<Jobs>| {
            let jobs = jobs.clone();
            let tasks = TaskGroup::new(executor, move |task, text| {
                log::error!(target: "net", "protocol {name}: {task} panicked with peer {}: {text}", peer.short());
                if let Some(jobs) = jobs.upgrade() {
                    jobs.tasks.cancel();
                }
            });
            Jobs { name, channel, tasks, pending: AtomicUsize::new(0), done: Event::new() }
        }))
    }

    /// The protocol's name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Runs a job: it ends by itself, or with the channel. A seed session's visit is over when all jobs on it are.
    pub fn spawn(&self, job: impl Future<Output = Result<()>> + Send + 'static) {
        let counted = Counted::new(self.clone());
        self.run("a job", async move {
            let _counted = counted;
            job.await
        });
    }

    /// Runs what answers the peer for as long as the channel lives, and so does not count as a job to wait for.
    pub fn serve(&self, server: impl Future<Output = Result<()>> + Send + 'static) {
        self.run("a handler", server);
    }

    fn run(&self, what: &'static str, future: impl Future<Output = Result<()>> + Send + 'static) {
        let (name, channel) = (self.0.name, self.0.channel.clone());
        self.0.tasks.spawn(what, async move {
            if let Err(error) = future.await {
                channel.fail(name, &error);
            }
        });
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

    /// Ends every task, without waiting.
    pub(crate) fn cancel(&self) {
        self.0.tasks.cancel();
    }

    /// Ends every task and waits until they are gone; not to be awaited by one of them.
    ///
    /// # Cancel safety
    ///
    /// The tasks end even when the future is dropped.
    pub async fn close_all_tasks(&self) {
        self.0.tasks.close().await;
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
