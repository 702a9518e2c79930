//! Requests under way on a channel, and what comes back for them, in any order.
//!
//! The channel's reader puts replies and rows in, those who asked take them out. Rows lie in one run of bytes a stream, as
//! long as they were on the wire: what the lane's window bounds there, it bounds here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::RequestError;
use crate::message::MessageId;
use crate::message::frame::{CORRELATION, HEADER, Header, Kind};

/// Requests that may wait for a reply on one channel; what their replies can hold in memory is bounded with them.
pub const MAX_PENDING_REQUESTS: usize = 1024;

/// What a buffer of rows keeps once it is empty, in bytes; more is given back.
const KEEP: usize = 16 << 10;

/// What came back for a request.
#[derive(Debug)]
pub(super) enum Answer {
    Reply(Vec<u8>),
    Failed(String),
    TimedOut,
}

/// What a request waits for.
#[derive(Debug)]
pub(super) enum Awaited {
    Reply { deadline: Instant, answer: Option<Answer> },
    Rows { rows: Vec<u8>, end: Option<Result<(), String>> },
}

/// What there is of a stream.
#[derive(Debug)]
pub(super) enum Taken {
    /// Rows: see [`RowEntry`].
    Rows,
    /// No more rows, and whether that is how it should be.
    End(Result<(), String>),
    /// The channel is over.
    Closed,
}

/// A row in a run of them: its length, what it took of its lane's window, and the encoded message.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowEntry {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) cost: u32,
}

impl RowEntry {
    /// Bytes in front of the message: as many as a frame had in front of it.
    const HEAD: usize = 8;

    /// The row at `at`.
    pub(super) fn at(rows: &[u8], at: usize) -> Option<Self> {
        let (len, rest) = rows.get(at..)?.split_first_chunk::<4>()?;
        let (cost, _) = rest.split_first_chunk::<4>()?;
        let start = at + Self::HEAD;
        Some(Self { start, end: start + u32::from_le_bytes(*len) as usize, cost: u32::from_le_bytes(*cost) })
    }

    fn push(rows: &mut Vec<u8>, cost: u32, body: &[u8]) {
        // A lane has at most 16 MiB a message.
        rows.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        rows.extend_from_slice(&cost.to_le_bytes());
        rows.extend_from_slice(body);
    }

    /// What all rows from `at` on took of their lane's window.
    pub(super) fn cost_from(rows: &[u8], mut at: usize) -> u32 {
        let mut cost: u32 = 0;
        while let Some(row) = Self::at(rows, at) {
            cost = cost.saturating_add(row.cost);
            at = row.end;
        }
        cost
    }
}

impl Awaited {
    pub(super) fn reply(deadline: Instant) -> Self {
        Self::Reply { deadline, answer: None }
    }

    pub(super) fn rows() -> Self {
        Self::Rows { rows: Vec::new(), end: None }
    }

    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Reply { deadline, .. } => Some(*deadline),
            Self::Rows { .. } => None,
        }
    }

    /// Takes a frame's content; whether it is kept as a row.
    fn take(&mut self, kind: Kind, cost: u32, body: &[u8]) -> bool {
        let failed = || String::from_utf8_lossy(body).into_owned();
        match self {
            Self::Reply { answer, .. } => {
                // A second reply changes nothing.
                answer.get_or_insert_with(|| match kind {
                    Kind::ReplyError => Answer::Failed(failed()),
                    _ => Answer::Reply(body.to_vec()),
                });
                false
            }
            Self::Rows { end: Some(_), .. } => false,
            Self::Rows { rows, end } => match kind {
                Kind::Row => {
                    RowEntry::push(rows, cost, body);
                    true
                }
                _ => {
                    *end = Some(if kind == Kind::ReplyError { Err(failed()) } else { Ok(()) });
                    false
                }
            },
        }
    }
}

#[derive(Debug)]
struct Pending {
    /// The lane its replies must come in.
    replies: MessageId,
    waker: Option<Waker>,
    awaited: Awaited,
}

/// The requests of one channel that wait for a reply or for rows.
#[derive(Debug, Default)]
pub(super) struct Requests {
    table: Mutex<Table>,
    /// A deadline came up that is before the one that is watched.
    sooner: AtomicBool,
}

#[derive(Debug, Default)]
struct Table {
    next: u32,
    closed: bool,
    /// When the writer task looks at the deadlines next, if ever.
    watched: Option<Instant>,
    /// In order of their numbers, which is mostly that of their coming and going. A list takes room for one at first, where
    /// a map would take a kilobyte on every channel that asked once.
    pending: VecDeque<(u32, Pending)>,
    /// By lane: the reply or row that is arriving in parts, and what the parts took of the window.
    parts: BTreeMap<MessageId, (Vec<u8>, u32)>,
}

impl Table {
    /// Where the request is, or would be.
    fn place(&self, number: u32) -> Result<usize, usize> {
        self.pending.binary_search_by_key(&number, |(known, _)| *known)
    }

    fn find(&mut self, number: u32) -> Option<&mut Pending> {
        let at = self.place(number).ok()?;
        Some(&mut self.pending[at].1)
    }
}

impl Requests {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.lock().pending.len()
    }

    /// Whether the deadlines must be looked at before what [`expire`](Self::expire) said last.
    pub(super) fn is_sooner(&self) -> bool {
        self.sooner.load(Ordering::Acquire)
    }

    /// Takes a number for a request; says too whether its deadline is the first now, so that it must be watched.
    pub(super) fn open(&self, replies: MessageId, awaited: Awaited) -> Result<(u32, bool), RequestError> {
        let mut table = self.lock();
        if table.pending.len() >= MAX_PENDING_REQUESTS {
            return Err(RequestError::TooMany);
        }
        let mut number = table.next;
        let at = loop {
            match table.place(number) {
                Ok(_) => number = number.wrapping_add(1),
                Err(at) => break at,
            }
        };
        table.next = number.wrapping_add(1);
        let deadline = awaited.deadline();
        if table.pending.capacity() == 0 {
            table.pending.reserve_exact(1);
        }
        table.pending.insert(at, (number, Pending { replies, waker: None, awaited }));
        // A deadline after the one that is watched anyway is found then.
        let sooner = deadline.filter(|deadline| table.watched.is_none_or(|watched| *deadline < watched));
        table.watched = sooner.or(table.watched);
        self.sooner.fetch_or(sooner.is_some(), Ordering::Release);
        Ok((number, sooner.is_some()))
    }

    /// Takes a run of frames of one lane of replies; those who wait are added to `wake`. Returns how many bytes of it are
    /// consumed by that: all but those of rows somebody waits for. `hold` is told of parts that have now become such a row.
    pub(super) fn receive(&self, mut run: &[u8], wake: &mut Vec<Waker>, hold: impl Fn(u32)) -> u32 {
        let mut table = self.lock();
        let mut consumed: u32 = 0;
        while let Ok(Some(header)) = Header::parse(run) {
            let payload = &run[HEADER..header.frame_len()];
            run = &run[header.frame_len()..];
            let cost = HEADER as u32 + u32::from(header.len);
            consumed += cost;
            if header.kind == Kind::Part {
                let (parts, taken) = table.parts.entry(header.id).or_default();
                parts.extend_from_slice(payload);
                // Parts of no bytes have no end, and would in time be more than there are numbers.
                *taken = taken.saturating_add(cost);
                continue;
            }
            let (whole, earlier) = match table.parts.remove(&header.id) {
                Some((mut parts, earlier)) => {
                    parts.extend_from_slice(payload);
                    (Some(parts), earlier)
                }
                None => (None, 0),
            };
            let Some((number, body)) = whole.as_deref().unwrap_or(payload).split_first_chunk::<CORRELATION>() else {
                continue;
            };
            // A reply to a request that was given up is no fault. One in the lane of another message answers nobody: that
            // lane may allow more bytes than this request's replies have.
            let pending = table.find(u32::from_le_bytes(*number));
            let Some(pending) = pending.filter(|pending| pending.replies == header.id) else { continue };
            if pending.awaited.take(header.kind, earlier.saturating_add(cost), body) {
                consumed -= cost;
                if earlier > 0 {
                    hold(earlier);
                }
            }
            wake.extend(pending.waker.take());
        }
        consumed
    }

    pub(super) fn poll_reply(&self, number: u32, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let mut table = self.lock();
        let closed = table.closed;
        let Some(pending) = table.find(number) else { return Poll::Ready(None) };
        if let Awaited::Reply { answer, .. } = &mut pending.awaited
            && let Some(answer) = answer.take()
        {
            return Poll::Ready(Some(answer));
        }
        if closed {
            return Poll::Ready(None);
        }
        pending.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Swaps the empty `batch` for all rows that have come.
    pub(super) fn poll_rows(&self, number: u32, cx: &mut Context<'_>, batch: &mut Vec<u8>) -> Poll<Taken> {
        let mut table = self.lock();
        let closed = table.closed;
        let Some(pending) = table.find(number) else { return Poll::Ready(Taken::Closed) };
        let Awaited::Rows { rows, end } = &mut pending.awaited else { return Poll::Ready(Taken::Closed) };
        if !rows.is_empty() {
            std::mem::swap(rows, batch);
            return Poll::Ready(Taken::Rows);
        }
        if let Some(end) = end.take() {
            return Poll::Ready(Taken::End(end));
        }
        if closed {
            return Poll::Ready(Taken::Closed);
        }
        if rows.capacity() > KEEP {
            *rows = Vec::new();
        }
        pending.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Forgets a request; returns what its unread rows took of their lane's window.
    #[must_use]
    pub(super) fn forget(&self, number: u32) -> u32 {
        let mut table = self.lock();
        let gone = table.place(number).ok().and_then(|at| table.pending.remove(at));
        drop(table);
        match gone.map(|(_, pending)| pending.awaited) {
            Some(Awaited::Rows { rows, .. }) => RowEntry::cost_from(&rows, 0),
            _ => 0,
        }
    }

    /// Fails the requests whose time is over; returns when to look again, if ever.
    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut table = self.lock();
        self.sooner.store(false, Ordering::Release);
        let mut wake = Vec::new();
        let mut next: Option<Instant> = None;
        for (_, pending) in &mut table.pending {
            let Awaited::Reply { deadline, answer: answer @ None } = &mut pending.awaited else { continue };
            if *deadline <= now {
                *answer = Some(Answer::TimedOut);
                wake.extend(pending.waker.take());
            } else {
                next = Some(next.map_or(*deadline, |next| next.min(*deadline)));
            }
        }
        table.watched = next;
        if table.pending.is_empty() {
            table.pending = VecDeque::new();
        }
        drop(table);
        wake.into_iter().for_each(Waker::wake);
        next
    }

    /// Gives back what is kept for requests, if none are under way.
    pub(super) fn rest(&self) {
        let mut table = self.lock();
        if table.pending.is_empty() {
            table.pending = VecDeque::new();
        }
        if table.parts.is_empty() {
            table.parts = BTreeMap::new();
        }
    }

    /// Fails every request, now and later.
    pub(super) fn close(&self) {
        let wake: Vec<_> = {
            let mut table = self.lock();
            table.closed = true;
            table.parts = BTreeMap::new();
            table.pending.iter_mut().filter_map(|(_, pending)| pending.waker.take()).collect()
        };
        wake.into_iter().for_each(Waker::wake);
    }
}
