//! What waits to be sent over one connection: answers first, then notifications, a subscription's turn after the other's.
//!
//! Answers are bounded in number by the calls that may be under way, and in bytes; each subscription has a queue of its own,
//! which loses the oldest when it is full. So nobody who does not read holds up anybody else, or memory. Pure but for the
//! waking.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_listener::Event;
use serde_json::{Value, json};

use super::error::RpcError;
use super::places::Place;
use super::wire::to_bytes;
use crate::signal::Signal;

/// What names a subscription on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SubscriptionId(u64);

/// As geth does: a number in hexadecimal.
impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// How much waits for whoever does not read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueBounds {
    /// Bytes of one answer.
    pub(crate) answer: usize,
    /// Bytes of all answers, but for one alone.
    pub(crate) answers: usize,
    /// Notifications of a subscription before the oldest is lost.
    pub(crate) notifications: usize,
    /// Bytes of them.
    pub(crate) bytes: usize,
}

/// The outbox of one connection; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Outbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds: QueueBounds,
    state: Mutex<State>,
    /// Something has come, or has been taken.
    changed: Event,
}

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<(Vec<u8>, Option<Place>)>,
    answer_bytes: usize,
    subscriptions: BTreeMap<SubscriptionId, Queue>,
    last_id: u64,
    last_served: Option<SubscriptionId>,
    closed: bool,
}

#[derive(Debug)]
struct Queue {
    namespace: &'static str,
    /// Whether the subscriber knows its id: nothing is sent before.
    announced: bool,
    values: VecDeque<String>,
    bytes: usize,
    lost: u64,
    ended: Option<Option<RpcError>>,
    /// Given when nobody wants any more.
    gone: Signal,
    _place: Place,
}

impl Outbox {
    pub(crate) fn new(bounds: QueueBounds) -> Self {
        Self(Arc::new(Inner { bounds, state: Mutex::default(), changed: Event::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.0.changed.notify(usize::MAX);
    }

    /// Adds an answer, and lets the subscriptions begin that it tells of; `place` is given back when it is taken. When too much
    /// waits already, the answer is dropped and `place` comes back: a short one may stand in for it.
    pub(crate) fn offer(&self, bytes: Vec<u8>, begun: &[SubscriptionId], place: Place) -> Result<(), Place> {
        let mut state = self.lock();
        if !state.has_room(bytes.len(), self.0.bounds) {
            return Err(place);
        }
        for id in begun {
            if let Some(queue) = state.subscriptions.get_mut(id) {
                queue.announced = true;
            }
        }
        state.add(bytes, Some(place));
        drop(state);
        self.wake();
        Ok(())
    }

    /// Adds a short answer, however much waits.
    pub(crate) fn answer(&self, bytes: Vec<u8>, place: Option<Place>) {
        self.lock().add(bytes, place);
        self.wake();
    }

    /// Waits until fewer than `many` answers wait, and the longest has room beside them.
    pub(crate) async fn room(&self, many: usize) {
        loop {
            let listener = self.0.changed.listen();
            {
                let (state, bounds) = (self.lock(), self.0.bounds);
                if state.answers.len() < many && state.has_room(bounds.answer, bounds) {
                    return;
                }
            }
            listener.await;
        }
    }

    /// A queue for a new subscription, and what tells that it is gone.
    pub(crate) fn subscribe(&self, namespace: &'static str, place: Place) -> (SubscriptionId, Signal) {
        let (mut state, gone) = (self.lock(), Signal::default());
        state.last_id += 1;
        let id = SubscriptionId(state.last_id);
        let queue = Queue {
            namespace,
            announced: false,
            values: VecDeque::new(),
            bytes: 0,
            lost: 0,
            ended: None,
            gone: gone.clone(),
            _place: place,
        };
        state.subscriptions.insert(id, queue);
        (id, gone)
    }

    /// Ends a subscription of `namespace` at the subscriber's wish; whether there was one.
    pub(crate) fn unsubscribe(&self, namespace: &str, id: &str) -> bool {
        let state = self.lock();
        let mut found = state.subscriptions.iter();
        let Some(id) =
            found.find(|(known, queue)| queue.namespace == namespace && known.to_string() == id).map(|(id, _)| *id)
        else {
            return false;
        };
        drop(state);
        self.retract(id)
    }

    /// Ends a subscription without a word, as when nobody will know its id; whether there was one.
    pub(crate) fn retract(&self, id: SubscriptionId) -> bool {
        let queue = self.lock().subscriptions.remove(&id);
        queue.map(|queue| queue.gone.give()).is_some()
    }

    /// Adds a value to a subscription; the oldest ones make room.
    pub(crate) fn push(&self, id: SubscriptionId, value: &Value) {
        let (text, bounds) = (value.to_string(), self.0.bounds);
        let mut state = self.lock();
        let Some(queue) = state.subscriptions.get_mut(&id) else { return };
        queue.bytes += text.len();
        queue.values.push_back(text);
        while queue.values.len() > bounds.notifications || queue.bytes > bounds.bytes {
            let Some(oldest) = queue.values.pop_front() else { break };
            queue.bytes -= oldest.len();
            queue.lost += 1;
        }
        drop(state);
        self.wake();
    }

    /// No more values will come to a subscription; its subscriber is told after the last.
    pub(crate) fn end(&self, id: SubscriptionId, error: Option<RpcError>) {
        if let Some(queue) = self.lock().subscriptions.get_mut(&id) {
            queue.ended = Some(error);
        }
        self.wake();
    }

    /// Nothing will be added any more but what is there already.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake();
    }

    /// The next message to send; `None` when it is closed and all answers are taken.
    pub(crate) async fn next(&self) -> Option<Vec<u8>> {
        loop {
            let listener = self.0.changed.listen();
            let (next, closed) = {
                let mut state = self.lock();
                (state.next(), state.closed)
            };
            if next.is_some() {
                self.wake();
                return next;
            }
            if closed {
                return None;
            }
            listener.await;
        }
    }
}

impl State {
    /// Whether an answer of so many bytes may wait; one alone always may, or the longest could never be sent.
    fn has_room(&self, bytes: usize, bounds: QueueBounds) -> bool {
        self.answer_bytes == 0 || self.answer_bytes + bytes <= bounds.answers
    }

    fn add(&mut self, answer: Vec<u8>, place: Option<Place>) {
        self.answer_bytes += answer.len();
        self.answers.push_back((answer, place));
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        if let Some((bytes, _place)) = self.answers.pop_front() {
            self.answer_bytes -= bytes.len();
            return Some(bytes);
        }
        if self.closed {
            return None;
        }
        let after = self.last_served.map_or(Bound::Unbounded, Bound::Excluded);
        let ids = self.subscriptions.range((after, Bound::Unbounded)).chain(self.subscriptions.iter());
        let id = *ids.into_iter().find(|(_, queue)| queue.is_ready()).map(|(id, _)| id)?;
        self.last_served = Some(id);
        let queue = self.subscriptions.get_mut(&id)?;
        match queue.next(id) {
            Some(bytes) => Some(bytes),
            None => {
                let ended = self.subscriptions.remove(&id)?;
                Some(ended.farewell(id))
            }
        }
    }
}

impl Queue {
    fn is_ready(&self) -> bool {
        self.announced && (!self.values.is_empty() || self.ended.is_some())
    }

    /// The next notification; how many were lost before it stands beside the value.
    fn next(&mut self, id: SubscriptionId) -> Option<Vec<u8>> {
        let value = self.values.pop_front()?;
        self.bytes -= value.len();
        let lost = match std::mem::take(&mut self.lost) {
            0 => String::new(),
            lost => format!(",\"lost\":{lost}"),
        };
        let namespace = self.namespace;
        let params = format!("{{\"subscription\":\"{id}\"{lost},\"result\":{value}}}");
        Some(
            format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{namespace}_subscription\",\"params\":{params}}}").into_bytes(),
        )
    }

    /// The last notification, without a value: that there are no more, and why.
    fn farewell(self, id: SubscriptionId) -> Vec<u8> {
        let mut params = json!({ "subscription": id.to_string(), "ended": true });
        if let Some(Some(error)) = self.ended {
            params["error"] = json!(error);
        }
        if self.lost > 0 {
            params["lost"] = self.lost.into();
        }
        let method = format!("{}_subscription", self.namespace);
        to_bytes(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }
}
