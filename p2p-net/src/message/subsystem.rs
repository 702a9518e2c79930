//! The receiving half of a channel: a dispatcher per lane. In DarkFi: `MessageSubsystem`.
//!
//! The channel's reader calls [`MessageSubsystem::deliver`]; consumers, through their inboxes, report what they have
//! consumed. It never decodes a message and never waits.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use event_listener::Event;

use super::dispatcher::WindowExceeded;
use super::frame::Kind;
use super::lane::{LaneIndex, LaneKind, LaneTable};
use super::window::{MOST_GROWTH, Pace};
use super::{Inbox, InboxShared, MessageDispatcher, MessageId};
use crate::event::Watchers;
use crate::rate::Rate;

/// What the subsystem needs from the sending half of its channel, and from the node.
pub trait Grants: Send + Sync {
    /// Tells the peer that it may send `bytes` more of the message `id`.
    fn grant(&self, id: MessageId, bytes: u32);
    /// Tells the peer, if that needs no waiting, that its request `number` is not answered, and why.
    fn refuse(&self, replies: LaneIndex, number: u32, text: &str);
    /// A subscriber, by name, took a message; for those who watch.
    fn received(&self, protocol: &'static str, message: &'static str, bytes: usize);
}

/// What a peer did that no honest peer does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A frame of a kind that does not exist.
    #[error("{0}")]
    Frame(#[from] super::frame::FrameError),
    /// A message that this node does not take.
    #[error("no protocol here takes message {0}")]
    UnknownMessage(MessageId),
    /// A frame that cannot be in its lane, such as a reply where messages go, or one without its fixed fields.
    #[error("a frame of kind {kind:?} does not belong in the lane of `{lane}`")]
    Misplaced {
        /// The frame's kind.
        kind: Kind,
        /// The lane's message.
        lane: &'static str,
    },
    /// A message over its type's `MAX_BYTES`.
    #[error("`{lane}` of more than {max_bytes} bytes")]
    TooLarge {
        /// The lane's message.
        lane: &'static str,
        /// What is allowed.
        max_bytes: usize,
    },
    /// More bytes than the receiver gave credit for.
    #[error("more `{0}` than its window allows")]
    WindowExceeded(&'static str),
    /// More messages than the type's rate allows.
    #[error("more `{lane}` than its rate allows: {rate}")]
    RateLimited {
        /// The lane's message.
        lane: &'static str,
        /// The rate.
        rate: Rate,
    },
    /// More credit than the window may grow to.
    #[error("more credit for `{0}` than {MOST_GROWTH} times its window")]
    CreditExceeded(&'static str),
}

/// The dispatchers of a channel, one per message type.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
/// # #[protocol] async fn shout(_say: Say) {}
/// # testing::pair().with::<shout>().run(async |[alice, bob]| {
/// let channel = alice.to(&bob);
/// let lanes = channel.message_subsystem().lanes();
/// assert!(lanes.find(Say::ID).is_some());
/// # });
/// ```
pub struct MessageSubsystem {
    lanes: Arc<LaneTable>,
    dispatchers: Box<[MessageDispatcher]>,
    grants: Arc<dyn Grants>,
    watchers: Watchers,
    pace: Pace,
    /// A subscriber has handled all, or is gone.
    at_rest: Event,
}

impl MessageSubsystem {
    pub(crate) fn new(lanes: Arc<LaneTable>, grants: Arc<dyn Grants>, watchers: Watchers, pace: Pace) -> Self {
        let dispatchers = lanes.lanes().iter().map(|lane| MessageDispatcher::new(lane.window)).collect();
        Self { lanes, dispatchers, grants, watchers, pace, at_rest: Event::new() }
    }

    /// The lanes this node knows.
    pub fn lanes(&self) -> &Arc<LaneTable> {
        &self.lanes
    }

    /// An inbox for the messages at `lanes`; everything from now on is in it.
    pub(crate) fn subscribe(self: &Arc<Self>, owner: &'static str, lanes: &[LaneIndex]) -> Inbox {
        let shared = Arc::<InboxShared>::default();
        for &lane in lanes {
            self.dispatchers[lane.get()].subscribe(shared.clone());
        }
        Inbox::new(self.clone(), owner, shared, self.watchers.clone(), lanes)
    }

    /// Hands a run of frames of one lane to its subscribers, if there are any; those to be woken are added to `wake`.
    ///
    /// `in_parts`: the run ends within a message. Says whether there was anybody.
    pub(crate) fn deliver(
        &self,
        lane: LaneIndex,
        run: &[u8],
        in_parts: bool,
        wake: &mut Vec<Waker>,
    ) -> Result<bool, Violation> {
        let due = self.dispatchers[lane.get()].deliver(run, in_parts, wake, &self.pace);
        let claimed = due.is_ok_and(|(claimed, _)| claimed);
        self.settle(lane, due.map(|(_, due)| due)).map(|()| claimed)
    }

    /// Counts a run of rows, none of them taken yet.
    pub(crate) fn arrive(&self, lane: LaneIndex, bytes: usize) -> Result<(), Violation> {
        self.settle(lane, self.dispatchers[lane.get()].arrive(bytes).map(|()| 0))
    }

    /// Counts parts that are now a row as not taken.
    pub(crate) fn hold(&self, lane: LaneIndex, bytes: u32) {
        self.dispatchers[lane.get()].hold(bytes);
    }

    /// Counts rows as taken.
    pub(crate) fn release(&self, lane: LaneIndex, bytes: u32) {
        let due = self.dispatchers[lane.get()].release(bytes, &self.pace);
        if due > 0 {
            self.grants.grant(self.lanes.lane(lane).id, due);
        }
    }

    /// Tells the peer that nobody here answers its request, if that needs no waiting.
    pub(crate) fn nobody_answers(&self, request: &str, replies: LaneIndex, number: u32) {
        self.grants.refuse(replies, number, &format!("nobody here answers `{request}`"));
    }

    /// Counts a run of frames that the channel itself consumed.
    pub(crate) fn consume(&self, lane: LaneIndex, bytes: usize) -> Result<(), Violation> {
        let due = self.dispatchers[lane.get()].consume(bytes, &self.pace);
        self.settle(lane, due)
    }

    fn settle(&self, lane: LaneIndex, due: Result<u32, WindowExceeded>) -> Result<(), Violation> {
        match due {
            Ok(0) => Ok(()),
            Ok(due) => {
                self.grants.grant(self.lanes.lane(lane).id, due);
                Ok(())
            }
            Err(WindowExceeded) => Err(Violation::WindowExceeded(self.lanes.lane(lane).name)),
        }
    }

    pub(crate) fn taken(&self, lane: LaneIndex, inbox: &Arc<InboxShared>, bytes: u32) {
        let due = self.dispatchers[lane.get()].taken(inbox, bytes, &self.pace);
        if due > 0 {
            self.grants.grant(self.lanes.lane(lane).id, due);
        }
    }

    pub(crate) fn unsubscribe(&self, lane: LaneIndex, inbox: &Arc<InboxShared>) {
        let due = self.dispatchers[lane.get()].unsubscribe(inbox, &self.pace);
        self.notify_at_rest();
        if due > 0 {
            self.grants.grant(self.lanes.lane(lane).id, due);
        }
    }

    /// Tells those who watch that a message was taken; check before whether there are any.
    #[cold]
    pub(crate) fn received(&self, protocol: &'static str, message: &'static str, bytes: usize) {
        self.grants.received(protocol, message, bytes);
    }

    /// Notes a round trip, by which windows grow.
    pub(crate) fn measured(&self, rtt: Duration) {
        self.pace.measured(rtt);
    }

    /// Waits until all that arrived has been handled.
    pub(crate) async fn handled(&self) {
        loop {
            let listener = self.at_rest.listen();
            if self.dispatchers.iter().all(MessageDispatcher::is_at_rest) {
                return;
            }
            listener.await;
        }
    }

    /// Waits until all that arrived in these lanes has been handled.
    pub(crate) async fn handled_in(&self, lanes: &[LaneIndex]) {
        loop {
            let listener = self.at_rest.listen();
            if lanes.iter().all(|lane| self.dispatchers[lane.get()].is_at_rest()) {
                return;
            }
            listener.await;
        }
    }

    /// Tells the subscribers of these lanes that nothing more will arrive.
    pub(crate) fn close_lanes(&self, lanes: &[LaneIndex]) {
        let mut wake = Vec::new();
        for lane in lanes {
            self.dispatchers[lane.get()].close(&mut wake);
        }
        wake.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn notify_at_rest(&self) {
        self.at_rest.notify(usize::MAX);
    }

    /// Asks every subscriber for the memory it keeps for messages.
    pub(crate) fn rest(&self) {
        let mut wake = Vec::new();
        for dispatcher in &self.dispatchers {
            dispatcher.rest(&mut wake);
        }
        wake.into_iter().for_each(Waker::wake);
    }

    /// Tells every subscriber that nothing more will arrive.
    pub(crate) fn close(&self) {
        let mut wake = Vec::new();
        for dispatcher in &self.dispatchers {
            dispatcher.close(&mut wake);
        }
        wake.into_iter().for_each(Waker::wake);
    }

    /// The most memory the messages of one channel can hold, in bytes: both directions of every lane.
    pub(crate) fn ceiling(lanes: &LaneTable) -> usize {
        lanes
            .lanes()
            .iter()
            .map(|lane| if lane.kind == LaneKind::Replies { lane.ceiling() } else { 2 * lane.ceiling() })
            .sum()
    }
}

impl fmt::Debug for MessageSubsystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageSubsystem({} lanes)", self.dispatchers.len())
    }
}
