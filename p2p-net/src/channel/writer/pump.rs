//! How the outbox gets written: by a sender that finds the socket quiet, or by the writer task.
//!
//! Who finds `writing` unset sets it, and with that is bound to see to it that everything is written, until it is unset
//! again under the same lock.

use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use event_listener::IntoNotification;
use futures::io::AsyncWrite;

use super::{Outgoing, Queue, Writer, Writes};
use crate::transport::BoxWriter;

/// A sender writes for itself when the last write ended this long ago; sooner, more is likely to gather. Measured: on
/// every send, throughput falls to a twentieth; from 3 µs on nothing is lost.
pub(super) const QUIET: Duration = Duration::from_micros(3);

/// What the write buffer keeps once it is empty, in bytes; more is given back.
const KEEP: usize = 16 << 10;

impl Outgoing {
    /// Sees to it that the outbox gets written: by whoever is at it, by the caller at once, or by the writer task.
    #[inline]
    pub(super) fn start_writing(&self, mut queue: MutexGuard<'_, Queue>, writes: Writes) {
        if !std::mem::replace(&mut queue.writing, true) {
            self.begin_writing(queue, writes);
        }
    }

    #[inline(never)]
    fn begin_writing(&self, queue: MutexGuard<'_, Queue>, writes: Writes) {
        let last_write = queue.last_write;
        drop(queue);
        let quiet = || self.clock.now().saturating_duration_since(last_write) >= QUIET;
        if writes == Writes::Task
            || !quiet()
            || !matches!(self.pump(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
        {
            self.waker.wake();
        }
    }

    /// Writes what is in the outbox; more that came meanwhile waits until other tasks had their turn.
    fn pump(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A sender is writing; it wakes the writer task if it cannot finish.
            Err(TryLockError::WouldBlock) => return Poll::Pending,
        };
        let Writer { io: Some(io), batch, at, blocked_since } = &mut *writer else { return Poll::Pending };
        let mut fresh = true;
        loop {
            ready!(self.write_batch(io, batch, at, blocked_since, cx))?;
            let mut queue = self.lock();
            if queue.outbox.has_work() {
                if !std::mem::take(&mut fresh) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let told = queue.outbox.tell_of_space();
                queue.outbox.take(batch, |lane| {
                    self.rooms[lane.get()].notify(usize::MAX);
                });
                drop(queue);
                // One sender can fill again what was full, and the other threads are better used for what follows from its
                // messages than for senders that wait for each other. Whether it did shows at the next write.
                self.tell_of_space(told);
                continue;
            }
            drop(queue);
            // A transport may have taken bytes that the peer has not: then it is the flush that cannot go on.
            let Poll::Ready(flushed) = Pin::new(&mut *io).poll_flush(cx) else {
                blocked_since.get_or_insert_with(|| self.clock.now());
                return Poll::Pending;
            };
            flushed?;
            *blocked_since = None;
            let mut queue = self.lock();
            if queue.outbox.has_work() {
                continue;
            }
            if queue.outbox.is_closed() {
                drop(queue);
                ready!(Pin::new(&mut *io).poll_close(cx))?;
                self.finish();
                return Poll::Ready(Ok(()));
            }
            queue.writing = false;
            queue.last_write = self.clock.now();
            queue.outbox.shrink();
            // Whoever was told of space last may be busy elsewhere.
            let told = queue.outbox.tell_of_space();
            // First the socket: whoever adds from here on is bound to write, and must find nobody at it who is done.
            drop(writer);
            drop(queue);
            self.tell_of_space(told);
            self.stir();
            return Poll::Ready(Ok(()));
        }
    }

    fn tell_of_space(&self, senders: usize) {
        if senders > 0 {
            // Besides those who were told before: one of them may never look.
            self.space.notify(senders.additional());
        }
    }

    fn write_batch(
        &self,
        io: &mut BoxWriter,
        batch: &mut Vec<u8>,
        at: &mut usize,
        blocked_since: &mut Option<Instant>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while *at < batch.len() {
            match Pin::new(&mut *io).poll_write(cx, &batch[*at..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    *at += written;
                    *blocked_since = None;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    blocked_since.get_or_insert_with(|| self.clock.now());
                    return Poll::Pending;
                }
            }
        }
        *at = 0;
        if batch.capacity() > KEEP && batch.len() < batch.capacity() / 4 {
            *batch = Vec::new();
        }
        batch.clear();
        Poll::Ready(Ok(()))
    }

    /// The writer task: writes whenever it is woken, until the socket fails.
    pub(crate) fn poll_task(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.waker.register(cx.waker());
        if self.finished.load(Ordering::Acquire) || !self.lock().writing {
            return Poll::Pending;
        }
        match self.pump(cx) {
            Poll::Ready(Err(error)) => {
                self.finish();
                Poll::Ready(Err(error))
            }
            _ => Poll::Pending,
        }
    }

    /// Since when the socket has taken nothing although there was something to take.
    pub(crate) fn blocked_since(&self) -> Option<Instant> {
        match self.writer.try_lock() {
            Ok(writer) => writer.blocked_since,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().blocked_since,
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Nothing more will be written: the socket has failed, or the peer takes nothing.
    pub(crate) fn give_up(&self) {
        self.finish();
    }

    /// Closes the socket.
    pub(crate) fn release(&self) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        *writer = Writer { io: None, batch: Vec::new(), at: 0, blocked_since: None };
    }
}
