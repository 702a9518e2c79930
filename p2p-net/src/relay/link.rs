//! One end of a relayed connection as a stream: what it is read from and written to by TLS, and driven by.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use event_listener::{Event, EventListener};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadHalf, WriteHalf};

use super::arq::{Arq, Broken};
use super::segment::Segment;
use crate::transport::Duplex;

/// Datagrams that are handed to the carrier before the time is looked at again.
const BURST: usize = 64;

/// One end of a relayed connection, shared by its stream and its driver.
pub(super) struct Link {
    number: u64,
    state: Mutex<State>,
    /// There may be something to send, or nothing any more.
    changed: Event,
}

struct State {
    arq: Arq,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Another node opened it and has not proved who it is: nothing is said to it for longer than somebody waits for it.
    stranger: bool,
    /// Since when nobody has the stream.
    abandoned: bool,
    abandoned_at: Option<Instant>,
}

/// What the driver does next.
pub(super) enum Step {
    /// Sends these, and comes back at once.
    Send(Vec<Vec<u8>>),
    /// Waits until something changes, at most until this moment.
    Wait(Option<Instant>),
    /// It is over; this is still to be said.
    Over(Option<Vec<u8>>),
}

impl Link {
    pub(super) fn new(number: u64, arq: Arq) -> Arc<Self> {
        Self::of(number, arq, false)
    }

    /// The end of a connection that another node opened.
    pub(super) fn from_a_stranger(number: u64, arq: Arq) -> Arc<Self> {
        Self::of(number, arq, true)
    }

    fn of(number: u64, arq: Arq, stranger: bool) -> Arc<Self> {
        let state = State { arq, reader: None, writer: None, stranger, abandoned: false, abandoned_at: None };
        Arc::new(Self { number, state: Mutex::new(state), changed: Event::new() })
    }

    /// The other end has proved who it is.
    pub(super) fn prove(&self) {
        self.lock().stranger = false;
    }

    /// The stream of this end; there is one.
    pub(super) fn stream(self: &Arc<Self>) -> RelayedStream {
        RelayedStream(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, then wakes whoever can go on.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let (outcome, wakers) = {
            let mut state = self.lock();
            let outcome = change(&mut state);
            (outcome, state.wakers())
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
        outcome
    }

    /// Tells when something has changed since now.
    pub(super) fn listen(&self) -> EventListener {
        self.changed.listen()
    }

    pub(super) fn on_segment(&self, segment: &Segment<'_>, now: Instant) {
        self.change(|state| state.arq.on_segment(segment, now));
        self.changed.notify(usize::MAX);
    }

    pub(super) fn give_up(&self, why: Broken) {
        self.change(|state| state.arq.give_up(why));
        self.changed.notify(usize::MAX);
    }

    /// What is to be done now; an end that nobody has any more may go on for `linger`.
    pub(super) fn step(&self, now: Instant, linger: Duration) -> Step {
        self.change(|state| {
            state.arq.on_time(now);
            let linger = if state.stranger { Duration::ZERO } else { linger };
            if state.abandoned {
                let since = *state.abandoned_at.get_or_insert(now);
                if since + linger <= now && !state.arq.is_over() {
                    state.arq.give_up(Broken::Abandoned);
                    return Step::Over(Some(Segment::reset(self.number).to_wire()));
                }
            }
            let datagrams: Vec<_> = (0..BURST).map_while(|_| state.arq.transmit(now)).collect();
            if !datagrams.is_empty() {
                return Step::Send(datagrams);
            }
            // The stream is told the end by itself; its driver is needed until it is gone.
            if state.arq.is_over() && (state.abandoned || state.arq.broken().is_some()) {
                return Step::Over(None);
            }
            let lingers = state.abandoned_at.map(|since| since + linger);
            Step::Wait([state.arq.next_timeout(), lingers].into_iter().flatten().min())
        })
    }
}

impl State {
    fn wakers(&mut self) -> [Option<Waker>; 2] {
        let broken = self.arq.broken().is_some();
        let readable = broken || self.arq.has_bytes() || self.arq.is_finished();
        let writable = broken || !self.arq.is_full();
        [self.reader.take_if(|_| readable), self.writer.take_if(|_| writable)]
    }
}

/// The stream of one end of a relayed connection; dropping it lets the other end have what was written, and then ends it.
pub(super) struct RelayedStream(Arc<Link>);

impl Duplex for RelayedStream {
    type Reader = ReadHalf<Self>;
    type Writer = WriteHalf<Self>;

    fn halves(self) -> (Self::Reader, Self::Writer) {
        self.split()
    }
}

impl AsyncRead for RelayedStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        let read = state.arq.read(into);
        if read > 0 {
            drop(state);
            // There may be room to be told of.
            self.0.changed.notify(usize::MAX);
            return Poll::Ready(Ok(read));
        }
        if state.arq.is_finished() || into.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if let Some(broken) = state.arq.broken() {
            return Poll::Ready(Err(failed(broken)));
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for RelayedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if let Some(broken) = state.arq.broken() {
            return Poll::Ready(Err(failed(broken)));
        }
        let written = state.arq.write(bytes);
        if written == 0 && !bytes.is_empty() {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        drop(state);
        self.0.changed.notify(usize::MAX);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What was written is sent by itself; whether it has come shows in whether more is taken.
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().arq.finish();
        self.0.changed.notify(usize::MAX);
        Poll::Ready(Ok(()))
    }
}

impl Drop for RelayedStream {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.abandoned = true;
        state.arq.stop_reading();
        drop(state);
        self.0.changed.notify(usize::MAX);
    }
}

fn failed(broken: Broken) -> io::Error {
    let kind = match broken {
        Broken::Silent(_) => io::ErrorKind::TimedOut,
        Broken::Reset => io::ErrorKind::ConnectionReset,
        Broken::Abandoned | Broken::Carrier => io::ErrorKind::BrokenPipe,
    };
    io::Error::new(kind, broken)
}
