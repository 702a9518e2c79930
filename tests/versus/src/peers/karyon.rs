//! karyon: nodes on smol over TLS; a protocol a lane, all protocols of a peer on one connection.
//!
//! A protocol's instance hands its connection out at the end that sends, and counts or echoes at the other.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use async_trait::async_trait;
use futures::future::{BoxFuture, try_join_all};
use karyon_p2p::endpoint::Endpoint;
use karyon_p2p::keypair::{KeyPair, KeyPairType};
use karyon_p2p::protocol::{PeerConn, Protocol, ProtocolID};
use karyon_p2p::{Config, Error, Version};
use smol::Executor;

use crate::broadcast::{self, Broadcast, FILLED, PATIENCE};
use crate::measure::{Ledger, NUMBER, Pace, Spent, Stopwatch, resident};
use crate::outcome::{Failure, Outcome};
use crate::peer::{Batching, FLOOD, FLOOD_LEAD, NEWS, PING_PAUSE, Peer, QUESTION, SETTLE, SMALL};
use crate::runtime::{Runtime, Threads};
use crate::trips::Trips;

/// No ping within a measurement.
const PING_INTERVAL: u64 = 3600;

/// What a node does with its protocols.
#[derive(Clone)]
enum Role {
    /// Hands the connection out, with the number of the protocol.
    Send(Sender<(usize, Arc<PeerConn>)>),
    /// Counts what arrives, or echoes it.
    Serve(Arc<Ledger>),
}

/// Messages to be counted, in lane `LANE`.
struct Counted<const LANE: usize> {
    connection: Arc<PeerConn>,
    role: Role,
}

/// Questions to be answered.
struct Echo {
    connection: Arc<PeerConn>,
    role: Role,
}

/// The number under which a connection for questions is handed out.
const ECHO: usize = usize::MAX;

impl Role {
    /// The ledger, at the end that serves. At the other end the connection is handed out and kept for good.
    async fn ledger(&self, number: usize, connection: &Arc<PeerConn>) -> Arc<Ledger> {
        match self {
            Self::Send(connections) => {
                // Nobody may want it.
                let _ = connections.send((number, connection.clone())).await;
                std::future::pending().await
            }
            Self::Serve(ledger) if ledger.stalled => std::future::pending().await,
            Self::Serve(ledger) => ledger.clone(),
        }
    }
}

#[async_trait]
impl<const LANE: usize> Protocol for Counted<LANE> {
    async fn start(self: Arc<Self>) -> Result<(), Error> {
        let ledger = self.role.ledger(LANE, &self.connection).await;
        loop {
            ledger.lane(LANE).take_bytes(&self.connection.recv().await?, ledger.size);
        }
    }

    fn version() -> Result<Version, Error> {
        "0.1.0".parse()
    }

    fn id() -> ProtocolID {
        format!("COUNTED{LANE}")
    }
}

#[async_trait]
impl Protocol for Echo {
    async fn start(self: Arc<Self>) -> Result<(), Error> {
        self.role.ledger(ECHO, &self.connection).await;
        loop {
            self.connection.send(self.connection.recv().await?).await?;
        }
    }

    fn version() -> Result<Version, Error> {
        "0.1.0".parse()
    }

    fn id() -> ProtocolID {
        "ECHO".into()
    }
}

/// Attaches the protocol of one lane to a node.
type Attach = for<'a> fn(&'a karyon_p2p::Node, Role) -> BoxFuture<'a, Result<(), Error>>;

fn attach<const LANE: usize>(node: &karyon_p2p::Node, role: Role) -> BoxFuture<'_, Result<(), Error>> {
    let make = move |connection| Counted::<LANE> { connection: Arc::new(connection), role: role.clone() };
    Box::pin(node.attach_protocol(make))
}

macro_rules! attach_each {
    ($($lane:literal)*) => { [$(attach::<$lane>),*] };
}

#[rustfmt::skip]
const LANES: [Attach; 64] = attach_each!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
    16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47
    48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
);

pub(crate) struct Karyon {
    executor: Arc<Executor<'static>>,
    runtime: Runtime,
}

/// Two connected nodes, and the connections handed out at the end that dialled.
struct Pair {
    _nodes: [Arc<karyon_p2p::Node>; 2],
    lanes: Vec<Arc<PeerConn>>,
    echo: Arc<PeerConn>,
}

fn settings() -> Config {
    Config { inbound_slots: 5000, outbound_slots: 4, ping_interval: PING_INTERVAL, ..Config::default() }
}

fn free_endpoint() -> Outcome<Endpoint> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    Ok(format!("tls://127.0.0.1:{port}").parse()?)
}

impl Karyon {
    /// A node that is made and does not run yet.
    async fn node(&self, config: Config, lanes: usize, role: Role) -> Outcome<Arc<karyon_p2p::Node>> {
        let key = KeyPair::generate(&KeyPairType::Ed25519);
        let node = karyon_p2p::Node::new(&key, config, self.executor.clone().into());
        for attach in &LANES[..lanes] {
            attach(&node, role.clone()).await?;
        }
        node.attach_protocol(move |connection| Echo { connection: Arc::new(connection), role: role.clone() }).await?;
        Ok(node)
    }

    async fn listener(&self, lanes: usize, role: Role) -> Outcome<(Arc<karyon_p2p::Node>, Endpoint)> {
        let endpoint = free_endpoint()?;
        let config = Config { listen_endpoints: vec![endpoint.clone()], ..settings() };
        let node = self.node(config, lanes, role).await?;
        node.run().await?;
        Ok((node, endpoint))
    }

    async fn dialler(&self, to: &Endpoint, lanes: usize, role: Role) -> Outcome<Arc<karyon_p2p::Node>> {
        self.node(Config { dial_peers: vec![to.clone()], ..settings() }, lanes, role).await
    }

    async fn pair(&self, lanes: usize, ledger: &Arc<Ledger>) -> Outcome<Pair> {
        let (there, endpoint) = self.listener(lanes, Role::Serve(ledger.clone())).await?;
        let (sender, connections) = async_channel::unbounded();
        let here = self.dialler(&endpoint, lanes, Role::Send(sender)).await?;
        here.run().await?;
        let mut found: Vec<_> = Vec::new();
        for _ in 0..=lanes {
            found.push(connections.recv().await?);
        }
        found.sort_by_key(|(number, _)| *number);
        let (_, echo) = found.pop().ok_or_else(|| Failure::new("no connection was handed out"))?;
        Ok(Pair { _nodes: [here, there], lanes: found.into_iter().map(|(_, lane)| lane).collect(), echo })
    }
}

async fn blast(connection: &PeerConn, size: usize, pace: Pace) -> Outcome<u64> {
    let mut message = vec![7; size];
    let mut sent = 0_u64;
    while pace.goes_on(sent) {
        message[..NUMBER].copy_from_slice(&sent.to_le_bytes());
        connection.send(message.clone()).await?;
        sent += 1;
    }
    Ok(sent)
}

async fn ask(connection: &PeerConn, number: u8) -> Outcome<Duration> {
    let question = [number; QUESTION];
    let start = Instant::now();
    connection.send(question.to_vec()).await?;
    let answer = connection.recv().await?;
    if answer == question { Ok(start.elapsed()) } else { Err(Failure::new("the answer is not the question")) }
}

/// The next connection for questions.
async fn echo_of(connections: &Receiver<(usize, Arc<PeerConn>)>) -> Outcome<Arc<PeerConn>> {
    Ok(connections.recv().await?.1)
}

impl Peer for Karyon {
    async fn one_way(&self, size: usize, batching: Batching, period: Duration) -> Outcome<Spent> {
        if batching == Batching::Best {
            return Err(Failure::NotApplicable("karyon writes every message by itself"));
        }
        let ledger = Arc::new(Ledger::new(1, size));
        let pair = self.pair(1, &ledger).await?;
        let watch = Stopwatch::start()?;
        let sent = blast(&pair.lanes[0], size, Pace::new(period, size)).await?;
        ledger.lane(0).wait_for(sent).await?;
        watch.stop(sent)
    }

    async fn round_trips(&self, period: Duration) -> Outcome<Vec<Duration>> {
        let pair = self.pair(0, &Arc::new(Ledger::new(0, 0))).await?;
        let mut trips = Trips::new(period);
        while trips.add(ask(&pair.echo, trips.filling()).await?) {}
        Ok(trips.times())
    }

    async fn beside_flood(&self, period: Duration) -> Outcome<(Vec<Duration>, Spent)> {
        let ledger = Arc::new(Ledger::new(1, FLOOD));
        let pair = self.pair(1, &ledger).await?;
        let (watch, pace) = (Stopwatch::start()?, Pace::new(FLOOD_LEAD + period, FLOOD));
        let lane = pair.lanes[0].clone();
        let flood = self.runtime.spawn(async move { blast(&lane, FLOOD, pace).await });
        self.runtime.sleep(FLOOD_LEAD).await;
        let mut trips = Trips::new(period);
        while trips.add(ask(&pair.echo, trips.filling()).await?) {
            self.runtime.sleep(PING_PAUSE).await;
        }
        let sent = flood.finished().await??;
        ledger.lane(0).wait_for(sent).await?;
        Ok((trips.times(), watch.stop(sent)?))
    }

    /// The time to run a node that was made before is in it: karyon dials when a node begins to run.
    async fn connect(&self, count: usize) -> Outcome<Vec<Duration>> {
        let (_there, endpoint) = self.listener(0, Role::Serve(Arc::new(Ledger::new(0, 0)))).await?;
        let (sender, connections) = async_channel::unbounded();
        let mut times = Vec::new();
        for number in 0..count {
            let here = self.dialler(&endpoint, 0, Role::Send(sender.clone())).await?;
            let start = Instant::now();
            here.run().await?;
            ask(&*echo_of(&connections).await?, number as u8).await?;
            times.push(start.elapsed());
            here.shutdown().await;
        }
        Ok(times)
    }

    async fn idle(&self, count: usize) -> Outcome<f64> {
        let (_there, endpoint) = self.listener(0, Role::Serve(Arc::new(Ledger::new(0, 0)))).await?;
        let (sender, connections) = async_channel::unbounded();
        let mut nodes = Vec::new();
        for _ in 0..count {
            nodes.push(self.dialler(&endpoint, 0, Role::Send(sender.clone())).await?);
        }
        // What only the first connection costs is no part of a connection.
        let _first = self.pair(0, &Arc::new(Ledger::new(0, 0))).await?;
        let (before, mut held) = (resident()?, Vec::new());
        for node in &nodes {
            node.run().await?;
            held.push(echo_of(&connections).await?);
        }
        self.runtime.sleep(SETTLE).await;
        Ok((resident()? - before) / count as f64)
    }

    /// As karyon's own `broadcast` does it: peer by peer; here each with a bounded wait, or one stalled peer ends it all.
    async fn broadcast(&self, audience: usize, stalled: bool, period: Duration) -> Outcome<(Spent, Duration)> {
        let (sender, connections) = async_channel::unbounded();
        let (_hub, endpoint) = self.listener(1, Role::Send(sender)).await?;
        let mut news = vec![7; NEWS];
        let (audience, mut nodes, mut lanes) = (broadcast::audience(audience, stalled), Vec::new(), Vec::new());
        for ledger in &audience {
            let node = self.dialler(&endpoint, 1, Role::Serve(ledger.clone())).await?;
            node.run().await?;
            // The connections of both its protocols.
            for _ in 0..2 {
                let (0, lane) = connections.recv().await? else { continue };
                while ledger.stalled && self.runtime.within(FILLED, lane.send(news.clone())).await.is_some() {}
                lanes.push((Some(lane), ledger.stalled));
            }
            nodes.push(node);
        }
        let mut broadcast = Broadcast::start(period)?;
        while let Some(number) = broadcast.next() {
            news[..NUMBER].copy_from_slice(&number);
            for (lane, stalled) in &mut lanes {
                let Some(connection) = lane else { continue };
                match self.runtime.within(PATIENCE, connection.send(news.clone())).await {
                    Some(done) => done?,
                    None if *stalled => *lane = None,
                    None => return Err(Failure::new("a peer that reads took nothing for a second")),
                }
            }
        }
        broadcast.heard(&audience).await
    }

    async fn lanes(&self, lanes: usize, period: Duration) -> Outcome<Spent> {
        let ledger = Arc::new(Ledger::new(lanes, SMALL));
        let pair = self.pair(lanes, &ledger).await?;
        let (watch, pace) = (Stopwatch::start()?, Pace::new(period, SMALL));
        let tasks = pair.lanes.iter().cloned().map(|lane| {
            let task = self.runtime.spawn(async move { blast(&lane, SMALL, pace).await });
            async { task.finished().await? }
        });
        let sent = try_join_all(tasks).await?;
        for (lane, sent) in sent.iter().enumerate() {
            ledger.lane(lane).wait_for(*sent).await?;
        }
        watch.stop(sent.iter().sum())
    }
}

/// Runs `work` with karyon on `threads` threads.
pub(crate) fn run<T, F>(threads: Threads, work: impl FnOnce(Karyon) -> F) -> Outcome<T>
where
    T: Send + 'static,
    F: Future<Output = Outcome<T>> + Send + 'static,
{
    Runtime::on_smol(threads, move |runtime| {
        let karyon = match &runtime {
            Runtime::Smol(executor) => Ok(Karyon { executor: executor.clone(), runtime }),
            Runtime::Tokio(_) => Err(Failure::new("karyon is built for smol here")),
        };
        let work = karyon.map(work);
        async move { work?.await }
    })
}
