//! The sending half of a channel: whoever adds to the outbox sees to it that it is written.
//!
//! One write a message costs 20 times more than one write for all that has gathered. So a sender that finds the socket
//! quiet writes for itself at once, which is the shortest way for a single message; under load the writer task takes
//! everything that has gathered since its last write. Nothing here knows what the frames mean.

mod pump;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use event_listener::Event;
use futures::task::AtomicWaker;

use super::outbox::{Offered, Outbox};
use super::waiting::Waiting;
use crate::clock::Clock;
use crate::event::{Events, PeerEvent};
use crate::identity::NodeId;
use crate::message::frame::{self, CORRELATION, Header, Kind};
use crate::message::lane::{LaneIndex, LaneKind, LaneSpec, LaneTable};
use crate::message::{Grants, MessageId};
use crate::transport::BoxWriter;

/// Who writes what was added to a quiet outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    /// Whoever added it: the shortest way for one message to one peer.
    Sender,
    /// The writer task: the sender has other peers to serve, and more may come for this one meanwhile.
    Task,
}

/// The outbox, and the socket it is written to.
pub(crate) struct Outgoing {
    peer: NodeId,
    clock: Clock,
    events: Events,
    table: Arc<LaneTable>,
    queue: Mutex<Queue>,
    writer: Mutex<Writer>,
    /// The writer task.
    waker: AtomicWaker,
    /// By lane: senders that wait for credit, or for a large message to be gone.
    rooms: Box<[Event]>,
    /// Senders of all lanes that found the outbox full, in the order they came.
    space: Event,
    /// When the first of them all gives up.
    waiting: Waiting,
    finished: AtomicBool,
    finish: Event,
    /// Something went over the channel since the writer task asked last.
    stirred: AtomicBool,
}

struct Queue {
    outbox: Outbox,
    /// Somebody is bound to write what is in the outbox.
    writing: bool,
    last_write: Instant,
}

struct Writer {
    /// `None` once the channel is torn down: its handles may live longer than its socket.
    io: Option<BoxWriter>,
    batch: Vec<u8>,
    at: usize,
    /// Since when the socket has taken nothing although there was something to take.
    blocked_since: Option<Instant>,
}

impl Outgoing {
    pub(crate) fn new(
        peer: NodeId,
        clock: Clock,
        events: Events,
        table: Arc<LaneTable>,
        high_water: usize,
        io: BoxWriter,
    ) -> Self {
        let last_write = clock.now();
        let rooms = table.lanes().iter().map(|_| Event::new()).collect();
        let outbox = Outbox::new(table.clone(), high_water);
        Self {
            peer,
            clock,
            events,
            table,
            queue: Mutex::new(Queue { outbox, writing: false, last_write }),
            writer: Mutex::new(Writer { io: Some(io), batch: Vec::new(), at: 0, blocked_since: None }),
            waker: AtomicWaker::new(),
            rooms,
            space: Event::new(),
            waiting: Waiting::default(),
            finished: AtomicBool::new(false),
            finish: Event::new(),
            stirred: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message that is one frame, if there is room.
    pub(crate) fn offer(&self, lane: LaneIndex, frame: &[u8], writes: Writes) -> Offered {
        let mut queue = self.lock();
        let offered = queue.outbox.offer(lane, frame);
        if offered == Offered::Taken {
            self.start_writing(queue, writes);
            if self.events.wants_messages()
                && let Ok(Some(header)) = Header::parse(frame)
            {
                let head = if header.kind.is_numbered() { CORRELATION } else { 0 };
                self.tell_sent(lane, header.kind, usize::from(header.len).saturating_sub(head));
            }
        }
        offered
    }

    /// Adds a payload of more than one frame, if its lane is free; `head` is the part of it that is not the message.
    pub(crate) fn offer_large(
        &self,
        lane: LaneIndex,
        kind: Kind,
        head: usize,
        bytes: &Arc<Vec<u8>>,
        writes: Writes,
    ) -> Offered {
        let mut queue = self.lock();
        let offered = queue.outbox.offer_large(lane, kind, bytes);
        if offered == Offered::Taken {
            self.start_writing(queue, writes);
            if self.events.wants_messages() {
                self.tell_sent(lane, kind, bytes.len() - head);
            }
        }
        offered
    }

    #[cold]
    fn tell_sent(&self, lane: LaneIndex, kind: Kind, bytes: usize) {
        let LaneSpec { carries: message, protocol, kind: of, .. } = *self.table.lane(lane);
        if kind == Kind::ReplyError || (of, kind) == (LaneKind::Rows, Kind::Reply) {
            // A refusal, and the end of a stream, are no messages.
            return;
        }
        self.events.publish(PeerEvent::MsgSend { peer: self.peer, protocol, message, bytes });
    }

    /// Where senders of `lane` wait for what they cannot do for their lane.
    pub(crate) fn room(&self, lane: LaneIndex) -> &Event {
        &self.rooms[lane.get()]
    }

    /// Where senders wait that found the outbox full.
    pub(crate) fn space(&self) -> &Event {
        &self.space
    }

    /// Sees to it that a sender who waits in a room or for space looks again at `deadline`, or soon after.
    pub(crate) fn wait_until(&self, deadline: Instant) {
        if self.waiting.until(deadline) {
            self.waker.wake();
        }
    }

    /// Whether somebody gives up before what [`expire`](Self::expire) said last.
    pub(crate) fn is_sooner(&self) -> bool {
        self.waiting.is_sooner()
    }

    /// Lets senders whose time is over know; returns when to look next.
    pub(crate) fn expire(&self, now: Instant) -> Option<Instant> {
        let (next, over) = self.waiting.expire(now);
        if over {
            self.wake_senders();
        }
        next
    }

    /// Adds credit that the peer granted; `None` when it is more than the window.
    pub(crate) fn add_credit(&self, lane: LaneIndex, credit: u32) -> Option<()> {
        let mut queue = self.lock();
        queue.outbox.add_credit(lane, credit)?;
        if queue.outbox.has_work() {
            self.start_writing(queue, Writes::Sender);
        } else {
            drop(queue);
        }
        self.rooms[lane.get()].notify(usize::MAX);
        Some(())
    }

    /// Refuses everything from now on; writes what is queued and `close`, or, without one, nothing more, and shuts the
    /// socket down for writing.
    pub(crate) fn close(&self, close: Option<&[u8]>) {
        let mut queue = self.lock();
        queue.outbox.close(close);
        // Not by the caller: it may hold locks, and the socket may be stuck.
        queue.writing = true;
        drop(queue);
        self.waker.wake();
        self.wake_senders();
    }

    /// Waits until everything is written and the socket is shut down for writing, or has failed.
    pub(crate) async fn finished(&self) {
        while !self.finished.load(Ordering::Acquire) {
            let listener = self.finish.listen();
            if !self.finished.load(Ordering::Acquire) {
                listener.await;
            }
        }
    }

    fn finish(&self) {
        self.finished.store(true, Ordering::Release);
        self.finish.notify(usize::MAX);
    }

    /// Notes that something went over the channel; the first time, the writer task begins to look whether more follows.
    #[inline]
    pub(crate) fn stir(&self) {
        if !self.stirred.load(Ordering::Relaxed) {
            self.stirred.store(true, Ordering::Relaxed);
            self.waker.wake();
        }
    }

    /// Whether something went over the channel since [`was_stirred`](Self::was_stirred) was asked last.
    pub(crate) fn is_stirred(&self) -> bool {
        self.stirred.load(Ordering::Relaxed)
    }

    /// Whether something went over the channel since this was asked last.
    pub(crate) fn was_stirred(&self) -> bool {
        self.stirred.swap(false, Ordering::Relaxed)
    }

    /// Gives back what is kept for traffic.
    pub(crate) fn rest(&self) {
        self.lock().outbox.rest();
        if let Ok(mut writer) = self.writer.try_lock()
            && writer.batch.is_empty()
        {
            writer.batch = Vec::new();
        }
    }

    /// Wakes the writer task, to look at its deadlines anew.
    pub(crate) fn wake_task(&self) {
        self.waker.wake();
    }
}

impl Outgoing {
    /// Tells the peer that nobody waits for the rows of a request.
    pub(crate) fn cancel(&self, lane: LaneIndex, number: u32) {
        let mut queue = self.lock();
        queue.outbox.cancel(lane, number);
        if queue.outbox.has_work() {
            self.start_writing(queue, Writes::Sender);
        }
    }
}

impl Outgoing {
    /// Tells the peer that a protocol has ended here, once what is under way in `lanes`, its own, has left.
    pub(crate) fn left(&self, protocol: MessageId, lanes: &[LaneIndex], detail: &[u8]) {
        let mut queue = self.lock();
        queue.outbox.left(protocol, lanes, detail);
        if queue.outbox.has_work() {
            self.start_writing(queue, Writes::Sender);
        }
    }

    /// Lets all who wait for room look anew.
    pub(crate) fn wake_senders(&self) {
        for room in self.rooms.iter().chain([&self.space]) {
            room.notify(usize::MAX);
        }
    }
}

impl Grants for Outgoing {
    fn refuse(&self, replies: LaneIndex, number: u32, text: &str) {
        let frame = frame::of(Kind::ReplyError, self.table.lane(replies).id, &number.to_le_bytes(), text.as_bytes());
        let mut queue = self.lock();
        // A peer that leaves no room for replies goes without.
        if queue.outbox.refuse(replies, &frame) == Offered::Taken {
            self.start_writing(queue, Writes::Sender);
        }
    }

    fn grant(&self, id: MessageId, bytes: u32) {
        let Some(at) = self.table.find(id) else { return };
        let mut queue = self.lock();
        queue.outbox.grant(at, bytes);
        if queue.outbox.has_work() {
            self.start_writing(queue, Writes::Sender);
        }
    }

    #[inline]
    fn received(&self, protocol: &'static str, message: &'static str, bytes: usize) {
        if self.events.wants_messages() {
            let protocol = Some(protocol).filter(|name| !name.is_empty());
            self.events.publish(PeerEvent::MsgRecv { peer: self.peer, protocol, message, bytes });
        }
    }
}

#[cfg(test)]
mod tests;
