//! A connection that stays, seen from the caller: who waits for which answer, and where notifications go.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::channel::{mpsc, oneshot};
use futures::future::{Either, select};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use smol::{Executor, Task};

use super::super::api::Answer;
use super::super::error::{RpcError, code};
use super::super::transport::{Incoming, Outgoing, Received};
use super::super::wire::{self, Call, Id, Params};
use super::error::{CallError, SubscriptionError};
use super::size::Size;
use super::subscription::Queue;

/// Messages that wait to be sent, besides one for each caller.
const WAITING: usize = 16;
/// Lists and maps within each other that an answer may have: what the decoder itself takes.
const DEPTH: usize = 127;

/// One connection; the task that drives it ends with it.
pub(super) struct Link {
    state: Arc<Mutex<State>>,
    send: mpsc::Sender<ToSend>,
    _drive: Task<()>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    pending: BTreeMap<u64, Pending>,
    subscriptions: BTreeMap<(String, String), Weak<Queue>>,
    /// Why nothing comes any more.
    closed: Option<String>,
}

struct ToSend {
    bytes: Vec<u8>,
    /// Told when the bytes are on their way.
    sent: Option<oneshot::Sender<()>>,
}

struct Pending {
    answer: oneshot::Sender<Result<Answered, CallError>>,
    /// That of the message it is in, once that is on its way.
    size: Option<Size>,
    /// The namespace of the subscription this call begins.
    subscribes: Option<String>,
}

enum Answered {
    Call(Answer),
    Subscribed(Arc<Queue>),
}

/// Takes a caller off the list that no longer waits.
struct Waiting<'a> {
    link: &'a Link,
    id: u64,
    answer: oneshot::Receiver<Result<Answered, CallError>>,
}

impl Link {
    pub(super) fn new(
        executor: &Arc<Executor<'static>>,
        incoming: impl Incoming,
        outgoing: impl Outgoing,
    ) -> Arc<Self> {
        let (send, to_send) = mpsc::channel(WAITING);
        let state = Arc::new(Mutex::new(State::default()));
        let task = executor.spawn(drive(state.clone(), incoming, outgoing, to_send));
        Arc::new(Self { state, send, _drive: task })
    }

    pub(super) async fn call(&self, method: &str, params: Params) -> Result<Value, CallError> {
        match self.ask(method, params, None).await? {
            Answered::Call(answer) => Ok(answer?),
            Answered::Subscribed(queue) => Ok(queue.id.clone().into()),
        }
    }

    pub(super) async fn subscribe(&self, namespace: &str, params: Params) -> Result<Arc<Queue>, CallError> {
        let method = format!("{namespace}_subscribe");
        match self.ask(&method, params, Some(namespace.to_owned())).await? {
            Answered::Subscribed(queue) => Ok(queue),
            Answered::Call(answer) => {
                let id = answer?;
                Err(CallError::Protocol(format!("a subscription's id is a text, not `{id}`")))
            }
        }
    }

    async fn ask(&self, method: &str, params: Params, subscribes: Option<String>) -> Result<Answered, CallError> {
        let waiting = self.wait(subscribes)?;
        let call = Call { id: Some(Id::Number(waiting.id.into())), method: method.to_owned(), params };
        self.send(wire::to_bytes(&wire::request(call)), &[&waiting]).await?;
        waiting.answer().await
    }

    pub(super) async fn notify(&self, method: &str, params: Params) -> Result<(), CallError> {
        let call = Call { id: None, method: method.to_owned(), params };
        let (sent, is_sent) = oneshot::channel();
        let message = ToSend { bytes: wire::to_bytes(&wire::request(call)), sent: Some(sent) };
        self.send.clone().send(message).await.map_err(|_| self.lost())?;
        is_sent.await.map_err(|_| self.lost())
    }

    pub(super) async fn batch(&self, calls: Vec<(String, Params)>) -> Result<Vec<Answer>, CallError> {
        let (mut waiting, mut requests) = (Vec::new(), Vec::new());
        for (method, params) in calls {
            let one = self.wait(None)?;
            requests.push(wire::request(Call { id: Some(Id::Number(one.id.into())), method, params }));
            waiting.push(one);
        }
        self.send(wire::to_bytes(&Value::Array(requests)), &waiting.iter().collect::<Vec<_>>()).await?;
        let mut answers = Vec::new();
        for one in waiting {
            match one.answer().await? {
                Answered::Call(answer) => answers.push(answer),
                Answered::Subscribed(queue) => answers.push(Ok(queue.id.clone().into())),
            }
        }
        Ok(answers)
    }

    /// Ends a subscription whose subscriber is gone.
    pub(super) fn unsubscribe(&self, queue: &Queue) {
        let key = (queue.namespace.clone(), queue.id.clone());
        if lock(&self.state).subscriptions.remove(&key).is_none() {
            return;
        }
        let params = Params::Positional(vec![queue.id.clone().into()]);
        let call = Call { id: None, method: format!("{}_unsubscribe", queue.namespace), params };
        // A new sender has a place of its own, so this is refused only by a lost connection.
        let message = ToSend { bytes: wire::to_bytes(&wire::request(call)), sent: None };
        let _ = self.send.clone().try_send(message);
    }

    /// Sends the message of those who wait for its answers.
    async fn send(&self, bytes: Vec<u8>, waiting: &[&Waiting<'_>]) -> Result<(), CallError> {
        let size = Size::of(&bytes, waiting.len());
        {
            let mut state = lock(&self.state);
            for one in waiting {
                state.pending.entry(one.id).and_modify(|pending| pending.size = Some(size));
            }
        }
        self.send.clone().send(ToSend { bytes, sent: None }).await.map_err(|_| self.lost())
    }

    fn lost(&self) -> CallError {
        CallError::Disconnected(lock(&self.state).closed.clone().unwrap_or_else(|| "it has ended".to_owned()))
    }

    fn wait(&self, subscribes: Option<String>) -> Result<Waiting<'_>, CallError> {
        let (sender, answer) = oneshot::channel();
        let mut state = lock(&self.state);
        if let Some(reason) = &state.closed {
            return Err(CallError::Disconnected(reason.clone()));
        }
        state.last_id += 1;
        let id = state.last_id;
        state.pending.insert(id, Pending { answer: sender, size: None, subscribes });
        drop(state);
        Ok(Waiting { link: self, id, answer })
    }
}

impl Waiting<'_> {
    async fn answer(mut self) -> Result<Answered, CallError> {
        (&mut self.answer).await.unwrap_or_else(|_| Err(self.link.lost()))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(&self.link.state).pending.remove(&self.id);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        write!(f, "Link({} calls, {} subscriptions)", state.pending.len(), state.subscriptions.len())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends what callers ask and hands out what comes, until one of the two ends.
async fn drive(
    state: Arc<Mutex<State>>,
    mut incoming: impl Incoming,
    mut outgoing: impl Outgoing,
    mut to_send: mpsc::Receiver<ToSend>,
) {
    let end = {
        let reading = pin!(async {
            while let Some(received) = incoming.next().await? {
                match received {
                    Received::Message(bytes) => take(&state, &bytes),
                    Received::TooLong => return Err(io::Error::other("an answer is longer than this client takes")),
                }
            }
            Ok(())
        });
        let writing = pin!(async {
            while let Some(ToSend { bytes, sent }) = to_send.next().await {
                outgoing.send(bytes).await?;
                // Most of them wait for an answer instead.
                let _ = sent.map(|sent| sent.send(()));
            }
            Ok(())
        });
        match select(reading, writing).await {
            Either::Left((end, _)) | Either::Right((end, _)) => end,
        }
    };
    let reason = end.map_or_else(|error: io::Error| error.to_string(), |()| "the server closed it".to_owned());
    lock(&state).close(&reason);
    outgoing.finish().await;
}

/// Hands out one message.
fn take(state: &Mutex<State>, bytes: &[u8]) {
    match wire::value(bytes, DEPTH) {
        Ok(Value::Array(answers)) => answers.into_iter().for_each(|answer| lock(state).take(answer)),
        Ok(one) => lock(state).take(one),
        Err(error) => log::warn!(target: "net", "rpc: the server sent what is no answer: {error}"),
    }
}

impl State {
    fn take(&mut self, mut message: Value) {
        if message.get("method").is_some() {
            return self.notified(&mut message);
        }
        let answer = answer_of(&mut message);
        match message.get("id").and_then(Value::as_u64) {
            Some(id) => self.answered(id, answer),
            None => {
                if let Err(error) = answer {
                    self.refused(&error);
                }
            }
        }
    }

    /// The server could not read a message, not even whose it is.
    fn refused(&mut self, error: &RpcError) {
        let meant = |pending: &mut Pending| pending.size.is_some_and(|size| size.may_be_meant(error));
        for (_, pending) in self.pending.extract_if(.., |_, pending| meant(pending)) {
            let _ = pending.answer.send(Err(error.clone().into()));
        }
    }

    fn answered(&mut self, id: u64, answer: Answer) {
        let Some(pending) = self.pending.remove(&id) else { return };
        let answered = match (answer, pending.subscribes) {
            (Ok(Value::String(id)), Some(namespace)) => {
                let queue = Arc::new(Queue::new(namespace.clone(), id.clone()));
                // Known from here on: its first notification may be the next message.
                self.subscriptions.insert((namespace, id), Arc::downgrade(&queue));
                Answered::Subscribed(queue)
            }
            (answer, _) => Answered::Call(answer),
        };
        let _ = pending.answer.send(Ok(answered));
    }

    fn notified(&mut self, message: &mut Value) {
        let namespace = message["method"].as_str().and_then(|method| method.strip_suffix("_subscription"));
        let id = message["params"]["subscription"].as_str();
        let (Some(namespace), Some(id)) = (namespace, id) else { return };
        let key = (namespace.to_owned(), id.to_owned());
        let Some(queue) = self.subscriptions.get(&key).and_then(Weak::upgrade) else { return };
        let params = &mut message["params"];
        let lost = params["lost"].as_u64().unwrap_or(0);
        if params["ended"] == json!(true) {
            self.subscriptions.remove(&key);
            queue.push(lost, None);
            let error = serde_json::from_value(params["error"].take()).ok();
            queue.end(error.map(SubscriptionError::Ended));
        } else {
            queue.push(lost, Some(params["result"].take()));
        }
    }

    fn close(&mut self, reason: &str) {
        self.closed = Some(reason.to_owned());
        for pending in std::mem::take(&mut self.pending).into_values() {
            let _ = pending.answer.send(Err(CallError::Disconnected(reason.to_owned())));
        }
        for queue in std::mem::take(&mut self.subscriptions).into_values().filter_map(|queue| queue.upgrade()) {
            queue.end(Some(SubscriptionError::Disconnected(reason.to_owned())));
        }
    }
}

/// What an answer says, as far as it is one.
pub(super) fn answer_of(message: &mut Value) -> Answer {
    match message.get_mut("error") {
        Some(error) if !error.is_null() => Err(serde_json::from_value(error.take())
            .unwrap_or_else(|_| RpcError::new(code::INTERNAL, "the server sent an error in a form of its own"))),
        _ => Ok(message.get_mut("result").map(Value::take).unwrap_or_default()),
    }
}
