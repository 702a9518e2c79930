//! The works for libraries whose connections carry byte streams: libp2p, iroh, and a bare TLS socket.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use futures::io::{AsyncRead, AsyncWrite};

use crate::broadcast::{self, Broadcast, FILLED, PATIENCE};
use crate::frames::Frames;
use crate::measure::{Ledger, NUMBER, Pace, Spent, Stopwatch, resident};
use crate::outcome::{Failure, Outcome};
use crate::peer::{Batching, FLOOD, FLOOD_LEAD, NEWS, PING_PAUSE, Peer, QUESTION, SETTLE, SMALL};
use crate::runtime::Runtime;
use crate::trips::Trips;

/// Between the end of one connection and the dial of the next, for the library to notice.
const HANG_UP: Duration = Duration::from_millis(5);

/// A library of byte streams.
pub(crate) trait Streams: Send + Sync + 'static {
    /// Listens and dials; every stream that others open goes to [`serve`].
    type Node: Send + Sync + 'static;
    /// A connection, at the end that dialled.
    type Link: Send + Sync + 'static;
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Whether a connection carries more than one stream.
    const MANY: bool;

    fn runtime(&self) -> &Runtime;

    fn node(&self, ledger: Arc<Ledger>) -> impl Future<Output = Outcome<Self::Node>> + Send;

    fn connect(&self, from: &Self::Node, to: &Self::Node) -> impl Future<Output = Outcome<Self::Link>> + Send;

    fn open(&self, link: &Self::Link) -> impl Future<Output = Outcome<Self::Stream>> + Send;

    fn close(&self, from: &Self::Node, link: Self::Link) -> impl Future<Output = ()> + Send;
}

/// What a stream is for: its first message.
#[derive(Clone, Copy)]
enum Role {
    Echo,
    Count(u8),
}

/// What the accepting end answers when it is ready to count.
const ACCEPTED: [u8; 1] = [1];

impl Role {
    fn message(self) -> [u8; 2] {
        match self {
            Self::Echo => [0, 0],
            Self::Count(lane) => [1, lane],
        }
    }
}

/// The accepting end of one stream.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, ledger: Arc<Ledger>) -> Outcome<()> {
    let mut frames = Frames::new(stream, Batching::EachAlone);
    let role = frames.next().await?.map(<[u8]>::to_vec);
    match role.as_deref() {
        Some(&[1, lane]) => {
            frames.send(&ACCEPTED).await?;
            if ledger.stalled {
                std::future::pending::<()>().await;
            }
            while let Some(message) = frames.next().await? {
                ledger.lane(usize::from(lane)).take_bytes(message, ledger.size);
            }
        }
        Some(&[0, 0]) => {
            while let Some(question) = frames.next().await? {
                let question: [u8; QUESTION] = question.try_into()?;
                frames.send(&question).await?;
            }
        }
        _ => return Err(Failure::new("a stream began with no role")),
    }
    Ok(())
}

/// The works, on any library of byte streams.
pub(crate) struct OnStreams<L>(pub(crate) L);

impl<L: Streams> OnStreams<L> {
    /// Two nodes and a connection. The nodes are handed out too: a library may hang up when they are dropped.
    async fn pair(&self, ledger: &Arc<Ledger>) -> Outcome<(L::Node, L::Node, L::Link)> {
        let here = self.0.node(Arc::new(Ledger::new(0, 0))).await?;
        let there = self.0.node(ledger.clone()).await?;
        let link = self.0.connect(&here, &there).await?;
        Ok((here, there, link))
    }

    async fn open(&self, link: &L::Link, role: Role, batching: Batching) -> Outcome<Frames<L::Stream>> {
        let mut frames = Frames::new(self.0.open(link).await?, batching);
        frames.send(&role.message()).await?;
        frames.flush().await?;
        // Before any clock starts, and one stream after the other: a library may refuse those that come faster than they are
        // accepted. Who only echoes answers soon enough.
        if matches!(role, Role::Count(_)) && frames.next().await? != Some(&ACCEPTED) {
            return Err(Failure::new("the stream was not accepted"));
        }
        Ok(frames)
    }
}

/// Sends numbered messages at `pace`; how many.
async fn blast<S: AsyncRead + AsyncWrite + Unpin>(frames: &mut Frames<S>, size: usize, pace: Pace) -> Outcome<u64> {
    let mut message = vec![7; size];
    let mut sent = 0;
    while pace.goes_on(sent) {
        message[..NUMBER].copy_from_slice(&sent.to_le_bytes());
        frames.send(&message).await?;
        sent += 1;
    }
    frames.flush().await?;
    Ok(sent)
}

/// One question and its answer.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(frames: &mut Frames<S>, number: u8) -> Outcome<Duration> {
    let question = [number; QUESTION];
    let start = Instant::now();
    frames.send(&question).await?;
    match frames.next().await? {
        Some(answer) if answer == question => Ok(start.elapsed()),
        _ => Err(Failure::new("the answer is not the question")),
    }
}

impl<L: Streams> Peer for OnStreams<L> {
    async fn one_way(&self, size: usize, batching: Batching, period: Duration) -> Outcome<Spent> {
        let ledger = Arc::new(Ledger::new(1, size));
        let (_here, _there, link) = self.pair(&ledger).await?;
        let mut frames = self.open(&link, Role::Count(0), batching).await?;
        let watch = Stopwatch::start()?;
        let sent = blast(&mut frames, size, Pace::new(period, size)).await?;
        ledger.lane(0).wait_for(sent).await?;
        watch.stop(sent)
    }

    async fn round_trips(&self, period: Duration) -> Outcome<Vec<Duration>> {
        let (_here, _there, link) = self.pair(&Arc::new(Ledger::new(0, 0))).await?;
        let mut frames = self.open(&link, Role::Echo, Batching::EachAlone).await?;
        let mut trips = Trips::new(period);
        while trips.add(ask(&mut frames, trips.filling()).await?) {}
        Ok(trips.times())
    }

    async fn beside_flood(&self, period: Duration) -> Outcome<(Vec<Duration>, Spent)> {
        if !L::MANY {
            return Err(Failure::NotApplicable("one stream a connection: a ping cannot pass a megabyte"));
        }
        let (ledger, runtime) = (Arc::new(Ledger::new(1, FLOOD)), self.0.runtime());
        let (_here, _there, link) = self.pair(&ledger).await?;
        let mut frames = self.open(&link, Role::Echo, Batching::EachAlone).await?;
        let mut flood = self.open(&link, Role::Count(0), Batching::EachAlone).await?;
        let watch = Stopwatch::start()?;
        let pace = Pace::new(FLOOD_LEAD + period, FLOOD);
        let flood = runtime.spawn(async move { blast(&mut flood, FLOOD, pace).await.map(|sent| (sent, flood)) });
        runtime.sleep(FLOOD_LEAD).await;
        let mut trips = Trips::new(period);
        while trips.add(ask(&mut frames, trips.filling()).await?) {
            runtime.sleep(PING_PAUSE).await;
        }
        let (sent, _flood) = flood.finished().await??;
        ledger.lane(0).wait_for(sent).await?;
        Ok((trips.times(), watch.stop(sent)?))
    }

    async fn connect(&self, count: usize) -> Outcome<Vec<Duration>> {
        let here = self.0.node(Arc::new(Ledger::new(0, 0))).await?;
        let there = self.0.node(Arc::new(Ledger::new(0, 0))).await?;
        let mut times = Vec::new();
        for number in 0..count {
            let start = Instant::now();
            let link = self.0.connect(&here, &there).await?;
            let mut frames = self.open(&link, Role::Echo, Batching::EachAlone).await?;
            ask(&mut frames, number as u8).await?;
            times.push(start.elapsed());
            drop(frames);
            self.0.close(&here, link).await;
            self.0.runtime().sleep(HANG_UP).await;
        }
        Ok(times)
    }

    async fn idle(&self, count: usize) -> Outcome<f64> {
        let here = self.0.node(Arc::new(Ledger::new(0, 0))).await?;
        let there = self.0.node(Arc::new(Ledger::new(0, 0))).await?;
        // What only the first connection costs is no part of a connection.
        let mut links = vec![self.0.connect(&here, &there).await?];
        let before = resident()?;
        for _ in 0..count {
            links.push(self.0.connect(&here, &there).await?);
        }
        self.0.runtime().sleep(SETTLE).await;
        Ok((resident()? - before) / count as f64)
    }

    async fn broadcast(&self, audience: usize, stalled: bool, period: Duration) -> Outcome<(Spent, Duration)> {
        let hub = self.0.node(Arc::new(Ledger::new(0, 0))).await?;
        let mut news = vec![7; NEWS];
        let (audience, mut nodes, mut lanes) = (broadcast::audience(audience, stalled), Vec::new(), Vec::new());
        for ledger in &audience {
            let node = self.0.node(ledger.clone()).await?;
            let link = self.0.connect(&hub, &node).await?;
            let mut frames = self.open(&link, Role::Count(0), Batching::EachAlone).await?;
            // Messages cut short do no harm: nobody reads them.
            while ledger.stalled && self.0.runtime().within(FILLED, frames.send(&news)).await.is_some() {}
            lanes.push((Some(frames), ledger.stalled));
            nodes.push((node, link));
        }
        let mut broadcast = Broadcast::start(period)?;
        while let Some(number) = broadcast.next() {
            news[..NUMBER].copy_from_slice(&number);
            for (lane, stalled) in &mut lanes {
                let Some(frames) = lane else { continue };
                match self.0.runtime().within(PATIENCE, frames.send(&news)).await {
                    Some(done) => done?,
                    None if *stalled => *lane = None,
                    None => return Err(Failure::new("a peer that reads took nothing for a second")),
                }
            }
        }
        broadcast.heard(&audience).await
    }

    async fn lanes(&self, lanes: usize, period: Duration) -> Outcome<Spent> {
        if !L::MANY && lanes > 1 {
            return Err(Failure::NotApplicable("one stream a connection"));
        }
        let ledger = Arc::new(Ledger::new(lanes, SMALL));
        let (_here, _there, link) = self.pair(&ledger).await?;
        let mut streams = Vec::new();
        for lane in 0..lanes {
            streams.push(self.open(&link, Role::Count(u8::try_from(lane)?), Batching::EachAlone).await?);
        }
        let (watch, pace) = (Stopwatch::start()?, Pace::new(period, SMALL));
        let tasks = streams.into_iter().map(|mut frames| {
            let task =
                self.0.runtime().spawn(async move { blast(&mut frames, SMALL, pace).await.map(|n| (n, frames)) });
            async { task.finished().await? }
        });
        // The streams are held until everything has arrived: dropping one may reset it.
        let (sent, _open): (Vec<u64>, Vec<_>) = try_join_all(tasks).await?.into_iter().unzip();
        for (lane, sent) in sent.iter().enumerate() {
            ledger.lane(lane).wait_for(*sent).await?;
        }
        watch.stop(sent.iter().sum())
    }
}
