//! A reliable, ordered stream of bytes in each direction over datagrams that are lost, doubled and reordered. Pure code: it
//! is told of segments and of the time, and says what to send and when to be asked again.

use std::time::{Duration, Instant};

mod received;
mod sent;
#[cfg(test)]
mod tests;

use super::segment::{Flags, HEADER, Segment};
use received::Received;
use sent::{Piece, Sent};

/// Bytes that wait in one direction of one connection, sent and not acknowledged, or received and not read: what a way of one
/// second carries at 2 Mbit/s.
pub(crate) const BUFFER: usize = 256 << 10;

/// How many signs of life are asked for within the time after which the other end counts as gone.
const PROBES: u32 = 4;

/// A relayed connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Nothing came of what was sent, or nothing was heard at all.
    #[error("nothing was heard over the relay for {0:?}")]
    Silent(Duration),
    /// The other end knows no such connection, or no longer.
    #[error("the other end has given the relayed connection up")]
    Reset,
    /// This end gave it up.
    #[error("the relayed connection was given up here")]
    Abandoned,
    /// The carrier carries nothing any more.
    #[error("the carrier of relayed connections has failed")]
    Carrier,
}

/// One end of a relayed connection.
#[derive(Debug)]
pub(crate) struct Arq {
    number: u64,
    sent: Sent,
    received: Received,
    /// This end opened it, and has not heard of the other one.
    opening: bool,
    /// An acknowledgement is due.
    owes: bool,
    /// The other end is to be asked for a sign of life.
    asks: bool,
    /// Room is asked for at this moment, when bytes wait for it.
    asks_room_at: Option<Instant>,
    /// When something came last, and when a sign of life was asked for last.
    heard: Instant,
    asked: Instant,
    /// How long silence lasts until it is the end.
    patience: Duration,
    /// Nobody reads here any more.
    deaf: bool,
    broken: Option<Broken>,
}

impl Arq {
    /// The end that opens connection `number`, over datagrams of at most `datagram` bytes.
    pub(crate) fn open(number: u64, datagram: usize, patience: Duration, now: Instant) -> Self {
        Self { opening: true, ..Self::accept(number, datagram, patience, now) }
    }

    /// The end that was asked for it.
    pub(crate) fn accept(number: u64, datagram: usize, patience: Duration, now: Instant) -> Self {
        Self {
            number,
            sent: Sent::new(datagram.saturating_sub(HEADER).max(1), BUFFER),
            received: Received::new(BUFFER),
            opening: false,
            owes: false,
            asks: false,
            asks_room_at: None,
            heard: now,
            asked: now,
            patience,
            deaf: false,
            broken: None,
        }
    }

    /// Takes what the other end says.
    pub(crate) fn on_segment(&mut self, segment: &Segment<'_>, now: Instant) {
        if self.broken.is_some() {
            return;
        }
        if segment.flags.contains(Flags::RESET) {
            // Once all is said in both directions, it may have forgotten before us.
            let over = self.received.is_finished() && self.sent.is_idle();
            self.broken = Some(if over { Broken::Abandoned } else { Broken::Reset });
            return;
        }
        (self.heard, self.opening) = (now, false);
        self.sent.acknowledged(now, segment.expected, segment.room, &segment.ranges);
        if !self.sent.waits_for_room() {
            self.asks_room_at = None;
        }
        let fin = segment.flags.contains(Flags::FIN);
        if !segment.payload.is_empty() || fin {
            self.received.take(segment.offset, segment.payload, fin);
            self.owes = true;
        }
        if self.deaf {
            self.received.discard();
        }
        self.owes |= segment.flags.intersects(Flags::PROBE | Flags::OPEN);
    }

    /// Takes bytes to be sent, as many as there is room for.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        self.sent.write(bytes)
    }

    /// Whether nothing more can be written for now.
    pub(crate) fn is_full(&self) -> bool {
        self.sent.is_full()
    }

    /// Reads what has come in order.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> usize {
        let read = self.received.read(into);
        self.owes |= self.received.has_news_of_room();
        read
    }

    /// Whether something can be read.
    pub(crate) fn has_bytes(&self) -> bool {
        !self.received.is_empty()
    }

    /// Whether all that will ever come has come; some of it may be unread.
    pub(crate) fn is_finished(&self) -> bool {
        self.received.is_finished()
    }

    /// Nothing more will be written.
    pub(crate) fn finish(&mut self) {
        self.sent.finish();
    }

    /// Nobody will read here again: what comes is acknowledged and dropped.
    pub(crate) fn stop_reading(&mut self) {
        self.deaf = true;
        self.received.discard();
        self.sent.finish();
    }

    /// Why it is over, if it is.
    pub(crate) fn broken(&self) -> Option<Broken> {
        self.broken
    }

    /// Ends it at this end.
    pub(crate) fn give_up(&mut self, why: Broken) {
        self.broken.get_or_insert(why);
    }

    /// Whether everything was said in both directions, and there is nothing left to answer.
    pub(crate) fn is_over(&self) -> bool {
        self.broken.is_some() || (self.sent.is_done() && self.received.is_finished() && !self.owes)
    }

    /// When to be asked again, whatever happens until then.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        if self.broken.is_some() {
            return None;
        }
        let silence = (self.heard + self.patience).min(self.heard.max(self.asked) + self.patience / PROBES);
        let stuck = self.sent.stuck_since().map(|since| since + self.patience);
        [Some(silence), stuck, self.sent.next_timeout(), self.asks_room_at].into_iter().flatten().min()
    }

    /// Looks at the time.
    pub(crate) fn on_time(&mut self, now: Instant) {
        let stuck = self.sent.stuck_since().is_some_and(|since| since + self.patience <= now);
        if self.heard + self.patience <= now || stuck {
            self.give_up(Broken::Silent(self.patience));
            return;
        }
        self.sent.on_timeout(now);
        if self.sent.waits_for_room() {
            let at = *self.asks_room_at.get_or_insert(now + self.sent.timeout());
            if at <= now {
                self.asks = true;
                self.asks_room_at = Some(now + self.sent.timeout());
            }
        }
        if self.heard.max(self.asked) + self.patience / PROBES <= now {
            self.asks = true;
        }
    }

    /// The next datagram to be sent, if there is one.
    pub(crate) fn transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.broken.is_some() {
            return None;
        }
        let piece = self.sent.next(now);
        if piece.is_none() && !self.owes && !self.asks {
            return None;
        }
        let mut flags = Flags::empty();
        flags.set(Flags::OPEN, self.opening);
        flags.set(Flags::PROBE, self.asks);
        if self.asks {
            self.asked = now;
        }
        (self.owes, self.asks) = (false, false);
        let Piece { offset, bytes, fin } = piece.unwrap_or(Piece { offset: 0, bytes: Vec::new(), fin: false });
        flags.set(Flags::FIN, fin);
        let segment = Segment {
            flags,
            number: self.number,
            offset,
            expected: self.received.expected(),
            room: self.received.tell_room(),
            ranges: self.received.ranges(),
            payload: &bytes,
        };
        Some(segment.to_wire())
    }
}
