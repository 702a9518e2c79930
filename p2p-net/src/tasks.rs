//! The tasks of a node, a channel or a protocol, as a group that ends together.
//!
//! Everything the library spawns is spawned here, so that `stop` can wait until nothing is left, and so that a panic is
//! seen: it is logged, counted and handed to the group's owner. Nothing here knows what the tasks do.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_listener::Event;
use futures::FutureExt;
use smol::{Executor, Task};

/// What a group does when one of its tasks panics: told the task's name and the panic's text.
type OnPanic = Box<dyn Fn(&str, &str) + Send + Sync>;

/// A set of tasks that ends together; clones share it.
#[derive(Clone)]
pub(crate) struct TaskGroup(Arc<Group>);

struct Group {
    executor: Arc<Executor<'static>>,
    on_panic: OnPanic,
    state: Mutex<State>,
    changed: Event,
}

#[derive(Default)]
struct State {
    next: u64,
    closed: bool,
    /// In order of their numbers; without a handle until that is known. A list, because most groups have one or two for
    /// all of a channel's life.
    tasks: Vec<(u64, Option<Task<()>>)>,
}

impl State {
    fn find(&self, number: u64) -> Option<usize> {
        self.tasks.binary_search_by_key(&number, |(known, _)| *known).ok()
    }

    fn take_all(&mut self) -> Vec<Task<()>> {
        self.tasks.iter_mut().filter_map(|(_, task)| task.take()).collect()
    }
}

/// Takes the task off the list when it ends, however it ends.
struct Entry {
    group: TaskGroup,
    number: u64,
}

impl TaskGroup {
    /// An empty group on `executor`.
    pub(crate) fn new(executor: Arc<Executor<'static>>, on_panic: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Group { executor, on_panic: Box::new(on_panic), state: Mutex::default(), changed: Event::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The executor the tasks run on.
    pub(crate) fn executor(&self) -> &Arc<Executor<'static>> {
        &self.0.executor
    }

    /// Runs `future` until it ends or the group is closed; a closed group drops it at once.
    pub(crate) fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        let number = {
            let mut state = self.lock();
            if state.closed {
                return;
            }
            state.next += 1;
            let number = state.next;
            if state.tasks.capacity() == 0 {
                state.tasks.reserve_exact(1);
            }
            state.tasks.push((number, None));
            number
        };
        let entry = Entry { group: self.clone(), number };
        // Not an async block: it would keep room for `future` twice, and a channel is several tasks.
        let task = self.0.executor.spawn(AssertUnwindSafe(future).catch_unwind().map(move |outcome| {
            if let Err(panic) = outcome {
                (entry.group.0.on_panic)(name, panic_text(&*panic));
            }
        }));
        let mut state = self.lock();
        match state.find(number) {
            Some(at) => state.tasks[at].1 = Some(task),
            // It has ended already, or the group closed meanwhile: then nobody else will wait for it.
            None => {
                let closed = state.closed;
                drop(state);
                if closed { drop(task) } else { task.detach() }
            }
        }
    }

    /// How many tasks have not ended.
    pub(crate) fn len(&self) -> usize {
        self.lock().tasks.len()
    }

    /// Waits until every task has ended by itself.
    pub(crate) async fn ended(&self) {
        loop {
            let listener = self.0.changed.listen();
            if self.len() == 0 {
                return;
            }
            listener.await;
        }
    }

    /// Cancels every task and lets no new one in; returns when the last is gone.
    ///
    /// Must not be awaited by a task of the group: it would wait for itself.
    pub(crate) async fn close(&self) {
        loop {
            let listener = self.0.changed.listen();
            let tasks: Vec<_> = {
                let mut state = self.lock();
                state.closed = true;
                state.take_all()
            };
            for task in tasks {
                task.cancel().await;
            }
            if self.len() == 0 {
                return;
            }
            listener.await;
        }
    }

    /// Cancels every task and lets no new one in, without waiting; may be called by a task of the group.
    pub(crate) fn cancel(&self) {
        let tasks: Vec<_> = {
            let mut state = self.lock();
            state.closed = true;
            state.take_all()
        };
        drop(tasks);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let task = {
            let mut state = self.group.lock();
            state.find(self.number).and_then(|at| state.tasks.remove(at).1)
        };
        // A task that drops its own handle would cancel itself in mid-drop: it ends by itself anyway.
        task.into_iter().for_each(Task::detach);
        self.group.0.changed.notify(usize::MAX);
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskGroup({} tasks)", self.len())
    }
}

/// The text of a panic, as far as it has one.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn group() -> (Arc<Executor<'static>>, TaskGroup, Arc<Mutex<Vec<String>>>) {
        let (executor, panics) = (Arc::new(Executor::new()), Arc::new(Mutex::new(Vec::new())));
        let seen = panics.clone();
        let group = TaskGroup::new(executor.clone(), move |name, text| {
            seen.lock().unwrap().push(format!("{name}: {text}"));
        });
        (executor, group, panics)
    }

    #[test]
    fn close_returns_when_every_task_is_gone() {
        let (executor, group, _) = group();
        let dropped = Arc::new(AtomicUsize::new(0));
        struct Count(Arc<AtomicUsize>);
        impl Drop for Count {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        for _ in 0..10 {
            let count = Count(dropped.clone());
            group.spawn("waits", async move {
                let _count = count;
                pending::<()>().await;
            });
        }
        while executor.try_tick() {}
        smol::block_on(executor.run(group.close()));
        assert_eq!((group.len(), dropped.load(Ordering::Relaxed)), (0, 10));
        group.spawn("late", async { panic!("a closed group runs nothing") });
        while executor.try_tick() {}
        assert_eq!(group.len(), 0);
    }

    #[test]
    fn a_task_may_cancel_its_own_group() {
        let (executor, group, panics) = group();
        let own = group.clone();
        group.spawn("other", pending());
        group.spawn("self", async move {
            own.cancel();
            pending::<()>().await;
        });
        smol::block_on(executor.run(group.ended()));
        assert!(
            executor.is_empty() || {
                while executor.try_tick() {}
                executor.is_empty()
            }
        );
        assert!(panics.lock().unwrap().is_empty());
    }

    #[test]
    fn a_panic_is_reported_and_ends_only_its_task() {
        let (executor, group, panics) = group();
        group.spawn("bad", async { panic!("on purpose") });
        group.spawn("good", pending());
        while executor.try_tick() {}
        assert_eq!((group.len(), panics.lock().unwrap().as_slice()), (1, &["bad: on purpose".to_owned()][..]));
    }
}
