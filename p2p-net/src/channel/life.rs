//! The life of a channel: its two tasks, from their start to the socket's end, and the one reason it ends with.

use std::pin::pin;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use futures::{AsyncReadExt, FutureExt};

use super::reader::Reader;
use super::{Channel, Inner};
use crate::clock::Sleep;
use crate::disconnect::{Disconnect, DisconnectReason, Side};
use crate::error::Error;
use crate::transport::BoxReader;

/// How long nothing goes over a channel before it gives back what it keeps for traffic, at the latest after twice as long:
/// next to nothing for a peer that is idle, and so much more than a pause within a burst that none makes memory come and go.
const REST: Duration = Duration::from_secs(1);

impl Channel {
    /// Ends the channel because protocol `name` failed.
    pub(crate) fn fail(&self, name: &str, error: &Error) {
        if self.inner.ended.get().is_some() {
            return;
        }
        let leaves = error.leaves() && self.depart(name, &error.to_string());
        // What a protocol meets after it has ended here is nothing to the others.
        if leaves || self.inner.departed.has(name) {
            return;
        }
        let peer = self.inner.peer;
        let reason = if error.is_timeout_of(peer) { DisconnectReason::Timeout } else { error.reason() };
        log::warn!(target: "net", "protocol {name} ends the channel to {}: {error}", peer.short());
        // A handler's own error may name things that are nobody else's business; a chosen reason is meant for the peer.
        let detail = if reason == DisconnectReason::HandlerFailed { name.to_owned() } else { error.to_string() };
        self.inner.end(Disconnect::local(reason, detail));
    }

    /// Starts to write and to read; every inbox exists by now.
    pub(crate) fn start(&self) {
        let Some(io) = self.inner.reader.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let inner = self.inner.clone();
        self.inner.tasks.spawn("a channel's reader", async move { inner.read(io).await });
        let inner = self.inner.clone();
        self.inner.tasks.spawn("a channel's writer", async move { inner.write().await });
    }

    /// Lets the messages of the main phase pass: the handshake is done.
    pub(crate) fn open(&self) {
        self.inner.open.store(true, Ordering::Release);
        self.inner.changed.notify(usize::MAX);
    }

    /// Ends the channel's tasks at once, for one who cannot wait.
    pub(crate) fn cancel(&self) {
        self.inner.tasks.cancel();
        self.inner.out.release();
    }

    /// After the end: gives the reason time to reach the peer, then closes the socket. Nothing of the channel is left.
    pub(crate) async fn tear_down(&self) {
        let inner = &self.inner;
        self.start();
        let told = async {
            inner.out.finished().await;
            inner.when(|inner| inner.drained.load(Ordering::Acquire)).await;
        };
        // A peer that does not read its reason in time goes without.
        let _ = inner.clock.timeout(inner.limits.close_linger, told).await;
        inner.tasks.close().await;
        inner.out.release();
    }
}

impl Inner {
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Waits until `condition` holds; whoever makes it hold notifies `changed`.
    pub(super) async fn when(&self, condition: impl Fn(&Self) -> bool) {
        while !condition(self) {
            let listener = self.changed.listen();
            if !condition(self) {
                listener.await;
            }
        }
    }

    pub(super) async fn opened(&self) {
        self.when(Self::is_open).await;
    }

    pub(super) fn end(&self, disconnect: Disconnect) {
        let close = (disconnect.by == Side::Local && disconnect.reason.is_sent()).then(|| disconnect.to_wire());
        if self.ended.set(disconnect).is_ok() {
            self.out.close(close.as_deref());
            self.changed.notify(usize::MAX);
        }
    }

    /// The reader task.
    async fn read(&self, mut io: BoxReader) {
        let by_peer = {
            let mut reader = Reader::new(self);
            let reading = pin!(reader.run(&mut io));
            let ended = pin!(self.when(|inner| inner.ended.get().is_some()));
            match select(reading, ended).await {
                Either::Left((disconnect, _)) => Some(disconnect),
                Either::Right(_) => None,
            }
        };
        let over = by_peer.as_ref().is_some_and(|end| end.by == Side::Remote || !end.reason.is_sent());
        if let Some(disconnect) = by_peer {
            self.end(disconnect);
        }
        self.requests.close();
        self.subsystem.close();
        if !over {
            // Closing a socket with bytes unread resets it, and the reason would be lost on the way to the peer.
            // Not an array: the task would keep room for it all its life.
            let mut rest = vec![0; 4096];
            while io.read(&mut rest).await.is_ok_and(|read| read > 0) {
                smol::future::yield_now().await;
            }
        }
        drop(io);
        self.drained.store(true, Ordering::Release);
        self.changed.notify(usize::MAX);
    }

    /// Gives back what is kept for traffic: there has been none for a while.
    fn rest(&self) {
        self.out.rest();
        self.requests.rest();
        self.subsystem.rest();
        self.resting.store(true, Ordering::Relaxed);
        self.changed.notify(usize::MAX);
    }

    /// The writer task; it also keeps the channel's deadlines.
    async fn write(&self) {
        let (mut alarm, mut rest): (Option<Sleep>, Option<Instant>) = (None, None);
        // An alarm may be early (what it was set for is over: it is set anew), never late.
        let soonest = self.limits.write_stall;
        let result = std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(Err(error)) = self.out.poll_task(cx) {
                    return Poll::Ready(Disconnect::local(DisconnectReason::NetworkError, error.to_string()));
                }
                let waits = alarm.as_mut().is_some_and(|alarm| alarm.poll_unpin(cx).is_pending());
                let begins = rest.is_none() && self.out.is_stirred();
                if waits && !begins && !self.requests.is_sooner() && !self.out.is_sooner() {
                    return Poll::Pending;
                }
                let now = self.clock.now();
                let stall = self.out.blocked_since().map(|since| since + self.limits.write_stall);
                if stall.is_some_and(|stall| stall <= now) {
                    let detail = format!("nothing taken for {:?}", self.limits.write_stall);
                    return Poll::Ready(Disconnect::local(DisconnectReason::WriteStall, detail));
                }
                if rest.is_none_or(|rest| rest <= now) {
                    let stirred = self.out.was_stirred();
                    if rest.is_some() && !stirred {
                        self.rest();
                    }
                    rest = stirred.then(|| now + REST);
                }
                let next = [stall, self.requests.expire(now), self.out.expire(now), rest].into_iter().flatten().min();
                alarm = next.map(|at| self.clock.sleep_until(at.min(now + soonest)));
                if alarm.is_none() {
                    return Poll::Pending;
                }
            }
        });
        self.end(result.await);
        self.out.give_up();
    }
}
