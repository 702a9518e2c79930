//! The parts of a channel that are no public interface, for the benchmarks of this crate alone (feature `testing`).
//!
//! An item here may change in any release.

use std::sync::Arc;
use std::task::Waker;

use futures::FutureExt;

use crate::channel::outbox::{Offered, Outbox};
use crate::clock::Clock;
use crate::event::Watchers;
use crate::message::frame::{self, Kind};
use crate::message::lane::{LaneIndex, LaneTable};
use crate::message::window::Pace;
use crate::message::{Grants, Inbox, Message, MessageId, MessageSpec, MessageSubsystem};

fn table<M: Message>() -> (Arc<LaneTable>, LaneIndex) {
    let table = LaneTable::new([(MessageSpec::of::<M>(), false)]).expect("one message is a set");
    let lane = table.find(M::ID).expect("its lane");
    (Arc::new(table), lane)
}

/// What a channel sends, without its socket: one lane.
#[derive(Debug)]
pub struct Sending {
    outbox: Outbox,
    lane: LaneIndex,
    id: MessageId,
    frame: Vec<u8>,
    batch: Vec<u8>,
}

impl Sending {
    /// With the whole window of `M` to send, and room for it.
    pub fn of<M: Message>() -> Self {
        let (table, lane) = table::<M>();
        Self { outbox: Outbox::new(table, usize::MAX), lane, id: M::ID, frame: Vec::new(), batch: Vec::new() }
    }

    /// Appends a frame; says whether there was credit.
    pub fn offer(&mut self, payload: &[u8]) -> bool {
        self.frame.clear();
        frame::write(&mut self.frame, Kind::Message, self.id, payload);
        self.outbox.offer(self.lane, &self.frame) == Offered::Taken
    }

    /// Takes all frames, as the writer does; says how many bytes.
    pub fn take(&mut self) -> usize {
        self.batch.clear();
        self.outbox.take(&mut self.batch, |_| ());
        self.batch.len()
    }

    /// Adds credit, as a window frame does.
    pub fn add_credit(&mut self, bytes: u32) -> bool {
        self.outbox.add_credit(self.lane, bytes).is_some()
    }
}

/// Nobody to send credit to.
struct NoPeer;

impl Grants for NoPeer {
    fn grant(&self, _: MessageId, _: u32) {}
    fn refuse(&self, _: LaneIndex, _: u32, _: &str) {}
    fn received(&self, _: &'static str, _: &'static str, _: usize) {}
}

/// What a channel receives, without its socket: one lane, and those who subscribed to it.
#[derive(Debug)]
pub struct Receiving {
    subsystem: Arc<MessageSubsystem>,
    lane: LaneIndex,
    inboxes: Vec<Inbox>,
    wake: Vec<Waker>,
}

impl Receiving {
    /// With so many subscribers to `M`.
    pub fn of<M: Message>(subscribers: usize) -> Self {
        let ((table, lane), pace) = (table::<M>(), Pace::new(Clock::simulated(), 0, Arc::default()));
        let subsystem = Arc::new(MessageSubsystem::new(table, Arc::new(NoPeer), Watchers::default(), pace));
        let inboxes = (0..subscribers).map(|_| subsystem.subscribe("", &[lane])).collect();
        Self { subsystem, lane, inboxes, wake: Vec::new() }
    }

    /// Hands a run of whole frames to the subscribers and wakes them; says whether the window allowed it.
    pub fn deliver(&mut self, run: &[u8]) -> bool {
        let delivered = self.subsystem.deliver(self.lane, run, false, &mut self.wake);
        self.wake.drain(..).for_each(Waker::wake);
        delivered.is_ok()
    }

    /// Takes one message out of the inbox of a subscriber; says how many bytes it has.
    pub fn next(&mut self, subscriber: usize) -> Option<usize> {
        // Now and then an inbox lets others run first: then it is asked once more.
        (0..2).find_map(|_| Some(self.inboxes[subscriber].next().now_or_never()?.ok()?.len()))
    }
}

/// A run of `n` frames of `M` with this payload.
pub fn run<M: Message>(payload: &[u8], n: usize) -> Vec<u8> {
    let mut run = Vec::new();
    (0..n).for_each(|_| frame::write(&mut run, Kind::Message, M::ID, payload));
    run
}
