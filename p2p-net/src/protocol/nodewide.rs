//! The protocols of a node that have one instance for all its channels: made when it starts, gone when it has stopped.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::join_all;

use super::registry::Registered;
use super::{NodeContext, ProtocolBase, ProtocolJobsManager};
use crate::error::{Error, Result};
use crate::p2p::P2pPtr;

/// The instances, by name and version.
#[derive(Default)]
pub(crate) struct NodeWide(Mutex<Vec<One>>);

#[derive(Clone)]
struct One {
    name: &'static str,
    version: u16,
    instance: Arc<dyn ProtocolBase>,
    jobs: ProtocolJobsManager,
}

impl NodeWide {
    fn lock(&self) -> MutexGuard<'_, Vec<One>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the instances.
    pub(crate) async fn make(&self, node: &P2pPtr, protocols: Vec<Registered>) -> Result<(), (&'static str, Error)> {
        for protocol in protocols {
            let (name, version) = (protocol.name(), protocol.version());
            let Some(made) = protocol.construct_on(node) else { continue };
            let made = AssertUnwindSafe(made).catch_unwind().await;
            let made = made.unwrap_or_else(|_| Err(Error::msg("it panicked")));
            let instance = made.map_err(|error| (name, error))?;
            let jobs = ProtocolJobsManager::of_node(name, node.shared().executor.clone());
            self.lock().push(One { name, version, instance, jobs });
        }
        Ok(())
    }

    /// Starts what they do for themselves.
    pub(crate) fn start(&self, node: &P2pPtr) {
        let all = self.lock().clone();
        for One { instance, jobs, .. } in all {
            let context = NodeContext::new(node.clone(), jobs.clone());
            jobs.spawn(async move { instance.start_on_node(context).await });
        }
    }

    /// The instance of a protocol, until the node stops.
    pub(crate) fn find(&self, name: &str, version: u16) -> Option<Arc<dyn ProtocolBase>> {
        let all = self.lock();
        all.iter().find(|one| (one.name, one.version) == (name, version)).map(|one| one.instance.clone())
    }

    /// How many tasks of theirs have not ended, those on channels aside.
    pub(crate) fn tasks(&self) -> usize {
        self.lock().iter().map(|one| one.jobs.len()).sum()
    }

    /// Ends what they do for themselves, and the instances; what they keep for the end has the setting `limits.close_linger`.
    pub(crate) async fn stop(&self, node: &P2pPtr) {
        let all = std::mem::take(&mut *self.lock());
        let (clock, linger) = (node.clock(), node.settings().limits.close_linger);
        join_all(all.iter().map(|one| async {
            one.jobs.close_all_tasks().await;
            one.jobs.stop(clock, linger).await;
        }))
        .await;
    }
}

impl fmt::Debug for NodeWide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeWide({})", self.lock().len())
    }
}
