//! The receiving half of a channel: bytes become frames, frames go to the inboxes of those who subscribed.
//!
//! It never decodes a message, runs no user code and waits for no consumer; the one thing it waits for is the handshake,
//! with what the peer sent too early still in its buffer. What no honest peer sends ends the channel with the reason.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use futures::AsyncRead;

use super::Inner;
use crate::disconnect::{Disconnect, DisconnectReason};
use crate::message::frame::{CORRELATION, HEADER, Header, Kind, MAX_PAYLOAD};
use crate::message::lane::{LaneIndex, LaneKind, LaneSpec};
use crate::message::{Correlation, Violation};
use crate::rate::TokenBucket;
use crate::transport::BoxReader;

/// What the read buffer starts with and returns to, in bytes: an idle channel pays no more.
const SMALL_BUFFER: usize = 512;

/// What it grows to when reads fill it, in bytes: two frames of the largest size.
const LARGE_BUFFER: usize = 128 << 10;

/// Bytes read before other tasks have a turn, even when nobody was woken: a peer whose bytes never cease is not alone.
const TURN: usize = 256 << 10;

/// How many short reads in a row give a large buffer back.
const SHORT_READS: u32 = 4;

pub(super) struct Reader<'a> {
    channel: &'a Inner,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    short_reads: u32,
    /// Bytes read since other tasks last had a turn.
    turn: usize,
    /// By lane: payload bytes of the transmission that is arriving in parts.
    arriving: Box<[u32]>,
    wake: Vec<Waker>,
    /// By lane: the number of the request that is arriving in parts and that nobody here answers.
    unanswered: BTreeMap<LaneIndex, u32>,
    /// By lane, of those with a rate: what is left of it.
    buckets: BTreeMap<LaneIndex, TokenBucket>,
}

/// Why `deliver` stopped before the end of the bytes.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// The rest of a frame is not there yet; it has this many bytes in all.
    Incomplete(usize),
    /// The handshake has to be done first.
    Handshake,
    /// The peer closed the channel.
    Close(Disconnect),
}

impl<'a> Reader<'a> {
    pub(super) fn new(channel: &'a Inner) -> Self {
        let arriving = channel.table.lanes().iter().map(|_| 0).collect();
        let (buffer, wake) = (vec![0; SMALL_BUFFER], Vec::new());
        Self {
            channel,
            buffer,
            start: 0,
            end: 0,
            short_reads: 0,
            turn: 0,
            arriving,
            wake,
            unanswered: BTreeMap::new(),
            buckets: BTreeMap::new(),
        }
    }

    /// Reads until the peer closes, breaks off or misbehaves; says which.
    pub(super) async fn run(&mut self, io: &mut BoxReader) -> Disconnect {
        loop {
            match poll_fn(|cx| self.poll_read(io, cx)).await {
                Ok(0) => return broken(&io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    self.end += read;
                    self.turn += read;
                    self.channel.out.stir();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return broken(&error),
            }
            let filled = self.end == self.buffer.len();
            loop {
                let stop = self.deliver();
                let woke = !self.wake.is_empty();
                self.wake.drain(..).for_each(Waker::wake);
                match stop {
                    Ok(Stop::Incomplete(frame)) => self.make_room(frame, filled),
                    Ok(Stop::Handshake) => {
                        self.channel.opened().await;
                        continue;
                    }
                    Ok(Stop::Close(disconnect)) => return disconnect,
                    Err(violation) => return refused(&violation),
                }
                if woke || self.turn >= TURN {
                    self.turn = 0;
                    // Those who were woken go first; what they do is what the bytes were read for.
                    smol::future::yield_now().await;
                }
                break;
            }
        }
    }

    /// Reads, having given a large buffer back when the channel rests.
    fn poll_read(&mut self, io: &mut BoxReader, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.channel.resting.load(Ordering::Relaxed) {
            self.channel.resting.store(false, Ordering::Relaxed);
            if self.end == 0 && self.buffer.len() > SMALL_BUFFER {
                self.buffer = vec![0; SMALL_BUFFER];
            }
        }
        Pin::new(io).poll_read(cx, &mut self.buffer[self.end..])
    }

    /// Hands all complete frames on, one lock and one copy for a run of one lane.
    fn deliver(&mut self) -> Result<Stop, Violation> {
        loop {
            let bytes = &self.buffer[self.start..self.end];
            let Some(header) = Header::parse(bytes)? else { return Ok(Stop::Incomplete(HEADER)) };
            let payload = bytes.get(HEADER..header.frame_len());
            if !header.kind.is_flow_controlled() {
                let Some(payload) = payload else { return Ok(Stop::Incomplete(header.frame_len())) };
                if header.kind == Kind::Close {
                    return Ok(Stop::Close(Disconnect::from_wire(payload)));
                }
                if header.kind == Kind::Left {
                    if !self.channel.is_open() {
                        return Ok(Stop::Handshake);
                    }
                    self.channel.departed_there(header.id, payload)?;
                } else {
                    self.control(header, payload)?;
                }
                self.start += header.frame_len();
                continue;
            }
            let channel = self.channel;
            let Some(at) = channel.table.find(header.id) else { return Err(Violation::UnknownMessage(header.id)) };
            let lane = channel.table.lane(at);
            if !channel.is_open() && !lane.handshake {
                return Ok(Stop::Handshake);
            }
            if !channel.takes(at) {
                return Err(Violation::UnknownMessage(header.id));
            }
            if payload.is_none() {
                // What must not come is not waited for, nor given room.
                check(header, lane, &mut self.arriving[at.get()].clone())?;
                return Ok(Stop::Incomplete(header.frame_len()));
            }
            let arrived = self.arriving[at.get()];
            let (run, in_parts) = self.run_of(header, at, lane)?;
            let (frames, subsystem) = (&self.buffer[self.start..self.start + run], &channel.subsystem);
            match lane.kind {
                LaneKind::Replies => {
                    channel.requests.receive(frames, &mut self.wake, |_| ());
                    subsystem.consume(at, run)?;
                }
                LaneKind::Rows => {
                    subsystem.arrive(at, run)?;
                    let consumed = channel.requests.receive(frames, &mut self.wake, |parts| subsystem.hold(at, parts));
                    subsystem.release(at, consumed);
                }
                LaneKind::Messages | LaneKind::Requests(_) => {
                    let claimed = subsystem.deliver(at, frames, in_parts, &mut self.wake)?;
                    if let (false, LaneKind::Requests(replies)) = (claimed, lane.kind) {
                        self.refuse(at, replies, arrived, run);
                    }
                }
            }
            self.start += run;
        }
    }

    /// The length of the run of complete frames of one lane that starts with `header`, each of them checked, and whether
    /// it ends within a message.
    fn run_of(&mut self, header: Header, at: LaneIndex, lane: &LaneSpec) -> Result<(usize, bool), Violation> {
        let (mut run, mut messages, mut in_parts) = (0, 0, false);
        let mut next = Some(header);
        while let Some(header) = next {
            let lens = check(header, lane, &mut self.arriving[at.get()])?;
            in_parts = header.kind == Kind::Part;
            messages += u32::from(!in_parts);
            run += header.frame_len();
            let mut rest = &self.buffer[self.start + run..self.end];
            if !in_parts {
                let (bytes, frames) = alike(header, &lens, rest);
                run += bytes;
                messages += frames;
                rest = &rest[bytes..];
            }
            // A frame that is no frame is the next round's to report; this run is good.
            next = Header::parse(rest).ok().flatten().filter(|next| next.frame_len() <= rest.len());
            next = next.filter(|next| next.id == header.id && next.kind.is_flow_controlled());
        }
        if let Some(rate) = &lane.rate {
            let (bucket, now) = (self.buckets.entry(at).or_default(), self.channel.clock.now());
            if !bucket.take_many(rate, messages, now) {
                return Err(Violation::RateLimited { lane: lane.name, rate: *rate });
            }
        }
        Ok((run, in_parts))
    }

    /// A frame that counts against no window: credit, or the end of an interest in rows.
    fn control(&self, header: Header, payload: &[u8]) -> Result<(), Violation> {
        let channel = self.channel;
        let Some(at) = channel.table.find(header.id) else { return Err(Violation::UnknownMessage(header.id)) };
        let lane = channel.table.lane(at);
        let number = payload.try_into().map(u32::from_le_bytes);
        match (header.kind, lane.kind, number) {
            (Kind::Window, _, Ok(credit)) => {
                channel.out.add_credit(at, credit).ok_or(Violation::CreditExceeded(lane.name))
            }
            (Kind::Cancel, LaneKind::Requests(rows), Ok(number)) if channel.table.lane(rows).kind == LaneKind::Rows => {
                channel.answering.cancel(Correlation { replies: rows, number });
                Ok(())
            }
            (kind, ..) => Err(Violation::Misplaced { kind, lane: lane.name }),
        }
    }

    /// Nobody here answers: says so for every request of a run that is there whole, so that its sender need not wait.
    ///
    /// `arrived` is how much of the first was there before. The number is in a request's first part.
    fn refuse(&mut self, at: LaneIndex, replies: LaneIndex, mut arrived: u32, run: usize) {
        let name = self.channel.table.lane(at).name;
        let mut rest = &self.buffer[self.start..self.start + run];
        while let Ok(Some(header)) = Header::parse(rest) {
            let (frame, after) = rest.split_at(header.frame_len());
            if let (0, Some(number)) = (arrived, frame[HEADER..].first_chunk::<CORRELATION>()) {
                self.unanswered.insert(at, u32::from_le_bytes(*number));
            }
            arrived = if header.kind == Kind::Part { arrived + u32::from(header.len) } else { 0 };
            if header.kind != Kind::Part
                && let Some(number) = self.unanswered.remove(&at)
                && header.kind == Kind::Request
            {
                self.channel.subsystem.nobody_answers(name, replies, number);
            }
            rest = after;
        }
    }

    /// Moves what is left to the front, and fits the buffer to what is coming.
    fn make_room(&mut self, frame: usize, filled: bool) {
        let left = self.end - self.start;
        let short = left < SMALL_BUFFER / 2 && self.end < self.buffer.len() / 8 && frame <= SMALL_BUFFER;
        self.short_reads = if short { self.short_reads + 1 } else { 0 };
        if self.buffer.len() > SMALL_BUFFER && self.short_reads >= SHORT_READS {
            let mut small = vec![0; SMALL_BUFFER];
            small[..left].copy_from_slice(&self.buffer[self.start..self.end]);
            self.buffer = small;
        } else if left == 0 || self.buffer.len() - self.end < HEADER + MAX_PAYLOAD {
            self.buffer.copy_within(self.start..self.end, 0);
        } else {
            return;
        }
        (self.start, self.end) = (0, left);
        if (filled || frame > self.buffer.len()) && self.buffer.len() < LARGE_BUFFER {
            let wanted = (self.buffer.len() * 8).max(frame).min(LARGE_BUFFER);
            self.buffer.resize(wanted, 0);
        }
    }
}

/// The complete frames at the start of `bytes` that differ from the whole message `header` in nothing but their length, and
/// have one of `lens`: how many bytes they are, and how many messages. Most of a busy lane is found here.
fn alike(header: Header, lens: &RangeInclusive<usize>, bytes: &[u8]) -> (usize, u32) {
    let wire = header.to_wire();
    let (mut end, mut frames) = (0, 0);
    while let Some(next) = bytes[end..].first_chunk::<HEADER>()
        && next[2..] == wire[2..]
        && let len = usize::from(u16::from_le_bytes([next[0], next[1]]))
        && lens.contains(&len)
        && HEADER + len <= bytes.len() - end
    {
        end += HEADER + len;
        frames += 1;
    }
    (end, frames)
}

/// Whether a frame may be in its lane and keeps its transmission within the lane's size; says how long another of its kind
/// may be, in bytes of payload, if it comes whole.
fn check(header: Header, lane: &LaneSpec, arriving: &mut u32) -> Result<RangeInclusive<usize>, Violation> {
    let (numbered, fits) = match (header.kind, lane.kind) {
        (Kind::Part, _) => (false, true),
        (Kind::Message, LaneKind::Messages | LaneKind::Requests(_)) => (false, true),
        (Kind::Request, LaneKind::Requests(_)) => (true, true),
        (Kind::Reply | Kind::ReplyError, LaneKind::Replies) => (true, true),
        (Kind::Row | Kind::ReplyError, LaneKind::Rows) => (true, true),
        // The end of a stream says nothing but whose.
        (Kind::Reply, LaneKind::Rows) => (true, *arriving == 0 && header.len as usize == CORRELATION),
        _ => (false, false),
    };
    let total = *arriving + u32::from(header.len);
    if !fits || (numbered && (total as usize) < CORRELATION) {
        return Err(Violation::Misplaced { kind: header.kind, lane: lane.name });
    }
    let most = if header.kind == Kind::Message { lane.max_bytes } else { lane.max_payload() };
    if total as usize > most {
        return Err(Violation::TooLarge { lane: lane.name, max_bytes: lane.max_bytes });
    }
    *arriving = if header.kind == Kind::Part { total } else { 0 };
    let least = if numbered { CORRELATION } else { 0 };
    // The end of a stream has one length only.
    Ok(if (header.kind, lane.kind) == (Kind::Reply, LaneKind::Rows) { least..=least } else { least..=most })
}

fn broken(error: &io::Error) -> Disconnect {
    Disconnect::local(DisconnectReason::NetworkError, error.to_string())
}

fn refused(violation: &Violation) -> Disconnect {
    let reason = match violation {
        Violation::Frame(_) => DisconnectReason::UnknownKind,
        Violation::UnknownMessage(_) => DisconnectReason::UnknownMessage,
        Violation::Misplaced { .. } => DisconnectReason::Malformed,
        Violation::TooLarge { .. } => DisconnectReason::MessageTooLarge,
        Violation::RateLimited { .. } => DisconnectReason::RateLimited,
        Violation::WindowExceeded(_) | Violation::CreditExceeded(_) => DisconnectReason::WindowExceeded,
    };
    Disconnect::local(reason, violation.to_string())
}
