//! One connection that stays: reads messages, answers them side by side, sends what waits in its outbox.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, select};
use smol::Executor;

use super::dispatch::{Dispatch, Subscriptions};
use super::error::{RpcError, code};
use super::outbox::{Outbox, QueueBounds};
use super::places::Places;
use super::transport::{Incoming, Outgoing, Received};
use crate::signal::Signal;
use crate::tasks::TaskGroup;

/// Serves one connection until its other end is gone or `stop` is given; everything it began ends with it.
pub(crate) async fn serve(
    dispatch: Arc<Dispatch>,
    executor: Arc<Executor<'static>>,
    stop: Signal,
    mut incoming: impl Incoming,
    mut outgoing: impl Outgoing,
) {
    let tasks = TaskGroup::new(executor, |task, text| log::error!(target: "net", "rpc: {task} panicked: {text}"));
    let limits = &dispatch.limits;
    let bounds = QueueBounds { notifications: limits.queued_notifications, bytes: limits.queued_bytes };
    let outbox = Outbox::new(bounds);
    let subscriptions =
        Subscriptions { outbox: outbox.clone(), places: Places::new(limits.subscriptions), tasks: tasks.clone() };
    let session = Session { dispatch: dispatch.clone(), subscriptions, calls: Places::new(limits.concurrent_calls) };
    let talk = async {
        let (reading, writing) = (pin!(session.read(&mut incoming)), pin!(session.write(&mut outgoing)));
        match select(reading, writing).await {
            // The other end sends no more, and may still wait for what it asked.
            Either::Left((Ok(()), writing)) => writing.await,
            Either::Left((outcome, _)) | Either::Right((outcome, _)) => outcome,
        }
    };
    let end = stop.unless(talk).await;
    if let Some(Err(error)) = end {
        log::debug!(target: "net", "rpc: a connection ended: {error}");
    }
    tasks.close().await;
    let patience = dispatch.limits.close_linger;
    let _ = dispatch.clock.timeout(patience, outgoing.finish()).await;
}

struct Session {
    dispatch: Arc<Dispatch>,
    subscriptions: Subscriptions,
    calls: Places,
}

impl Session {
    async fn read(&self, incoming: &mut impl Incoming) -> io::Result<()> {
        let outbox = &self.subscriptions.outbox;
        while let Some(received) = incoming.next().await? {
            let limits = &self.dispatch.limits;
            let (message, place) = match (received, self.calls.take()) {
                (Received::Message(message), Some(place)) => (message, place),
                (Received::TooLong, _) => {
                    let most = limits.body_bytes;
                    let problem = format!("a message of more than {most} bytes");
                    let error = RpcError::limit_exceeded("body_bytes", most, problem);
                    self.tell(Some(self.dispatch.refusal(error))).await;
                    continue;
                }
                (Received::Message(message), None) => {
                    let problem =
                        format!("overloaded: {} calls of this connection are under way", limits.concurrent_calls);
                    let error = RpcError::new(code::OVERLOADED, problem);
                    self.tell(self.dispatch.refuse_each(&message, &error)).await;
                    continue;
                }
            };
            let (dispatch, subscriptions, outbox) = (self.dispatch.clone(), self.subscriptions.clone(), outbox.clone());
            self.subscriptions.tasks.spawn("an rpc call", async move {
                let reply = dispatch.answer(&message, Some(&subscriptions)).await;
                if let Some(bytes) = reply.bytes {
                    outbox.answer(bytes, &reply.begun, Some(place));
                }
            });
        }
        self.calls.all_free().await;
        outbox.close();
        Ok(())
    }

    /// Answers without a call, when there is room: whoever does not read is not read either.
    async fn tell(&self, answer: Option<Vec<u8>>) {
        let outbox = &self.subscriptions.outbox;
        outbox.room(self.dispatch.limits.concurrent_calls).await;
        if let Some(bytes) = answer {
            outbox.answer(bytes, &[], None);
        }
    }

    async fn write(&self, outgoing: &mut impl Outgoing) -> io::Result<()> {
        let (limit, clock) = (self.dispatch.limits.write_stall, &self.dispatch.clock);
        while let Some(message) = self.subscriptions.outbox.next().await {
            let sent = clock.timeout(limit, outgoing.send(message)).await;
            sent.map_err(|timed_out| io::Error::new(io::ErrorKind::TimedOut, timed_out))??;
        }
        Ok(())
    }
}
