//! One connection that stays: reads messages, answers them side by side, sends what waits in its outbox.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, select};
use smol::Executor;

use super::dispatch::{Dispatch, Subscriptions};
use super::error::{RpcError, code};
use super::outbox::{Outbox, QueueBounds};
use super::places::{Place, Places};
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
    let bounds = QueueBounds {
        answer: limits.answer_bytes,
        answers: limits.queued_answer_bytes,
        notifications: limits.queued_notifications,
        bytes: limits.queued_bytes,
    };
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
        let (outbox, limits) = (&self.subscriptions.outbox, &self.dispatch.limits);
        loop {
            // Whoever does not read is not read either.
            outbox.room(limits.concurrent_calls).await;
            let Some(received) = incoming.next().await? else { break };
            match (received, self.calls.take()) {
                (Received::Message(message), Some(place)) => {
                    self.begin(message, place);
                    // What is answered at once is, before there is said to be room for the next.
                    smol::future::yield_now().await;
                }
                (Received::TooLong, _) => {
                    let most = limits.body_bytes;
                    let problem = format!("a message of more than {most} bytes");
                    let error = RpcError::limit_exceeded("body_bytes", most, problem);
                    outbox.answer(self.dispatch.refusal(error), None);
                }
                (Received::Message(message), None) => {
                    let problem =
                        format!("overloaded: {} calls of this connection are under way", limits.concurrent_calls);
                    let error = RpcError::new(code::OVERLOADED, problem);
                    if let Some(refusal) = self.dispatch.refuse_each(&message, &error) {
                        outbox.answer(refusal, None);
                    }
                }
            }
        }
        self.calls.all_free().await;
        outbox.close();
        Ok(())
    }

    /// Answers a message in a task of its own.
    fn begin(&self, message: Vec<u8>, place: Place) {
        let (dispatch, subscriptions) = (self.dispatch.clone(), self.subscriptions.clone());
        self.subscriptions.tasks.spawn("an rpc call", async move {
            let (reply, outbox) = (dispatch.answer(&message, Some(&subscriptions)).await, &subscriptions.outbox);
            let Some(bytes) = reply.bytes else { return };
            let Err(place) = outbox.offer(bytes, &reply.begun, place) else { return };
            subscriptions.retract(&reply.begun);
            let most = dispatch.limits.queued_answer_bytes;
            let problem =
                format!("with this answer more than {most} bytes would wait to be read: read those before it");
            let error = RpcError::limit_exceeded("queued_answer_bytes", most, problem);
            if let Some(refusal) = dispatch.refuse_each(&message, &error) {
                outbox.answer(refusal, Some(place));
            }
        });
    }

    async fn write(&self, outgoing: &mut impl Outgoing) -> io::Result<()> {
        let (limit, clock, progress) = (self.dispatch.limits.write_stall, &self.dispatch.clock, outgoing.progress());
        while let Some(message) = self.subscriptions.outbox.next().await {
            progress.unless_stalled(clock, limit, outgoing.send(message)).await?;
        }
        Ok(())
    }
}
