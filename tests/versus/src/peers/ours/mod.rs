//! p2p-net through its public API: typed messages, annotated handlers, default settings, flow control on.

mod lanes;
mod plugins;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use p2p_net::{Channel, Message, P2p, P2pPtr, ProtocolSet, Settings};
use smol::Executor;

use self::plugins::{Big, Huge, Kilobyte, Kilobytes, News, Question, Small};
use crate::broadcast::{self, Broadcast, FILLED};
use crate::measure::{Ledger, NUMBER, Pace, Spent, Stopwatch, resident};
use crate::outcome::{Failure, Outcome};
use crate::peer::{Batching, FLOOD, FLOOD_LEAD, NEWS, PING_PAUSE, Peer, QUESTION, SETTLE, SMALL};
use crate::runtime::{Runtime, Threads};
use crate::trips::Trips;

/// Connections made, and connections held, for one figure of nodes with many plugins.
const PLUGGED: usize = 50;

/// A bound, not a speed: 64 lanes with the default window need more than the default of 64 MiB a channel.
const CHANNEL_MEMORY: usize = 1 << 30;

pub(crate) struct Ours {
    executor: Arc<Executor<'static>>,
    runtime: Runtime,
    scheme: &'static str,
}

impl Ours {
    pub(crate) fn new(runtime: Runtime, scheme: &'static str) -> Outcome<Self> {
        match &runtime {
            Runtime::Smol(executor) => Ok(Self { executor: executor.clone(), runtime, scheme }),
            Runtime::Tokio(_) => Err(Failure::new("p2p-net runs on smol")),
        }
    }

    async fn node(&self, protocols: ProtocolSet, ledger: Arc<Ledger>) -> Outcome<P2pPtr> {
        let mut settings = Settings {
            listen: vec![format!("{}://127.0.0.1:0", self.scheme).parse()?],
            transports: vec![self.scheme.to_owned()],
            // The works dial; nodes that dial each other by themselves would be counted with them.
            outbound_slots: 0,
            max_peers: 10_000,
            ..Settings::default()
        };
        settings.limits.channel_memory = CHANNEL_MEMORY;
        let node = P2p::builder(settings).protocols(protocols).shared_state(ledger).build().await?;
        node.clone().start(self.executor.clone()).await?;
        self.executor.spawn(node.clone().run(self.executor.clone())).detach();
        Ok(node)
    }

    async fn pair(&self, protocols: ProtocolSet, ledger: &Arc<Ledger>) -> Outcome<(P2pPtr, P2pPtr, Channel)> {
        let here = self.node(protocols.clone(), Arc::new(Ledger::new(0, 0))).await?;
        let there = self.node(protocols, ledger.clone()).await?;
        let channel = dial(&here, &there).await?;
        Ok((here, there, channel))
    }

    /// A node connected to `count` others, each with a ledger of its own; also what a channel takes, in KiB.
    async fn star(&self, protocols: &ProtocolSet, count: usize) -> Outcome<(Vec<(Channel, Arc<Ledger>)>, f64)> {
        // What only the first connection costs is no part of a connection.
        let _first = self.pair(protocols.clone(), &Arc::new(Ledger::new(0, 0))).await?;
        let hub = self.node(protocols.clone(), Arc::new(Ledger::new(0, 0))).await?;
        let mut nodes = Vec::new();
        for _ in 0..count {
            let ledger = Arc::new(Ledger::new(1, SMALL));
            nodes.push((self.node(protocols.clone(), ledger.clone()).await?, ledger));
        }
        let before = resident()?;
        let mut channels = Vec::new();
        for (node, ledger) in &nodes {
            channels.push((dial(&hub, node).await?, ledger.clone()));
        }
        self.runtime.sleep(SETTLE).await;
        Ok((channels, (resident()? - before) / count as f64))
    }

    async fn one_way_as<M: plugins::AnySize>(
        &self,
        protocols: ProtocolSet,
        size: usize,
        period: Duration,
    ) -> Outcome<Spent> {
        let ledger = Arc::new(Ledger::new(1, size));
        let (_here, _there, channel) = self.pair(protocols, &ledger).await?;
        let watch = Stopwatch::start()?;
        let sent = blast(&channel, M::of(size), Pace::new(period, size), M::renumber).await?;
        ledger.lane(0).wait_for(sent).await?;
        watch.stop(sent)
    }

    async fn one_way_small(&self, period: Duration) -> Outcome<Spent> {
        let ledger = Arc::new(Ledger::new(1, SMALL));
        let (_here, _there, channel) = self.pair(plugins::base().with::<plugins::count_small>(), &ledger).await?;
        let watch = Stopwatch::start()?;
        let sent = blast_small(&channel, Pace::new(period, SMALL)).await?;
        ledger.lane(0).wait_for(sent).await?;
        watch.stop(sent)
    }

    async fn connections(&self, protocols: ProtocolSet, count: usize) -> Outcome<Vec<Duration>> {
        let there = self.node(protocols.clone(), Arc::new(Ledger::new(0, 0))).await?;
        let mut times = Vec::new();
        for number in 0..count {
            let here = self.node(protocols.clone(), Arc::new(Ledger::new(0, 0))).await?;
            let start = Instant::now();
            let channel = dial(&here, &there).await?;
            ask(&channel, number as u8).await?;
            times.push(start.elapsed());
            here.stop().await;
        }
        Ok(times)
    }
}

async fn dial(here: &P2p, there: &P2p) -> Outcome<Channel> {
    let urls = there.advertised();
    let peer = here.add_peer(urls.first().ok_or_else(|| Failure::new("the node listens nowhere"))?).await?;
    here.channel(&peer).ok_or_else(|| Failure::new("the channel ended at once"))
}

/// Sends numbered messages at `pace`; how many.
async fn blast<M: Message>(
    channel: &Channel,
    mut message: M,
    pace: Pace,
    renumber: fn(&mut M, [u8; NUMBER]),
) -> Outcome<u64> {
    let mut sent = 0_u64;
    while pace.goes_on(sent) {
        renumber(&mut message, sent.to_le_bytes());
        channel.send(&message).await?;
        sent += 1;
    }
    Ok(sent)
}

async fn blast_small(channel: &Channel, pace: Pace) -> Outcome<u64> {
    let small = Small { number: [0; NUMBER], body: [7; SMALL - NUMBER] };
    blast(channel, small, pace, |small, number| small.number = number).await
}

async fn ask(channel: &Channel, number: u8) -> Outcome<Duration> {
    let body = [number; QUESTION];
    let start = Instant::now();
    let answer = channel.request(Question { body }).await?;
    if answer.body == body { Ok(start.elapsed()) } else { Err(Failure::new("the answer is not the question")) }
}

impl Peer for Ours {
    /// `send` batches by itself: there is nothing a program could add.
    async fn one_way(&self, size: usize, _batching: Batching, period: Duration) -> Outcome<Spent> {
        let base = plugins::base();
        match size {
            SMALL => self.one_way_small(period).await,
            0..=0x400 => self.one_way_as::<Kilobyte>(base.with::<plugins::count_kilobyte>(), size, period).await,
            0x401..=0x1_0000 => {
                self.one_way_as::<Kilobytes>(base.with::<plugins::count_kilobytes>(), size, period).await
            }
            0x1_0001..=0x10_0000 => self.one_way_as::<Big>(base.with::<plugins::count_big>(), size, period).await,
            _ => self.one_way_as::<Huge>(base.with::<plugins::count_huge>(), size, period).await,
        }
    }

    async fn round_trips(&self, period: Duration) -> Outcome<Vec<Duration>> {
        let protocols = plugins::base().with::<plugins::answer>();
        let (_here, _there, channel) = self.pair(protocols, &Arc::new(Ledger::new(0, 0))).await?;
        let mut trips = Trips::new(period);
        while trips.add(ask(&channel, trips.filling()).await?) {}
        Ok(trips.times())
    }

    async fn beside_flood(&self, period: Duration) -> Outcome<(Vec<Duration>, Spent)> {
        let ledger = Arc::new(Ledger::new(1, FLOOD));
        let protocols = plugins::base().with::<plugins::answer>().with::<plugins::count_big>();
        let (_here, _there, channel) = self.pair(protocols, &ledger).await?;
        let (watch, pace) = (Stopwatch::start()?, Pace::new(FLOOD_LEAD + period, FLOOD));
        let big = channel.clone();
        let flood =
            async move { blast(&big, <Big as plugins::AnySize>::of(FLOOD), pace, plugins::AnySize::renumber).await };
        let flood = self.runtime.spawn(flood);
        self.runtime.sleep(FLOOD_LEAD).await;
        let mut trips = Trips::new(period);
        while trips.add(ask(&channel, trips.filling()).await?) {
            self.runtime.sleep(PING_PAUSE).await;
        }
        let sent = flood.finished().await??;
        ledger.lane(0).wait_for(sent).await?;
        Ok((trips.times(), watch.stop(sent)?))
    }

    async fn connect(&self, count: usize) -> Outcome<Vec<Duration>> {
        self.connections(plugins::base().with::<plugins::answer>(), count).await
    }

    async fn idle(&self, count: usize) -> Outcome<f64> {
        Ok(self.star(&plugins::base().with::<plugins::count_small>(), count).await?.1)
    }

    async fn broadcast(&self, audience: usize, stalled: bool, period: Duration) -> Outcome<(Spent, Duration)> {
        let protocols = plugins::base().with::<plugins::hear>();
        let hub = self.node(protocols.clone(), Arc::new(Ledger::new(0, 0))).await?;
        let (audience, mut deaf) = (broadcast::audience(audience, stalled), None);
        let mut news = News { number: [0; NUMBER], body: vec![7; NEWS - NUMBER].into() };
        for ledger in &audience {
            let node = self.node(protocols.clone(), ledger.clone()).await?;
            let channel = dial(&hub, &node).await?;
            if ledger.stalled {
                deaf = Some(node.id());
                while let Some(sent) = self.runtime.within(FILLED, channel.send(&news)).await {
                    sent?;
                }
            }
        }
        let mut broadcast = Broadcast::start(period)?;
        while let Some(number) = broadcast.next() {
            news.number = number;
            for (peer, result) in hub.broadcast(&news).await {
                if Some(peer) != deaf {
                    result?;
                }
            }
        }
        broadcast.heard(&audience).await
    }

    async fn lanes(&self, lanes: usize, period: Duration) -> Outcome<Spent> {
        let ledger = Arc::new(Ledger::new(lanes, SMALL));
        let (_here, _there, channel) = self.pair(lanes::first(lanes), &ledger).await?;
        let (watch, pace) = (Stopwatch::start()?, Pace::new(period, SMALL));
        let tasks = lanes::SENDERS[..lanes].iter().map(|send| {
            let task = self.runtime.spawn(send(channel.clone(), pace));
            async { task.finished().await? }
        });
        let sent = try_join_all(tasks).await?;
        for (lane, sent) in sent.iter().enumerate() {
            ledger.lane(lane).wait_for(*sent).await?;
        }
        watch.stop(sent.iter().sum())
    }

    async fn channels(&self, channels: usize, period: Duration) -> Outcome<(Spent, f64)> {
        let (channels, memory) = self.star(&plugins::base().with::<plugins::count_small>(), channels).await?;
        let (watch, pace) = (Stopwatch::start()?, Pace::new(period, SMALL));
        let tasks = channels.into_iter().map(|(channel, ledger)| {
            let task = self.runtime.spawn(async move { blast_small(&channel, pace).await });
            async move { Ok::<_, Failure>((task.finished().await??, ledger)) }
        });
        let sent = try_join_all(tasks).await?;
        for (sent, ledger) in &sent {
            ledger.lane(0).wait_for(*sent).await?;
        }
        Ok((watch.stop(sent.iter().map(|(sent, _)| sent).sum())?, memory))
    }

    async fn plugins(&self, plugins: usize, period: Duration) -> Outcome<(Spent, Vec<Duration>, f64)> {
        let protocols = lanes::first(plugins);
        let (idle, memory) = self.star(&protocols, PLUGGED).await?;
        drop(idle);
        let times = self.connections(protocols.clone().with::<plugins::answer>(), PLUGGED).await?;
        let ledger = Arc::new(Ledger::new(1, SMALL));
        let (_here, _there, channel) = self.pair(protocols, &ledger).await?;
        let watch = Stopwatch::start()?;
        let sent = lanes::SENDERS[0](channel, Pace::new(period, SMALL)).await?;
        ledger.lane(0).wait_for(sent).await?;
        Ok((watch.stop(sent)?, times, memory))
    }
}

/// Runs `work` with p2p-net on `threads` threads.
pub(crate) fn run<T, F>(threads: Threads, scheme: &'static str, work: impl FnOnce(Ours) -> F) -> Outcome<T>
where
    T: Send + 'static,
    F: Future<Output = Outcome<T>> + Send + 'static,
{
    Runtime::on_smol(threads, move |runtime| {
        let work = Ours::new(runtime, scheme).map(work);
        async move { work?.await }
    })
}
