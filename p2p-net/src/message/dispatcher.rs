//! The dispatcher of one lane: who subscribed to it, and how much of its window is in use. In DarkFi: `MessageDispatcher`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::InboxShared;
use super::frame::{Header, Kind};
use super::window::{Pace, Window};

/// The receiving side of one message type on one channel: its subscribers and its window.
#[derive(Debug)]
pub struct MessageDispatcher(Mutex<State>);

#[derive(Debug)]
struct State {
    window: Window,
    /// Bytes that arrived since the beginning.
    delivered: u64,
    /// Bytes of rows that came and were not taken: of lanes that nobody subscribes to, because those who asked for the
    /// rows wait for them.
    held: i64,
    /// What came last is a part with more to come.
    in_parts: bool,
    subscribers: Vec<Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    inbox: Arc<InboxShared>,
    taken: u64,
    /// It came in mid-message: the rest of that message is nothing to it.
    late: bool,
}

impl Subscriber {
    /// Copies a run to the inbox, from the first message on that is there from its start.
    fn push(&mut self, mut run: &[u8]) -> Option<Waker> {
        while self.late
            && let Ok(Some(header)) = Header::parse(run)
        {
            self.late = header.kind == Kind::Part;
            self.taken += header.frame_len() as u64;
            run = &run[header.frame_len()..];
        }
        if run.is_empty() { None } else { self.inbox.push(run) }
    }
}

/// The peer sent more than the window allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WindowExceeded;

impl MessageDispatcher {
    pub(crate) fn new(window: u32) -> Self {
        let window = Window::new(window);
        Self(Mutex::new(State { window, delivered: 0, held: 0, in_parts: false, subscribers: Vec::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies a run of frames to every subscriber, and adds those who wait for it to `wake`. Says whether there was any, and
    /// the credit that is due at once: what nobody subscribed to, or came for too late, is consumed by arriving.
    ///
    /// `in_parts`: the run ends within a message.
    pub(crate) fn deliver(
        &self,
        run: &[u8],
        in_parts: bool,
        wake: &mut Vec<Waker>,
        pace: &Pace,
    ) -> Result<(bool, u32), WindowExceeded> {
        let mut state = self.lock();
        state.arrived(run.len())?;
        state.in_parts = in_parts;
        let (claimed, mut passed_over) = (!state.subscribers.is_empty(), false);
        for subscriber in &mut state.subscribers {
            passed_over |= subscriber.late;
            wake.extend(subscriber.push(run));
        }
        let due = if claimed && !passed_over { 0 } else { state.due(pace) };
        Ok((claimed, due))
    }

    /// Counts a run that the channel itself consumed.
    pub(crate) fn consume(&self, bytes: usize, pace: &Pace) -> Result<u32, WindowExceeded> {
        let mut state = self.lock();
        state.arrived(bytes)?;
        Ok(state.due(pace))
    }

    /// Counts a run that came and is not consumed until it is [released](Self::release).
    pub(crate) fn arrive(&self, bytes: usize) -> Result<(), WindowExceeded> {
        let mut state = self.lock();
        state.arrived(bytes)?;
        state.held += bytes as i64;
        Ok(())
    }

    /// Counts bytes as not consumed that were: the parts of a row, which are now a row that waits to be taken.
    pub(crate) fn hold(&self, bytes: u32) {
        self.lock().held += i64::from(bytes);
    }

    /// Counts bytes as consumed; returns the credit that is due.
    pub(crate) fn release(&self, bytes: u32, pace: &Pace) -> u32 {
        let mut state = self.lock();
        state.held -= i64::from(bytes);
        state.due(pace)
    }

    pub(crate) fn subscribe(&self, inbox: Arc<InboxShared>) {
        let mut state = self.lock();
        let (taken, late) = (state.delivered, state.in_parts);
        state.subscribers.push(Subscriber { inbox, taken, late });
    }

    /// Forgets a subscriber; returns the credit that only it held back.
    pub(crate) fn unsubscribe(&self, inbox: &Arc<InboxShared>, pace: &Pace) -> u32 {
        let mut state = self.lock();
        state.subscribers.retain(|subscriber| !Arc::ptr_eq(&subscriber.inbox, inbox));
        state.due(pace)
    }

    /// Counts bytes that a subscriber consumed; returns the credit that is due.
    pub(crate) fn taken(&self, inbox: &Arc<InboxShared>, bytes: u32, pace: &Pace) -> u32 {
        let mut state = self.lock();
        if let Some(subscriber) = state.subscribers.iter_mut().find(|known| Arc::ptr_eq(&known.inbox, inbox)) {
            subscriber.taken += u64::from(bytes);
        }
        state.due(pace)
    }

    /// Whether every subscriber has handled what arrived, or is not at it.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.lock().subscribers.iter().all(|subscriber| subscriber.inbox.is_at_rest())
    }

    /// Asks every subscriber for the memory it keeps for messages.
    pub(crate) fn rest(&self, wake: &mut Vec<Waker>) {
        for subscriber in &self.lock().subscribers {
            wake.extend(subscriber.inbox.rest());
        }
    }

    pub(crate) fn close(&self, wake: &mut Vec<Waker>) {
        for subscriber in &self.lock().subscribers {
            wake.extend(subscriber.inbox.close());
        }
    }
}

impl State {
    fn arrived(&mut self, bytes: usize) -> Result<(), WindowExceeded> {
        self.delivered += bytes as u64;
        if self.window.allows(self.delivered) { Ok(()) } else { Err(WindowExceeded) }
    }

    /// The credit that is due; the slowest subscriber decides.
    fn due(&mut self, pace: &Pace) -> u32 {
        let taken = self.subscribers.iter().map(|known| known.taken).min();
        let held = u64::try_from(self.held).unwrap_or(0);
        // A row of many parts is consumed while it comes and held once it is there: then nothing is due for a while.
        let consumed = taken.unwrap_or_else(|| self.delivered.saturating_sub(held));
        self.window.due(consumed, pace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::message::{MessageId, frame};

    /// Of a channel whose windows stay as they are.
    fn pace() -> Pace {
        Pace::new(Clock::simulated(), 0, Arc::default())
    }

    #[test]
    fn the_slowest_subscriber_decides_when_credit_returns() {
        let (lane, quick, slow) = (MessageDispatcher::new(100), Arc::default(), Arc::default());
        lane.subscribe(Arc::clone(&quick));
        lane.subscribe(Arc::clone(&slow));
        assert_eq!(lane.deliver(&[0; 60], false, &mut Vec::new(), &pace()), Ok((true, 0)));
        assert_eq!(lane.taken(&quick, 60, &pace()), 0);
        assert_eq!(lane.taken(&slow, 30, &pace()), 30);
        assert_eq!(lane.unsubscribe(&slow, &pace()), 30);
    }

    #[test]
    fn more_than_the_window_is_refused() {
        let lane = MessageDispatcher::new(100);
        lane.subscribe(Arc::default());
        assert_eq!(lane.deliver(&[0; 100], false, &mut Vec::new(), &pace()), Ok((true, 0)));
        assert_eq!(lane.deliver(&[0; 1], false, &mut Vec::new(), &pace()), Err(WindowExceeded));
    }

    #[test]
    fn what_is_held_gives_no_credit_until_it_is_released() {
        let lane = MessageDispatcher::new(100);
        assert_eq!(lane.arrive(90), Ok(()));
        assert_eq!((lane.release(20, &pace()), lane.release(20, &pace())), (0, 40));
        assert_eq!(lane.arrive(51), Err(WindowExceeded), "50 held, 100 at most");
    }

    #[test]
    fn a_row_larger_than_the_window_is_held_once_it_is_there() {
        let lane = MessageDispatcher::new(100);
        for _ in 0..10 {
            lane.arrive(50).unwrap();
            assert_eq!(lane.release(50, &pace()), 50, "parts are consumed by arriving");
        }
        lane.arrive(50).unwrap();
        lane.hold(500);
        lane.arrive(50).unwrap();
        assert_eq!(lane.release(50, &pace()), 0, "no part of the next while the first is unread");
        assert_eq!(lane.release(550, &pace()), 100);
    }

    #[test]
    fn who_subscribes_in_mid_message_starts_with_the_next() {
        let (lane, late, mut part, mut whole) = (MessageDispatcher::new(120), Arc::default(), Vec::new(), Vec::new());
        frame::write(&mut part, Kind::Part, MessageId::of("big"), &[1; 10]);
        frame::write(&mut whole, Kind::Message, MessageId::of("big"), &[2; 10]);
        assert_eq!(lane.deliver(&part, true, &mut Vec::new(), &pace()), Ok((false, 0)));
        lane.subscribe(Arc::clone(&late));
        assert_eq!(
            lane.deliver(&part, true, &mut Vec::new(), &pace()),
            Ok((true, 36)),
            "what is passed over is consumed"
        );
        assert!(late.is_at_rest());
        assert_eq!(lane.deliver(&whole.repeat(2), false, &mut Vec::new(), &pace()), Ok((true, 0)));
        assert!(!late.is_at_rest(), "the second of the two is its first");
        assert_eq!(lane.taken(&late, 18, &pace()), 36);
    }

    #[test]
    fn what_nobody_subscribed_to_is_consumed_by_arriving() {
        let lane = MessageDispatcher::new(100);
        for _ in 0..1000 {
            assert_eq!(lane.deliver(&[0; 50], false, &mut Vec::new(), &pace()), Ok((false, 50)));
        }
    }
}
