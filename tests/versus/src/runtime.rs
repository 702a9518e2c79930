//! The two executors the libraries run on, with the same number of threads, and what the works need of them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use smol::Executor;

use crate::outcome::{Failure, Outcome};

/// Where tasks run.
#[derive(Clone)]
pub(crate) enum Runtime {
    Smol(Arc<Executor<'static>>),
    Tokio(tokio::runtime::Handle),
}

/// How many threads run tasks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threads(pub(crate) usize);

impl Runtime {
    /// Runs `work` as a task on a smol executor; this thread is one of its threads.
    pub(crate) fn on_smol<T, F>(threads: Threads, work: impl FnOnce(Self) -> F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let executor = Arc::new(Executor::new());
        for _ in 1..threads.0 {
            let executor = executor.clone();
            std::thread::spawn(move || smol::block_on(executor.run(std::future::pending::<()>())));
        }
        let task = executor.spawn(work(Self::Smol(executor.clone())));
        smol::block_on(executor.run(task))
    }

    /// Runs `work` as a task on tokio's threads; this thread only waits.
    pub(crate) fn on_tokio<T, F>(threads: Threads, work: impl FnOnce(Self) -> F) -> Outcome<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads.0).enable_all().build()?;
        let task = runtime.spawn(work(Self::Tokio(runtime.handle().clone())));
        Ok(runtime.block_on(task)?)
    }

    /// Runs `work` beside everything else, also when nobody waits for what comes of it.
    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Running<T> {
        let (sender, result) = async_channel::bounded(1);
        let work = async move {
            // Nobody may be waiting.
            let _ = sender.send(work.await).await;
        };
        match self {
            Self::Smol(executor) => executor.spawn(work).detach(),
            Self::Tokio(handle) => drop(handle.spawn(work)),
        }
        Running(result)
    }

    pub(crate) fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match self {
            Self::Smol(_) => Box::pin(smol::Timer::after(time).map(|_| ())),
            Self::Tokio(_) => Box::pin(tokio::time::sleep(time)),
        }
    }

    /// What `work` brings, or nothing when it takes longer than `limit`; the timer is made only when `work` has to wait.
    pub(crate) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        let late = async { self.sleep(limit).await };
        match select(std::pin::pin!(work), std::pin::pin!(late)).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    }
}

/// A task under way; dropping it leaves the task running.
pub(crate) struct Running<T>(async_channel::Receiver<T>);

impl<T> Running<T> {
    pub(crate) async fn finished(self) -> Outcome<T> {
        self.0.recv().await.map_err(|_| Failure::new("a task of the measurement panicked"))
    }
}
