//! The table of works: what is measured, by whom, and how its results become figures.

use std::time::Duration;

use crate::contender::Contender;
use crate::measure::Spent;
use crate::metric::{Figure, Metric, median, percentile};
use crate::outcome::{Failure, Outcome};
use crate::peer::{Batching, Peer};
use crate::runtime::Threads;

/// Connections made for one connect figure, one after the other.
const CONNECTIONS: usize = 60;

/// Connections held for one idle figure.
const IDLE: usize = 200;

/// With fewer channels, what the allocator happens to hold outweighs them.
const FEWEST_FOR_MEMORY: usize = 100;

/// Peers of a broadcast.
const AUDIENCE: usize = 100;

/// How many times longer than other works those take in which most of the time is waiting.
const PATIENT: u32 = 3;

/// What a child process does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    /// Messages of `size` bytes in one direction.
    OneWay { size: usize, batching: Batching },
    /// 32 bytes there and back, one after the other.
    RoundTrip,
    /// The same beside a sibling that sends 1 MiB after 1 MiB on the same connection.
    BesideFlood,
    /// Connect, handshake, first echo.
    Connect,
    /// Connections that do nothing.
    Idle,
    /// 1 KiB to everybody.
    Broadcast { stalled: bool },
    /// 64-byte messages on this many lanes of one connection at once.
    Lanes(usize),
    /// 64-byte messages to this many peers at once, a channel each.
    Channels(usize),
    /// One channel of nodes with this many plugins: rate, time to connect and memory.
    Plugins(usize),
}

/// One row of the table.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) task: Task,
    pub(crate) threads: Threads,
    field: Field,
}

/// Who takes part.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    /// Everybody who encrypts.
    Encrypted,
    /// They, and ours without encryption.
    All,
    /// Ours: how its cost grows.
    Ours,
}

const fn work(name: &'static str, title: &'static str, task: Task, field: Field) -> Work {
    Work { name, title, task, threads: Threads(2), field }
}

const fn one_way(size: usize) -> Task {
    Task::OneWay { size, batching: Batching::EachAlone }
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

pub(crate) const WORKS: &[Work] = &[
    work("small", "64 B one-way, one send each", one_way(64), Field::Encrypted),
    work(
        "small-batched",
        "64 B one-way, as the library batches best",
        Task::OneWay { size: 64, batching: Batching::Best },
        Field::Encrypted,
    ),
    work("64k", "64 KiB one-way", one_way(64 * KIB), Field::Encrypted),
    work("1m", "1 MiB one-way", one_way(MIB), Field::Encrypted),
    work("rtt", "32 B request → reply, two threads", Task::RoundTrip, Field::All),
    Work { threads: Threads(1), ..work("rtt-1", "32 B request → reply, one thread", Task::RoundTrip, Field::All) },
    work("flood", "ping beside a 1 MiB flood on the same connection", Task::BesideFlood, Field::Encrypted),
    work("connect", "connect, handshake, first echo", Task::Connect, Field::Encrypted),
    work("idle", "an idle connection, both ends", Task::Idle, Field::Encrypted),
    work("broadcast", "1 KiB to 100 peers", Task::Broadcast { stalled: false }, Field::Encrypted),
    work("broadcast-stalled", "1 KiB to 100 peers, one stalled", Task::Broadcast { stalled: true }, Field::Encrypted),
    work("lanes-1", "64 B on 1 lane of one connection", Task::Lanes(1), Field::Encrypted),
    work("lanes-64", "64 B on 64 lanes of one connection", Task::Lanes(64), Field::Encrypted),
    work("channels-1", "64 B over 1 channel", Task::Channels(1), Field::Ours),
    work("channels-10", "64 B over 10 channels", Task::Channels(10), Field::Ours),
    work("channels-100", "64 B over 100 channels", Task::Channels(100), Field::Ours),
    work("channels-1000", "64 B over 1,000 channels", Task::Channels(1000), Field::Ours),
    work("plugins-1", "1 plugin", Task::Plugins(1), Field::Ours),
    work("plugins-8", "8 plugins", Task::Plugins(8), Field::Ours),
    work("plugins-64", "64 plugins", Task::Plugins(64), Field::Ours),
    work("size-64", "messages of 64 B", one_way(64), Field::Ours),
    work("size-1k", "messages of 1 KiB", one_way(KIB), Field::Ours),
    work("size-16k", "messages of 16 KiB", one_way(16 * KIB), Field::Ours),
    work("size-256k", "messages of 256 KiB", one_way(256 * KIB), Field::Ours),
    work("size-1m", "messages of 1 MiB", one_way(MIB), Field::Ours),
    // 16 MiB is the most that a message may have with its encoding, which gets the rest.
    work("size-16m", "messages of 16 MiB less 64 B", one_way(16 * MIB - 64), Field::Ours),
];

impl Work {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        WORKS.iter().find(|work| work.name == name)
    }

    pub(crate) fn takes(&self, contender: Contender) -> bool {
        match self.field {
            Field::Encrypted => contender != Contender::OursTcp,
            Field::All => true,
            Field::Ours => contender == Contender::Ours,
        }
    }

    pub(crate) fn is_growth(&self) -> bool {
        self.field == Field::Ours
    }
}

/// Does `task` with `peer`, each part of it for `period`.
pub(crate) async fn perform<P: Peer>(peer: P, task: Task, period: Duration) -> Outcome<Vec<Figure>> {
    let patient = period * PATIENT;
    match task {
        Task::OneWay { size, batching } => Ok(one_way_figures(size, peer.one_way(size, batching, period).await?)),
        Task::RoundTrip => latencies(&mut peer.round_trips(period).await?),
        Task::BesideFlood => {
            let (mut trips, flood) = peer.beside_flood(patient).await?;
            let mut figures = latencies(&mut trips)?;
            figures.push(figure(Metric::Beside, megabytes(MIB, flood)));
            Ok(figures)
        }
        Task::Connect => Ok(vec![connect_figure(peer.connect(CONNECTIONS).await?)?]),
        Task::Idle => Ok(vec![figure(Metric::Memory, peer.idle(IDLE).await?)]),
        Task::Broadcast { stalled } => {
            let (spent, pause) = peer.broadcast(AUDIENCE, stalled, patient).await?;
            let mut figures = vec![figure(Metric::Rate, rate(spent))];
            if stalled {
                figures.push(figure(Metric::Pause, pause.as_secs_f64() * 1e3));
            }
            Ok(figures)
        }
        Task::Lanes(lanes) => Ok(vec![figure(Metric::Rate, rate(peer.lanes(lanes, period).await?))]),
        Task::Channels(channels) => {
            let (spent, memory) = peer.channels(channels, period).await?;
            let mut figures = vec![figure(Metric::Rate, rate(spent))];
            if channels >= FEWEST_FOR_MEMORY {
                figures.push(figure(Metric::Memory, memory));
            }
            Ok(figures)
        }
        Task::Plugins(plugins) => {
            let (spent, connections, memory) = peer.plugins(plugins, period).await?;
            Ok(vec![figure(Metric::Rate, rate(spent)), connect_figure(connections)?, figure(Metric::Memory, memory)])
        }
    }
}

fn figure(metric: Metric, value: f64) -> Figure {
    Figure { metric, value }
}

fn rate(spent: Spent) -> f64 {
    spent.messages as f64 / spent.wall.as_secs_f64()
}

fn megabytes(size: usize, spent: Spent) -> f64 {
    rate(spent) * size as f64 / 1e6
}

fn one_way_figures(size: usize, spent: Spent) -> Vec<Figure> {
    let speed =
        if size < KIB { figure(Metric::Rate, rate(spent)) } else { figure(Metric::Throughput, megabytes(size, spent)) };
    vec![speed, figure(Metric::Cpu, spent.cpu.as_secs_f64() * 1e6 / spent.messages as f64)]
}

fn micros(trips: &mut [Duration]) -> Vec<f64> {
    trips.iter().map(|trip| trip.as_secs_f64() * 1e6).collect()
}

fn latencies(trips: &mut [Duration]) -> Outcome<Vec<Figure>> {
    let mut micros = micros(trips);
    let at = |values: &mut [f64], percent| {
        percentile(values, percent).ok_or_else(|| Failure::new("not one round trip came to its end"))
    };
    Ok(vec![figure(Metric::P50, at(&mut micros, 50)?), figure(Metric::P99, at(&mut micros, 99)?)])
}

fn connect_figure(mut connections: Vec<Duration>) -> Outcome<Figure> {
    let middle = median(&mut micros(&mut connections)).ok_or_else(|| Failure::new("not one connection was made"))?;
    Ok(figure(Metric::Connect, middle / 1e3))
}
