//! What a library must be able to do for the works; what it cannot do is `not applicable`, with the reason.
//!
//! Both ends are in this process, on loopback, encrypted. Every counted message begins with its number, and the receiving
//! end holds each against the number and the size it expects.

use std::future::Future;
use std::time::Duration;

use crate::measure::Spent;
use crate::outcome::{Failure, Outcome};

/// Bytes of a question and of its answer.
pub(crate) const QUESTION: usize = 32;

/// Bytes of a message of a broadcast.
pub(crate) const NEWS: usize = 1024;

/// Bytes of a message of the flood.
pub(crate) const FLOOD: usize = 1 << 20;

/// Bytes of a message of the lanes.
pub(crate) const SMALL: usize = 64;

/// The time between two pings beside the flood, so that it is the flood that fills the connection.
pub(crate) const PING_PAUSE: Duration = Duration::from_micros(200);

/// How long the flood runs before the first ping counts.
pub(crate) const FLOOD_LEAD: Duration = Duration::from_millis(300);

/// How long idle connections are left alone before memory is read.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);

/// What a sender does between two messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Batching {
    /// Nothing is held back by the program: one send, and a flush where the library has one.
    EachAlone,
    /// Whatever makes the library fastest.
    Best,
}

/// A library under test. A method that a library leaves out is not applicable to it.
pub(crate) trait Peer: Send + Sync + 'static {
    /// Sends messages of `size` bytes for `period`, and waits until the last has been counted at the other end.
    fn one_way(&self, size: usize, batching: Batching, period: Duration)
    -> impl Future<Output = Outcome<Spent>> + Send;

    /// A question and its answer, one after the other, for `period`.
    fn round_trips(&self, period: Duration) -> impl Future<Output = Outcome<Vec<Duration>>> + Send;

    /// The same beside a flood on the same connection; also what the flood moved.
    fn beside_flood(&self, period: Duration) -> impl Future<Output = Outcome<(Vec<Duration>, Spent)>> + Send;

    /// Connects, asks and hears the answer, `count` times.
    fn connect(&self, count: usize) -> impl Future<Output = Outcome<Vec<Duration>>> + Send;

    /// The memory of one of `count` idle connections, both ends, in KiB.
    fn idle(&self, count: usize) -> impl Future<Output = Outcome<f64>> + Send;

    /// Sends to `audience` peers for `period`; counts what has arrived, peer by peer. With `stalled` one of them takes
    /// nothing. Also the longest time one call took.
    fn broadcast(
        &self,
        audience: usize,
        stalled: bool,
        period: Duration,
    ) -> impl Future<Output = Outcome<(Spent, Duration)>> + Send;

    /// Small messages on `lanes` lanes of one connection at once.
    fn lanes(&self, lanes: usize, period: Duration) -> impl Future<Output = Outcome<Spent>> + Send;

    /// Small messages over `channels` channels at once; also the memory of one of them, in KiB.
    fn channels(&self, _channels: usize, _period: Duration) -> impl Future<Output = Outcome<(Spent, f64)>> + Send {
        async { Err(Failure::NotApplicable("only ours is measured for growth")) }
    }

    /// Small messages on one channel of nodes with this many plugins, the times to connect such nodes, and the memory of
    /// a channel between them, in KiB.
    fn plugins(
        &self,
        _plugins: usize,
        _period: Duration,
    ) -> impl Future<Output = Outcome<(Spent, Vec<Duration>, f64)>> + Send {
        async { Err(Failure::NotApplicable("only ours is measured for growth")) }
    }
}
