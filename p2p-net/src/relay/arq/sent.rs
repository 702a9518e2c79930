//! The sending half: bytes are kept until the other end has them, sent again when they are lost, and never more at once
//! than the way and the other end take. Pure code.
//!
//! A segment is lost when one that was sent after it has come and a round trip and some has passed (RFC 8985), or when
//! nothing was heard of it for the retransmission time (RFC 6298). How much is under way is doubled each round trip at first,
//! then grows by one segment, and shrinks to seven tenths after a loss; never below a few segments, because relays lose
//! datagrams for other reasons than load.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Segments that may be under way in any case.
const LEAST_SEGMENTS: usize = 4;

/// Segments that may be under way at once, however small they are: carriers have a pace in datagrams, and a crowd of tiny
/// ones would wait there for long. What is written meanwhile goes together.
const MOST_SEGMENTS: usize = 256;

/// The retransmission time before the first round trip was measured; RFC 6298.
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);

/// The shortest and the longest retransmission time.
const LEAST_TIMEOUT: Duration = Duration::from_millis(200);
const MOST_TIMEOUT: Duration = Duration::from_secs(10);

/// What is sent and not known to have come.
#[derive(Debug)]
pub(super) struct Sent {
    /// Bytes from `base` on: under way first, then those that were not sent yet.
    bytes: VecDeque<u8>,
    /// The first byte that the other end has not acknowledged.
    base: u64,
    /// The next byte that was never sent.
    next: u64,
    /// Under way, by offset. The end counts as one byte.
    segments: BTreeMap<u64, Under>,
    /// No bytes come after those that are here.
    finished: bool,
    fin_sent: bool,
    /// The byte up to which the other end has room.
    allowed: u64,
    segment: usize,
    most: usize,
    /// Bytes that may be under way, and from which number on they grow slowly.
    congestion: usize,
    threshold: usize,
    /// Losses before this byte belong to what was slowed down for already.
    recovering: u64,
    smoothed: Option<(Duration, Duration)>,
    timeout: Duration,
    /// When the newest segment that has come was sent, and which it is.
    newest: Option<(Instant, u64)>,
    /// Since when bytes are under way without any of them having come.
    stuck: Option<Instant>,
}

#[derive(Debug)]
struct Under {
    len: usize,
    at: Instant,
    times: u32,
    has_come: bool,
    lost: bool,
}

impl Under {
    fn is_under_way(&self) -> bool {
        !self.has_come && !self.lost
    }
}

/// A segment to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) fin: bool,
}

impl Sent {
    /// `segment` bytes go into one datagram, `most` are kept.
    pub(super) fn new(segment: usize, most: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            base: 0,
            next: 0,
            segments: BTreeMap::new(),
            finished: false,
            fin_sent: false,
            // Nothing is known of the other end yet: what opens a connection fits a few segments.
            allowed: (segment * LEAST_SEGMENTS) as u64,
            segment,
            most,
            congestion: segment * LEAST_SEGMENTS,
            threshold: usize::MAX,
            recovering: 0,
            smoothed: None,
            timeout: FIRST_TIMEOUT,
            newest: None,
            stuck: None,
        }
    }

    /// Takes bytes to be sent, as many as there is room for.
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        let len = bytes.len().min(self.most - self.bytes.len());
        self.bytes.extend(&bytes[..len]);
        len
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= self.most
    }

    /// Nothing more will be written.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    /// Whether the other end has all, the end included.
    pub(super) fn is_done(&self) -> bool {
        self.fin_sent && self.segments.is_empty() && self.bytes.is_empty()
    }

    /// Whether all that was written has come; the end may not have.
    pub(super) fn is_idle(&self) -> bool {
        self.bytes.is_empty()
    }

    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// How many segments are under way, and bytes in them.
    fn under_way(&self) -> (usize, usize) {
        let under_way = self.segments.values().filter(|under| under.is_under_way());
        under_way.fold((0, 0), |(segments, bytes), under| (segments + 1, bytes + under.len))
    }

    /// The other end has everything before `expected` and the `ranges` counted from it, and room for `room` more.
    pub(super) fn acknowledged(&mut self, now: Instant, expected: u64, room: u32, ranges: &[(u32, u32)]) {
        let sent = self.next + u64::from(self.fin_sent);
        if expected < self.base || expected > sent {
            // Old, or of bytes that were never sent.
            return;
        }
        self.allowed = self.allowed.max(expected + u64::from(room));
        let mut come = 0;
        for (&offset, under) in &mut self.segments {
            let end = offset + under.len as u64;
            let within =
                |&(from, to): &(u32, u32)| expected + u64::from(from) <= offset && end <= expected + u64::from(to);
            if under.has_come || !(end <= expected || ranges.iter().any(within)) {
                continue;
            }
            (under.has_come, come) = (true, come + under.len);
            self.newest = self.newest.max(Some((under.at, offset)));
            if under.times == 1 {
                let rtt = now.saturating_duration_since(under.at);
                let (smoothed, varies) = match self.smoothed {
                    None => (rtt, rtt / 2),
                    Some((smoothed, varies)) => ((smoothed * 7 + rtt) / 8, (varies * 3 + smoothed.abs_diff(rtt)) / 4),
                };
                self.smoothed = Some((smoothed, varies));
            }
        }
        if come > 0 {
            let timeout = self.smoothed.map_or(FIRST_TIMEOUT, |(smoothed, varies)| smoothed + varies * 4);
            self.timeout = timeout.clamp(LEAST_TIMEOUT, MOST_TIMEOUT);
            let grows = if self.congestion < self.threshold { come } else { self.segment * come / self.congestion };
            self.congestion = (self.congestion + grows).min(self.most);
            self.stuck = None;
        }
        let known: Vec<_> = self.segments.extract_if(..expected, |_, _| true).collect();
        if let Some((offset, mut under)) = known.into_iter().next_back()
            && offset + under.len as u64 > expected
        {
            // The other end had room for a part of it.
            under.len -= (expected - offset) as usize;
            self.segments.insert(expected, under);
        }
        let bytes = usize::try_from(expected.min(self.end()) - self.base).unwrap_or(0);
        self.bytes.drain(..bytes);
        self.base += bytes as u64;
        if self.bytes.is_empty() {
            self.bytes = VecDeque::new();
        }
        self.find_lost(now);
        if self.stuck.is_none() && self.segments.values().any(|under| !under.has_come) {
            self.stuck = Some(now);
        }
    }

    /// How long a segment that others have overtaken may still be on its way: a round trip, and as much more as round trips
    /// differ, for datagrams that overtake each other are not lost.
    fn late(&self) -> Duration {
        self.smoothed.map_or(FIRST_TIMEOUT, |(smoothed, varies)| smoothed + (smoothed / 4).max(varies * 2))
    }

    /// When a segment that is under way counts as lost, unless it comes before.
    fn lost_at(&self, offset: u64, under: &Under) -> Instant {
        let overtaken = self.newest.is_some_and(|newest| newest > (under.at, offset));
        under.at + if overtaken { self.late().min(self.timeout) } else { self.timeout }
    }

    /// Marks what was overtaken and has had its time.
    fn find_lost(&mut self, now: Instant) {
        let under_way = self.segments.iter().filter(|(_, under)| under.is_under_way());
        let lost = under_way.filter(|(offset, under)| self.lost_at(**offset, under) <= now);
        let lost: Vec<u64> = lost.map(|(offset, _)| *offset).collect();
        for offset in &lost {
            self.segments.entry(*offset).and_modify(|under| under.lost = true);
        }
        if lost.first().is_some_and(|offset| *offset >= self.recovering) {
            self.slow_down();
        }
    }

    fn slow_down(&mut self) {
        self.threshold = (self.congestion / 10 * 7).max(self.segment * LEAST_SEGMENTS);
        self.congestion = self.threshold;
        self.recovering = self.next;
    }

    /// When to look whether something is lost.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let under_way = self.segments.iter().filter(|(_, under)| under.is_under_way());
        under_way.map(|(offset, under)| self.lost_at(*offset, under)).min()
    }

    /// Marks what is lost; when nothing at all was heard of it for the retransmission time, slows down and is more patient.
    pub(super) fn on_timeout(&mut self, now: Instant) {
        if self.next_timeout().is_none_or(|at| at > now) {
            return;
        }
        let silent = self.segments.values().any(|under| under.is_under_way() && under.at + self.timeout <= now);
        self.find_lost(now);
        if silent {
            self.timeout = (self.timeout * 2).min(MOST_TIMEOUT);
            self.slow_down();
            self.congestion = self.segment * LEAST_SEGMENTS;
        }
    }

    /// Since when nothing that is under way has come.
    pub(super) fn stuck_since(&self) -> Option<Instant> {
        self.stuck
    }

    /// How long to wait before asking again for room, or for a sign of life.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether bytes wait for room at the other end, and nothing is under way that would bring news of it.
    pub(super) fn waits_for_room(&self) -> bool {
        self.segments.is_empty() && !self.bytes.is_empty() && self.allowed <= self.next
    }

    /// The next segment to be sent: what is lost first, then new bytes, then the end.
    pub(super) fn next(&mut self, now: Instant) -> Option<Piece> {
        let (segments, under_way) = self.under_way();
        let lost = self.segments.iter().find(|(_, under)| under.lost).map(|(offset, under)| (*offset, under.len));
        let (offset, len) = match lost {
            Some(lost) => lost,
            None => {
                let bytes = self.end().min(self.allowed).saturating_sub(self.next).min(self.segment as u64);
                let fin = bytes == 0 && self.finished && !self.fin_sent && self.next == self.end();
                if bytes == 0 && !fin {
                    return None;
                }
                (self.next, bytes.max(1) as usize)
            }
        };
        if segments >= MOST_SEGMENTS || (under_way > 0 && under_way + len > self.congestion) {
            return None;
        }
        let fin = offset == self.end();
        let from = usize::try_from(offset - self.base).unwrap_or(usize::MAX);
        let bytes: Vec<u8> = if fin { Vec::new() } else { self.bytes.range(from..from + len).copied().collect() };
        let under =
            self.segments.entry(offset).or_insert(Under { len, at: now, times: 0, has_come: false, lost: false });
        (under.at, under.lost) = (now, false);
        under.times += 1;
        self.next = self.next.max(offset + bytes.len() as u64);
        self.fin_sent |= fin;
        self.stuck.get_or_insert(now);
        Some(Piece { offset, bytes, fin })
    }
}
