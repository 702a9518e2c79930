//! One direction of a connection in memory: bytes that take time to arrive, in order, and never more than fit.
//!
//! Both ends of a connection poll it, the network cuts, heals and resets it. It spawns nothing: a reader that waits for
//! bytes on their way sleeps by itself. Wakers are always called without the lock, as waking can drop a future that
//! comes back here.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::trace::Trace;
use crate::clock::{Clock, Sleep};

/// How many bytes one direction holds before its writer waits: about what a TCP socket buffers on both sides. On a link
/// with a bandwidth, those on the wire do not count.
pub const PIPE_BYTES: usize = 256 << 10;

/// How long bytes take from one host to another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Link {
    /// What every byte takes.
    pub latency: Duration,
    /// The most that chance adds to it; bytes written later still never arrive earlier.
    pub jitter: Duration,
    /// How many bytes a second leave; none: all at once.
    pub bandwidth: Option<NonZeroU64>,
}

impl Link {
    /// A link that always takes `latency`.
    pub fn with_latency(latency: Duration) -> Self {
        Self { latency, ..Self::default() }
    }

    /// The same link, which lets `bytes` a second pass.
    ///
    /// # Panics
    ///
    /// When that is none.
    #[must_use]
    pub fn with_bandwidth(self, bytes: u64) -> Self {
        Self { bandwidth: Some(NonZeroU64::new(bytes).expect("a link that lets nothing pass is a cut one")), ..self }
    }

    /// How long it takes until so many bytes have left.
    fn leaving(&self, bytes: usize) -> Duration {
        let nanos = |rate: NonZeroU64| bytes as u128 * 1_000_000_000 / u128::from(rate.get());
        self.bandwidth
            .map_or(Duration::ZERO, |rate| Duration::from_nanos(u64::try_from(nanos(rate)).unwrap_or(u64::MAX)))
    }

    /// How long the next bytes take.
    pub(super) fn delay(&self, rng: &mut fastrand::Rng) -> Duration {
        let jitter = u64::try_from(self.jitter.as_nanos()).unwrap_or(u64::MAX);
        let extra = if jitter == 0 { 0 } else { rng.u64(0..=jitter) };
        self.latency + Duration::from_nanos(extra)
    }
}

/// A sleep and the moment it ends, kept by a reader while bytes are on their way, and by a writer until some have left.
pub(super) type Waiting = Option<(Instant, Sleep)>;

pub(super) struct Pipe {
    clock: Clock,
    trace: Trace,
    state: Mutex<State>,
}

struct State {
    link: Link,
    rng: fastrand::Rng,
    cut: bool,
    reset: bool,
    /// Nobody will read again.
    abandoned: bool,
    /// When the writer's end arrives, once it has closed.
    end: Option<Instant>,
    chunks: VecDeque<(Instant, VecDeque<u8>)>,
    in_flight: usize,
    /// When what was written last has left; before it, the writer waits once too much waits to leave.
    left: Instant,
    /// When what was written last arrives: nothing arrives before it.
    latest: Instant,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn arrival(&mut self, now: Instant, bytes: usize) -> Instant {
        self.left = self.left.max(now) + self.link.leaving(bytes);
        self.latest = self.latest.max(self.left + self.link.delay(&mut self.rng));
        self.latest
    }

    /// How many bytes the writer may write now, and else when to look again; without a moment, when the reader has read.
    fn room(&self, now: Instant) -> Result<usize, Option<Instant>> {
        let Some(rate) = self.link.bandwidth else {
            let room = PIPE_BYTES - self.in_flight.min(PIPE_BYTES);
            return if room == 0 { Err(None) } else { Ok(room) };
        };
        let unread = if self.cut { self.in_flight } else { self.arrived(now) };
        if unread >= PIPE_BYTES {
            return Err(None);
        }
        let waiting = self.left.saturating_duration_since(now).as_nanos() * u128::from(rate.get()) / 1_000_000_000;
        let room = PIPE_BYTES.saturating_sub(usize::try_from(waiting).unwrap_or(usize::MAX));
        // Half a buffer at a time: a wake-up for every byte would be true and slow.
        if room < PIPE_BYTES / 2 { Err(Some(self.left - self.link.leaving(PIPE_BYTES / 2))) } else { Ok(room) }
    }

    /// Bytes that have arrived and are unread.
    fn arrived(&self, now: Instant) -> usize {
        self.chunks.iter().take_while(|(at, _)| *at <= now).map(|(_, bytes)| bytes.len()).sum()
    }
}

impl Pipe {
    pub(super) fn new(clock: Clock, trace: Trace, link: Link, cut: bool, rng: fastrand::Rng) -> Self {
        let state = State {
            link,
            rng,
            cut,
            reset: false,
            abandoned: false,
            end: None,
            chunks: VecDeque::new(),
            in_flight: 0,
            left: clock.now(),
            latest: clock.now(),
            reader: None,
            writer: None,
        };
        Self { clock, trace, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, then wakes both ends to look at it.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let wakers = {
            let mut state = self.lock();
            change(&mut state);
            [state.reader.take(), state.writer.take()]
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Bytes written from now on take as long as `link` says.
    pub(super) fn set_link(&self, link: Link) {
        self.change(|state| state.link = link);
    }

    /// Withholds everything, or lets go of it.
    pub(super) fn set_cut(&self, cut: bool) {
        self.change(|state| state.cut = cut);
    }

    /// Both ends fail from now on, and what is on its way is lost.
    pub(super) fn reset(&self) {
        self.change(|state| {
            state.reset = true;
            state.chunks = VecDeque::new();
        });
    }

    /// The writer sends no more; the reader gets the rest, then the end.
    pub(super) fn close(&self) {
        let now = self.clock.now();
        self.change(|state| {
            if state.end.is_none() {
                state.end = Some(state.arrival(now, 0));
            }
        });
    }

    /// The reader is gone: writing fails from now on.
    pub(super) fn abandon(&self) {
        self.change(|state| {
            state.abandoned = true;
            state.chunks = VecDeque::new();
        });
    }

    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        waiting: &mut Waiting,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let now = self.clock.now();
        let mut state = self.lock();
        if state.reset {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        if state.abandoned || state.end.is_some() {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let taken = match state.room(now) {
            Ok(room) => buf.len().min(room),
            Err(look_again) => {
                state.writer = Some(cx.waker().clone());
                drop(state);
                self.poll_wait(cx, waiting, look_again);
                return Poll::Pending;
            }
        };
        *waiting = None;
        state.in_flight += taken;
        let at = state.arrival(now, taken);
        match state.chunks.back_mut() {
            Some((last, bytes)) if *last == at => bytes.extend(&buf[..taken]),
            _ => state.chunks.push_back((at, buf[..taken].to_vec().into())),
        }
        self.trace.add(&self.clock, &buf[..taken]);
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(taken))
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        waiting: &mut Waiting,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let now = self.clock.now();
        let mut state = self.lock();
        if state.reset {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        let next = state.chunks.front().map(|(at, _)| *at).or(state.end);
        match next.filter(|_| !state.cut) {
            Some(at) if at <= now => {
                *waiting = None;
                let mut taken = 0;
                while let Some((_, bytes)) = state.chunks.front_mut().filter(|(at, _)| *at <= now) {
                    taken += bytes.read(&mut buf[taken..])?;
                    if !bytes.is_empty() {
                        break;
                    }
                    state.chunks.pop_front();
                }
                state.in_flight -= taken;
                let writer = state.writer.take();
                drop(state);
                writer.into_iter().for_each(Waker::wake);
                Poll::Ready(Ok(taken))
            }
            arriving => {
                state.reader = Some(cx.waker().clone());
                drop(state);
                self.poll_wait(cx, waiting, arriving);
                Poll::Pending
            }
        }
    }

    /// Has the task woken at that moment, if there is one: when the next bytes arrive, or when enough have left.
    fn poll_wait(&self, cx: &mut Context<'_>, waiting: &mut Waiting, moment: Option<Instant>) {
        *waiting = match (waiting.take(), moment) {
            (_, None) => None,
            (Some((until, sleep)), Some(at)) if until == at => Some((at, sleep)),
            (_, Some(at)) => Some((at, self.clock.sleep_until(at))),
        };
        // A sleep that is over by now was set for a moment that passed meanwhile: look again.
        if waiting.as_mut().is_some_and(|(_, sleep)| Pin::new(sleep).poll(cx).is_ready()) {
            *waiting = None;
            cx.waker().wake_by_ref();
        }
    }
}
