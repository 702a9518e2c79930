//! From one message to what answers it: finds the API, calls it within its time, and lets a panic hurt nobody.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

use super::api::{Answer, Api, Rows};
use super::apis::Apis;
use super::error::{RpcError, code};
use super::outbox::{Outbox, SubscriptionId};
use super::places::Places;
use super::settings::RpcLimits;
use super::wire::{self, Bounds, Call, Id, Incoming, Item, Params};
use crate::clock::Clock;
use crate::tasks::{TaskGroup, panic_text};

/// What answers the messages of one transport.
pub(crate) struct Dispatch {
    pub(crate) apis: Apis,
    pub(crate) limits: RpcLimits,
    pub(crate) clock: Clock,
}

/// What answers one message.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// `None`: nobody waits for one.
    pub(crate) bytes: Option<Vec<u8>>,
    /// The subscriptions it tells of.
    pub(crate) begun: Vec<SubscriptionId>,
}

impl Reply {
    /// The same when it does not tell of them: they end, or each would keep a place under an id that nobody knows.
    fn without_subscriptions(self, subscriptions: Option<&Subscriptions>) -> Self {
        if let Some(subscriptions) = subscriptions {
            subscriptions.retract(&self.begun);
        }
        Self { begun: Vec::new(), ..self }
    }
}

/// Where the subscriptions of a connection live; there are none over HTTP.
#[derive(Clone)]
pub(crate) struct Subscriptions {
    pub(crate) outbox: Outbox,
    pub(crate) places: Places,
    pub(crate) tasks: TaskGroup,
}

impl Subscriptions {
    /// Ends what nobody will be told of.
    pub(crate) fn retract(&self, begun: &[SubscriptionId]) {
        for id in begun {
            self.outbox.retract(*id);
        }
    }
}

impl Dispatch {
    /// Answers one message.
    pub(crate) async fn answer(&self, bytes: &[u8], subscriptions: Option<&Subscriptions>) -> Reply {
        match wire::read(bytes, self.bounds()) {
            Err(error) => Reply { bytes: Some(self.refusal(error)), begun: Vec::new() },
            Ok(Incoming::One(item)) => self.answer_one(item, subscriptions).await,
            Ok(Incoming::Batch(items)) => self.answer_batch(items, subscriptions).await,
        }
    }

    /// The answer to what was no request.
    pub(crate) fn refusal(&self, error: RpcError) -> Vec<u8> {
        wire::response(&Id::Null, &Err(error), self.limits.answer_bytes)
    }

    /// The same error for every call of a message; `None` when nobody waits for an answer.
    pub(crate) fn refuse_each(&self, bytes: &[u8], error: &RpcError) -> Option<Vec<u8>> {
        let one = |item: Item| match item {
            Ok(call) => call.id.map(|id| wire::response(&id, &Err(error.clone()), self.limits.answer_bytes)),
            Err(invalid) => Some(wire::response(&invalid.id, &Err(invalid.error), self.limits.answer_bytes)),
        };
        match wire::read(bytes, self.bounds()) {
            Err(error) => Some(self.refusal(error)),
            Ok(Incoming::One(item)) => one(item),
            Ok(Incoming::Batch(items)) => list(items.into_iter().filter_map(one)),
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds { depth: self.limits.depth, batch: self.limits.batch }
    }

    async fn answer_one(&self, item: Item, subscriptions: Option<&Subscriptions>) -> Reply {
        let most = self.limits.answer_bytes;
        let Call { id, method, params } = match item {
            Ok(call) => call,
            Err(invalid) => {
                return Reply {
                    bytes: Some(wire::response(&invalid.id, &Err(invalid.error), most)),
                    begun: Vec::new(),
                };
            }
        };
        let (outcome, begun) = self.call(&method, params, subscriptions).await;
        let bytes = id.map(|id| wire::response(&id, &outcome, most));
        let reply = Reply { bytes, begun: begun.into_iter().collect() };
        // A notification is not answered; and an error that stands in for an answer is longer than an id.
        let is_told = reply.bytes.as_ref().is_some_and(|bytes| bytes.len() <= most);
        if is_told { reply } else { reply.without_subscriptions(subscriptions) }
    }

    /// The calls of a batch run side by side; their answers stand in the order of the calls. One that does not fit beside those
    /// that were ready before it is an error under its own id, so that what is held stays within the bound.
    async fn answer_batch(&self, items: Vec<Item>, subscriptions: Option<&Subscriptions>) -> Reply {
        let most = self.limits.answer_bytes;
        let (mut answers, mut begun, mut bytes) = (vec![None; items.len()], Vec::new(), 0);
        let mut calls: FuturesUnordered<_> = items
            .into_iter()
            .enumerate()
            .map(|(at, item)| async move { (at, id_of(&item), self.answer_one(item, subscriptions).await) })
            .collect();
        while let Some((at, id, mut reply)) = calls.next().await {
            let long = reply.bytes.as_ref().map_or(0, Vec::len);
            if bytes + long > most {
                reply = reply.without_subscriptions(subscriptions);
                let problem = format!("the answers to the batch have more than {most} bytes: make smaller batches");
                let error = Err(RpcError::new(code::ANSWER_TOO_LARGE, problem));
                reply.bytes = id.map(|id| wire::response(&id, &error, most));
            }
            bytes += reply.bytes.as_ref().map_or(0, Vec::len);
            begun.extend(reply.begun);
            answers[at] = reply.bytes;
            // A batch of large answers must not keep its thread from everybody else.
            smol::future::yield_now().await;
        }
        Reply { bytes: list(answers.into_iter().flatten()), begun }
    }

    async fn call(
        &self,
        method: &str,
        params: Params,
        subscriptions: Option<&Subscriptions>,
    ) -> (Answer, Option<SubscriptionId>) {
        if let Some(answer) = super::discover::own_method(&self.apis, method) {
            return (answer, None);
        }
        let Some((api, name)) = self.find(method) else { return (Err(RpcError::method_not_found(method)), None) };
        match name {
            "subscribe" => match self.subscribe(api, params, subscriptions).await {
                Ok(id) => (Ok(id.to_string().into()), Some(id)),
                Err(error) => (Err(error), None),
            },
            "unsubscribe" => (unsubscribe(api, &params, subscriptions), None),
            _ if api.description().method(name).is_none() => (Err(RpcError::method_not_found(method)), None),
            _ => (self.guarded(method, async { api.call(name, params).await }).await, None),
        }
    }

    fn find<'a>(&self, method: &'a str) -> Option<(&Arc<dyn Api>, &'a str)> {
        let (namespace, name) = method.split_once('_')?;
        Some((self.apis.find(namespace)?, name))
    }

    /// Runs the author's code: within its time, and a panic is an answer too.
    async fn guarded<T>(&self, method: &str, work: impl Future<Output = Result<T, RpcError>>) -> Result<T, RpcError> {
        let limit = self.limits.request_timeout;
        match self.clock.timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => {
                log::error!(target: "net", "rpc: `{method}` panicked: {}", panic_text(&*panic));
                Err(RpcError::new(code::INTERNAL, "internal error: the method panicked"))
            }
            Err(_) => Err(RpcError::new(code::TIMED_OUT, format!("the method did not answer within {limit:?}"))),
        }
    }

    async fn subscribe(
        &self,
        api: &Arc<dyn Api>,
        params: Params,
        subscriptions: Option<&Subscriptions>,
    ) -> Result<SubscriptionId, RpcError> {
        let Some(subscriptions) = subscriptions else {
            let problem = "subscriptions need a connection that stays: use WebSocket, a Unix socket or TCP";
            return Err(RpcError::new(code::NOT_SUPPORTED, problem));
        };
        let (name, params) = named(params)?;
        let (about, most) = (api.description(), self.limits.subscriptions);
        if about.subscription(&name).is_none() {
            let known: Vec<_> = about.subscriptions.iter().map(|known| format!("`{}`", known.name)).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let problem = format!(
                "method not found: `{}` has no subscription `{}`, it has {known}",
                about.namespace,
                super::error::shortened(&name)
            );
            return Err(RpcError::new(code::METHOD_NOT_FOUND, problem));
        }
        let Some(place) = subscriptions.places.take() else {
            let problem = format!("this connection has {most} subscriptions, the most there may be: end one first");
            return Err(RpcError::limit_exceeded("subscriptions", most, problem));
        };
        let method = format!("{}_subscribe {name}", about.namespace);
        let rows = self.guarded(&method, async { api.clone().subscribe(&name, params).await }).await?;
        let (id, gone) = subscriptions.outbox.subscribe(about.namespace, place);
        let (outbox, tasks) = (subscriptions.outbox.clone(), &subscriptions.tasks);
        tasks.spawn("an rpc subscription", async move {
            gone.unless(pump(method, rows, id, outbox)).await;
        });
        Ok(id)
    }
}

/// The id an item is answered under, if it is.
fn id_of(item: &Item) -> Option<Id> {
    match item {
        Ok(call) => call.id.clone(),
        Err(invalid) => Some(invalid.id.clone()),
    }
}

/// The answer to a batch; `None` when nobody waits for one.
fn list(answers: impl Iterator<Item = Vec<u8>>) -> Option<Vec<u8>> {
    let mut list = Vec::new();
    for answer in answers {
        list.push(if list.is_empty() { b'[' } else { b',' });
        list.extend(answer);
    }
    if list.is_empty() {
        return None;
    }
    list.push(b']');
    Some(list)
}

/// Carries the values of a subscription to its queue.
async fn pump(method: String, mut rows: Rows, id: SubscriptionId, outbox: Outbox) {
    let error = loop {
        match AssertUnwindSafe(rows.next()).catch_unwind().await {
            Ok(Some(Ok(value))) => outbox.push(id, &value),
            Ok(Some(Err(error))) => break Some(error),
            Ok(None) => break None,
            Err(panic) => {
                log::error!(target: "net", "rpc: `{method}` panicked: {}", panic_text(&*panic));
                break Some(RpcError::new(code::INTERNAL, "internal error: the subscription panicked"));
            }
        }
        // A stream that is always ready must not keep its thread from everybody else.
        smol::future::yield_now().await;
    };
    outbox.end(id, error);
}

/// The first argument of a `subscribe`, its name, and what is left for the subscription itself.
fn named(params: Params) -> Result<(String, Params), RpcError> {
    let wrong = || RpcError::invalid_params("the first argument is the name of a subscription");
    let Params::Positional(mut values) = params else { return Err(wrong()) };
    if values.is_empty() {
        return Err(wrong());
    }
    let Value::String(name) = values.remove(0) else { return Err(wrong()) };
    // By name, as one map: `["ticks", {"every": 5}]` is not told from a subscription that takes a map, so it is in order.
    Ok((name, Params::Positional(values)))
}

fn unsubscribe(api: &Arc<dyn Api>, params: &Params, subscriptions: Option<&Subscriptions>) -> Answer {
    let id = match params {
        Params::Positional(values) => match values.as_slice() {
            [Value::String(id)] => id,
            _ => return Err(RpcError::invalid_params("the one argument is the id of a subscription")),
        },
        _ => return Err(RpcError::invalid_params("the one argument is the id of a subscription")),
    };
    let namespace = api.description().namespace;
    Ok(json!(subscriptions.is_some_and(|subscriptions| subscriptions.outbox.unsubscribe(namespace, id))))
}
