//! Streams of rows, on the side that answers: which run, and which nobody waits for any more.
//!
//! The reader only notes that a stream is cancelled; the stream's own task ends it, as it may run its author's code.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Channel;
use crate::disconnect::DisconnectReason;
use crate::error::{Error, Result};
use crate::message::{Correlation, Delivery, OwnedDelivery};
use crate::signal::Signal;

/// Streams that one end of a channel answers at once; each is a task, and holds what its author's code holds.
pub const MAX_STREAMS: usize = 64;

/// Requests that were cancelled before their handler saw them, of one channel, that are remembered.
const MAX_EARLY: usize = 256;

/// The streams that this end answers.
#[derive(Debug, Default)]
pub(super) struct Answering(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    running: BTreeMap<Correlation, Signal>,
    /// Cancelled, and not running: a cancel frame needs no credit, and so may come ahead of its request.
    early: VecDeque<Correlation>,
}

impl Answering {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody waits for the rows any more.
    pub(super) fn cancel(&self, of: Correlation) {
        let cancelled = {
            let mut state = self.lock();
            let running = state.running.get(&of).cloned();
            if running.is_none() {
                if state.early.len() >= MAX_EARLY {
                    state.early.pop_front();
                }
                state.early.push_back(of);
            }
            running
        };
        if let Some(signal) = cancelled {
            signal.give();
        }
    }

    /// Lets a stream begin; `None`: nobody waits for it any more.
    fn begin(&self, of: Correlation) -> Result<Option<Signal>, NotNow> {
        let mut state = self.lock();
        if let Some(at) = state.early.iter().position(|early| *early == of) {
            state.early.remove(at);
            return Ok(None);
        }
        if state.running.contains_key(&of) {
            return Err(NotNow::Twice);
        }
        if state.running.len() >= MAX_STREAMS {
            return Err(NotNow::Full);
        }
        let signal = Signal::default();
        state.running.insert(of, signal.clone());
        Ok(Some(signal))
    }

    fn end(&self, of: Correlation) {
        self.lock().running.remove(&of);
    }
}

/// Why a stream cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NotNow {
    /// [`MAX_STREAMS`] run.
    Full,
    /// One runs under this number.
    Twice,
}

/// A request for rows that is being answered; see [`Channel::asked`].
///
/// Dropping it before it is [finished](Self::finish) tells the peer that the stream broke off.
pub struct Asked {
    channel: Channel,
    to: Correlation,
    cancelled: Signal,
    finished: bool,
}

impl Asked {
    /// Waits until nobody waits for the rows any more.
    ///
    /// # Cancel safety
    ///
    /// Safe: cancelled stays cancelled.
    pub async fn cancelled(&self) {
        self.cancelled.wait().await;
    }

    /// The end of the stream was sent, or nobody wants to know of it.
    pub fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.channel.inner.answering.end(self.to);
        if self.finished || self.cancelled.is_given() || self.channel.disconnect().is_some() {
            return;
        }
        let (channel, to) = (self.channel.clone(), self.to);
        self.channel.inner.tasks.spawn("the end of a stream", async move {
            // Whoever reads no replies goes without.
            let _ = channel.refuse(to, "the stream broke off").await;
        });
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked(by {})", self.channel.peer_id().short())
    }
}

impl Channel {
    /// Notes that a request for rows is being answered, so that the peer can end it; for what
    /// [`answer`](crate::protocol::ProtocolJobsManager::answer)s it. `None` when nobody waits for its rows: it was sent as a
    /// plain message, was cancelled already, or was refused because [`MAX_STREAMS`] run.
    ///
    /// # Errors
    ///
    /// When the refusal cannot be sent, or the peer numbers two streams alike.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the peer may not have been told of a refusal.
    pub async fn asked(&self, delivery: Delivery<'_>) -> Result<Option<(Asked, OwnedDelivery)>> {
        let Some(to) = delivery.correlation else { return Ok(None) };
        match self.inner.answering.begin(to) {
            Ok(None) => Ok(None),
            Ok(Some(cancelled)) => {
                let asked = Asked { channel: self.clone(), to, cancelled, finished: false };
                Ok(Some((asked, delivery.to_owned())))
            }
            Err(NotNow::Twice) => {
                Err(Error::disconnect(DisconnectReason::Malformed, format!("a second stream {}", to.number)))
            }
            Err(NotNow::Full) => match self.refuse(to, &format!("{MAX_STREAMS} streams run already")).await {
                Err(error) if self.disconnect().is_none() => Err(error.into()),
                _ => Ok(None),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::lane::LaneTable;
    use crate::message::{MessageId, MessageSpec};
    use crate::protocol::argument::NoMessage;

    fn numbers() -> impl Fn(u32) -> Correlation {
        let none = MessageSpec { window: 1 << 20, name: "x", id: MessageId::of("x"), ..MessageSpec::of::<NoMessage>() };
        let replies = LaneTable::new([(none, false)]).unwrap().find(MessageId::of("x")).unwrap();
        move |number| Correlation { replies, number }
    }

    #[test]
    fn a_stream_ends_when_nobody_waits_for_it() {
        let (answering, number) = (Answering::default(), numbers());
        let signal = answering.begin(number(1)).unwrap().unwrap();
        assert_eq!(answering.begin(number(1)).unwrap_err(), NotNow::Twice);
        answering.cancel(number(1));
        assert!(signal.is_given());
        answering.end(number(1));
        assert!(answering.begin(number(1)).unwrap().is_some(), "its end freed the number");
    }

    #[test]
    fn what_was_cancelled_ahead_of_its_request_does_not_begin() {
        let (answering, number) = (Answering::default(), numbers());
        (0..10 * MAX_EARLY as u32).for_each(|n| answering.cancel(number(n)));
        assert_eq!(answering.lock().early.len(), MAX_EARLY);
        assert!(answering.begin(number(10 * MAX_EARLY as u32 - 1)).unwrap().is_none());
        assert!(answering.begin(number(10 * MAX_EARLY as u32 - 1)).unwrap().is_some(), "once");
    }

    #[test]
    fn there_is_a_most_of_streams() {
        let (answering, number) = (Answering::default(), numbers());
        assert!((0..MAX_STREAMS as u32).all(|n| answering.begin(number(n)).unwrap().is_some()));
        assert_eq!(answering.begin(number(1000)).unwrap_err(), NotNow::Full);
        answering.end(number(3));
        assert!(answering.begin(number(1000)).unwrap().is_some());
    }
}
