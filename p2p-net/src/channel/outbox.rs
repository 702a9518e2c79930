//! What a channel has to send: small frames in order, large messages lane by lane, and the credit to send them. Pure code.
//!
//! Senders add under a lock, the writer takes everything in one go. A message that fits a frame is appended whole. A
//! larger one waits in its lane and is cut into parts only when the writer takes them, lane by lane in turn: a ping waits
//! for one part, never for a megabyte, and a sender that is dropped leaves no half message behind.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::message::frame::{self, HEADER, Header, Kind, MAX_PAYLOAD};
use crate::message::lane::{LaneIndex, LaneSpec, LaneTable};
use crate::message::{MessageId, Priority, window};

/// The most bytes of large messages in one write, their headers included: four whole records of TLS. 128 KiB was measured:
/// 5% more throughput, twice a sibling's round trip.
const CHUNK: usize = 64 << 10;

/// So much more may be in a write when it is the end of a message: a write of its own costs more than these bytes.
const TAIL: usize = 1 << 10;

/// What a buffer keeps once it is empty, in bytes; more is given back.
const KEEP: usize = 16 << 10;

/// What became of something offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It will be written.
    Taken,
    /// The queue is full: wait for space and offer it again.
    Full,
    /// Its lane has no credit, or a large message on its way: wait for room in the lane and offer it again.
    Blocked,
    /// The channel is over.
    Closed,
}

/// The sending half of a channel, without its socket.
#[derive(Debug)]
pub(crate) struct Outbox {
    table: Arc<LaneTable>,
    /// Whole frames, in order.
    small: Vec<u8>,
    /// Whole frames of lanes with high priority, in order; they leave first.
    urgent: Vec<u8>,
    /// Small frames either of the two holds before senders wait, in bytes.
    high_water: usize,
    /// Large messages of all lanes, in bytes.
    large: usize,
    lanes: Box<[Lane]>,
    /// Lanes with credit to give back, each once: a peer that sends and never reads must not pile up frames here.
    grants: VecDeque<LaneIndex>,
    /// Lanes with a large message and credit for some of it, in turn.
    ready: VecDeque<LaneIndex>,
    /// Protocols that have ended here, and that the peer is told of once their large messages are gone.
    leaving: Vec<Leaving>,
    /// Somebody found it full and may wait for space.
    turned_away: bool,
    closed: bool,
}

#[derive(Debug)]
struct Leaving {
    protocol: MessageId,
    busy: Vec<LaneIndex>,
    detail: Box<[u8]>,
}

#[derive(Debug)]
struct Lane {
    credit: u32,
    /// Its frames leave first.
    urgent: bool,
    /// Credit for the peer that no frame has told it of yet.
    grant: u32,
    /// One at any time, and more while there is room for all of them: whoever sends one after another need not be woken for
    /// each.
    large: VecDeque<Large>,
}

/// A message over one frame, on its way in parts; shared by the channels of a broadcast.
#[derive(Debug)]
struct Large {
    bytes: Arc<Vec<u8>>,
    sent: usize,
    last: Kind,
}

impl Lane {
    /// Whether a frame of so many bytes may be sent in it.
    #[inline]
    fn takes(&self, bytes: usize) -> bool {
        self.large.is_empty() && self.credit as usize >= bytes
    }

    #[inline]
    fn add(&mut self, frame: &[u8], queue: &mut Vec<u8>) -> Offered {
        if !self.takes(frame.len()) {
            return Offered::Blocked;
        }
        self.credit -= frame.len() as u32;
        queue.extend_from_slice(frame);
        Offered::Taken
    }
}

impl Outbox {
    pub(crate) fn new(table: Arc<LaneTable>, high_water: usize) -> Self {
        let lane = |spec: &LaneSpec| Lane {
            credit: spec.window,
            urgent: spec.priority == Priority::High,
            grant: 0,
            large: VecDeque::new(),
        };
        let lanes = table.lanes().iter().map(lane).collect();
        Self {
            table,
            small: Vec::new(),
            urgent: Vec::new(),
            high_water,
            large: 0,
            lanes,
            grants: VecDeque::new(),
            ready: VecDeque::new(),
            leaving: Vec::new(),
            turned_away: false,
            closed: false,
        }
    }

    /// Offers a message that is one frame: the whole of it, header included. All that is done here is done under a lock.
    #[inline]
    pub(crate) fn offer(&mut self, at: LaneIndex, frame: &[u8]) -> Offered {
        debug_assert!((HEADER..=HEADER + MAX_PAYLOAD).contains(&frame.len()), "{} bytes are no frame", frame.len());
        if self.closed {
            return Offered::Closed;
        }
        let lane = &mut self.lanes[at.get()];
        let queue = if lane.urgent { &mut self.urgent } else { &mut self.small };
        if queue.len() >= self.high_water && lane.takes(frame.len()) {
            self.turned_away = true;
            return Offered::Full;
        }
        lane.add(frame, queue)
    }

    /// Offers the refusal of a request, however much waits to be written: who asked has left room for a reply, which is
    /// bound enough, and learns of it in no other way.
    pub(crate) fn refuse(&mut self, at: LaneIndex, frame: &[u8]) -> Offered {
        if self.closed {
            return Offered::Closed;
        }
        let lane = &mut self.lanes[at.get()];
        let queue = if lane.urgent { &mut self.urgent } else { &mut self.small };
        lane.add(frame, queue)
    }

    /// Offers a payload of more than one frame.
    pub(crate) fn offer_large(&mut self, at: LaneIndex, kind: Kind, bytes: &Arc<Vec<u8>>) -> Offered {
        if self.closed {
            return Offered::Closed;
        }
        let lane = &mut self.lanes[at.get()];
        let first = lane.large.is_empty();
        if !first && self.large + bytes.len() > self.high_water {
            return Offered::Blocked;
        }
        self.large += bytes.len();
        lane.large.push_back(Large { bytes: bytes.clone(), sent: 0, last: kind });
        if first && lane.credit as usize > HEADER {
            self.ready.push_back(at);
        }
        Offered::Taken
    }

    /// Tells the peer that nobody waits for the rows of a request. There is one such frame a request at most, and requests
    /// need credit, so few of them by nature.
    pub(crate) fn cancel(&mut self, at: LaneIndex, number: u32) {
        if !self.closed {
            frame::write(&mut self.small, Kind::Cancel, self.table.lane(at).id, &number.to_le_bytes());
        }
    }

    /// Tells the peer that a protocol has ended here; there is one such frame a protocol at most. It leaves after what was
    /// sent before it in frames of the usual priority, and after the large messages that are on their way in `lanes`, its own.
    pub(crate) fn left(&mut self, protocol: MessageId, lanes: &[LaneIndex], detail: &[u8]) {
        if self.closed {
            return;
        }
        let busy: Vec<_> = lanes.iter().copied().filter(|at| !self.lanes[at.get()].large.is_empty()).collect();
        if busy.is_empty() {
            frame::write(&mut self.small, Kind::Left, protocol, detail);
        } else {
            self.leaving.push(Leaving { protocol, busy, detail: detail.into() });
        }
    }

    /// Tells the peer, with the next write, that it may send `bytes` more.
    pub(crate) fn grant(&mut self, at: LaneIndex, bytes: u32) {
        if self.closed || bytes == 0 {
            return;
        }
        let lane = &mut self.lanes[at.get()];
        if lane.grant == 0 {
            self.grants.push_back(at);
        }
        lane.grant = lane.grant.saturating_add(bytes);
    }

    /// Adds what the peer granted; `None` when the lane then had more than its window may grow to.
    pub(crate) fn add_credit(&mut self, at: LaneIndex, credit: u32) -> Option<()> {
        let most = window::largest(self.table.lane(at).window);
        let lane = &mut self.lanes[at.get()];
        let blocked = !lane.large.is_empty() && lane.credit as usize <= HEADER;
        lane.credit = lane.credit.checked_add(credit).filter(|sum| *sum <= most)?;
        if blocked && lane.credit as usize > HEADER {
            self.ready.push_back(at);
        }
        Some(())
    }

    /// Refuses everything from now on; what is queued is dropped but for the small frames, the last of them `close`.
    pub(crate) fn close(&mut self, close: Option<&[u8]>) {
        if self.closed {
            return;
        }
        match close {
            Some(payload) => frame::write(&mut self.small, Kind::Close, MessageId::from_wire(0), payload),
            None => (self.small, self.urgent) = (Vec::new(), Vec::new()),
        }
        self.closed = true;
        self.grants.clear();
        self.ready.clear();
        self.leaving = Vec::new();
        self.lanes.iter_mut().for_each(|lane| lane.large = VecDeque::new());
        self.large = 0;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the writer has something to take.
    #[inline]
    pub(crate) fn has_work(&self) -> bool {
        !self.small.is_empty() || !self.urgent.is_empty() || !self.grants.is_empty() || !self.ready.is_empty()
    }

    /// How many of those who found it full are to be told of the space that there is when all is taken: nobody, if there are
    /// none; one, who can fill it again, while it is full; otherwise all.
    pub(crate) fn tell_of_space(&mut self) -> usize {
        if self.turned_away && self.is_full() {
            1
        } else if std::mem::take(&mut self.turned_away) {
            usize::MAX
        } else {
            0
        }
    }

    fn is_full(&self) -> bool {
        self.small.len() >= self.high_water || self.urgent.len() >= self.high_water
    }

    /// Moves all small frames, urgent ones first, then credit to give back, then parts of large messages in turn, to the
    /// empty `batch`; `room` is told each lane that has room for large messages again.
    pub(crate) fn take(&mut self, batch: &mut Vec<u8>, mut room: impl FnMut(LaneIndex)) {
        if self.urgent.is_empty() {
            std::mem::swap(&mut self.small, batch);
        } else {
            std::mem::swap(&mut self.urgent, batch);
            batch.append(&mut self.small);
        }
        for at in self.grants.drain(..) {
            let grant = std::mem::take(&mut self.lanes[at.get()].grant);
            frame::write(batch, Kind::Window, self.table.lane(at).id, &grant.to_le_bytes());
        }
        let most = batch.len() + CHUNK + TAIL;
        while let Some(at) = self.ready.pop_front() {
            let lane = &mut self.lanes[at.get()];
            let Some(large) = lane.large.front_mut() else { continue };
            let rest = large.bytes.len() - large.sent;
            let space = most.saturating_sub(batch.len() + HEADER);
            let len = if rest <= space.min(MAX_PAYLOAD) { rest } else { space.saturating_sub(TAIL).min(MAX_PAYLOAD) };
            if len < rest.min(TAIL) {
                // Its turn is the next write's.
                self.ready.push_front(at);
                break;
            }
            let len = len.min(lane.credit as usize - HEADER);
            let kind = if len == rest { large.last } else { Kind::Part };
            batch.extend_from_slice(&Header::new(kind, self.table.lane(at).id, len).to_wire());
            batch.extend_from_slice(&large.bytes[large.sent..large.sent + len]);
            large.sent += len;
            lane.credit -= (HEADER + len) as u32;
            if len == rest {
                self.large -= large.bytes.len();
                lane.large.pop_front();
                if lane.large.is_empty() || self.large <= self.high_water / 2 {
                    room(at);
                }
            }
            if lane.large.is_empty() {
                self.tell_who_left(at, batch);
            } else if self.lanes[at.get()].credit as usize > HEADER {
                self.ready.push_back(at);
            }
        }
    }

    /// Adds the end of protocols whose last large message was in this lane.
    fn tell_who_left(&mut self, at: LaneIndex, batch: &mut Vec<u8>) {
        self.leaving.retain_mut(|leaving| {
            leaving.busy.retain(|busy| *busy != at);
            if leaving.busy.is_empty() {
                frame::write(batch, Kind::Left, leaving.protocol, &leaving.detail);
            }
            !leaving.busy.is_empty()
        });
    }

    /// Gives back all that is empty, however little it is.
    pub(crate) fn rest(&mut self) {
        for queue in [&mut self.small, &mut self.urgent] {
            if queue.is_empty() {
                *queue = Vec::new();
            }
        }
        for turns in [&mut self.grants, &mut self.ready] {
            if turns.is_empty() {
                *turns = VecDeque::new();
            }
        }
        for lane in &mut self.lanes {
            if lane.large.is_empty() {
                lane.large = VecDeque::new();
            }
        }
    }

    /// Gives back what a burst left behind; called when the writer has nothing left to do.
    pub(crate) fn shrink(&mut self) {
        for queue in [&mut self.small, &mut self.urgent] {
            if queue.is_empty() && queue.capacity() > KEEP {
                *queue = Vec::new();
            }
        }
    }
}

#[cfg(test)]
mod tests;
