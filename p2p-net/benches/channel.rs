//! A channel through the public API, typed, encrypted and flow-controlled: two nodes in one process over loopback.
//!
//! `cargo bench -p p2p-net --bench channel [-- small big rtt request flood idle]`, with `THREADS=1|2` (2) and
//! `SCHEME=tls|tcp` (tls). Prints messages a second, megabytes a second, round trips, and the memory of an idle channel.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use p2p_net::message::{Bytes, Field, Message, One, Request, Schema, Shape};
use p2p_net::p2p::P2pPtr;
use p2p_net::protocol::{Construct, Context, Handles, Phase, ProtocolBase, ProtocolDescriptor};
use p2p_net::{Channel, P2p, ProtocolSet, Result, SessionFlags, Settings};
use serde::{Deserialize, Serialize};
use smol::Executor;

macro_rules! message {
    ($type:ident, $name:literal, $max:expr, $window:expr, $answer:ty, $shape:expr) => {
        impl Schema for $type {
            const SHAPE: Shape = Shape::Struct($name, &[Field { name: "0", shape: &$shape }]);
        }
        impl Message for $type {
            const NAME: &'static str = $name;
            const MAX_BYTES: usize = $max;
            const WINDOW: u32 = $window;
            type Answer = One<$answer>;
        }
    };
}

#[derive(Serialize, Deserialize)]
struct Small(u64, #[serde(with = "serde_bytes")] [u8; 56]);
message!(Small, "small", 128, 1 << 20, (), Shape::Bytes);

#[derive(Serialize, Deserialize)]
struct Big(Bytes);
message!(Big, "big", (1 << 20) + 64, 2 << 20, (), Shape::Bytes);

#[derive(Serialize, Deserialize)]
struct Ask([u8; 32]);
message!(Ask, "ask", 64, 1 << 20, (), Shape::Bytes);

#[derive(Serialize, Deserialize)]
struct Answer([u8; 32]);
message!(Answer, "answer", 64, 1 << 20, (), Shape::Bytes);

#[derive(Serialize, Deserialize)]
struct Query([u8; 32]);
message!(Query, "query", 64, 1 << 20, Answer, Shape::Bytes);
impl Request for Query {
    type Reply = Answer;
}

static ECHO: ProtocolDescriptor = descriptor("echo", &[Handles::message::<Ask>(), Handles::message::<Query>()]);
static SINK: ProtocolDescriptor = descriptor("sink", &[Handles::message::<Small>(), Handles::message::<Big>()]);
static BACK: ProtocolDescriptor = descriptor("back", &[Handles::message::<Answer>()]);

const fn descriptor(name: &'static str, handlers: &'static [Handles]) -> ProtocolDescriptor {
    let construct = Construct::Channel(|_| async { Err(p2p_net::Error::msg("by hand")) }.boxed());
    let (sessions, phase) = (SessionFlags::ALL, Phase::Main);
    ProtocolDescriptor { name, version: 1, sessions, phase, handlers, requires: &[], construct, at: "" }
}

/// Counts what arrives, answers what asks.
#[derive(Default)]
struct Counts {
    small: AtomicU64,
    big: AtomicU64,
}

struct Sink(Arc<Counts>, std::sync::Mutex<Option<Subscriptions>>);

enum Subscriptions {
    Sink(p2p_net::message::MessageSubscription<Small>, p2p_net::message::MessageSubscription<Big>),
    Echo(p2p_net::message::MessageSubscription<Ask>),
}

impl ProtocolBase for Sink {
    fn name(&self) -> &'static str {
        "bench"
    }

    fn start(self: Arc<Self>, context: Context) -> BoxFuture<'static, Result<()>> {
        let (counts, channel) = (self.0.clone(), context.channel().clone());
        let subscriptions = self.1.lock().unwrap().take().unwrap();
        async move {
            match subscriptions {
                Subscriptions::Sink(mut small, mut big) => {
                    let more = counts.clone();
                    context.jobs().serve(async move {
                        while let Ok(Small(number, _)) = small.receive().await {
                            assert_eq!(number, counts.small.fetch_add(1, Ordering::Relaxed));
                        }
                        Ok(())
                    });
                    context.jobs().serve(async move {
                        while let Ok(Big(bytes)) = big.receive().await {
                            assert_eq!(bytes.len(), 1 << 20);
                            more.big.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(())
                    });
                }
                Subscriptions::Echo(mut ask) => context.jobs().serve(async move {
                    while let Ok(Ask(body)) = ask.receive().await {
                        channel.send(&Answer(body)).await?;
                    }
                    Ok(())
                }),
            }
            Ok(())
        }
        .boxed()
    }
}

async fn node(ex: &Arc<Executor<'static>>, counts: Arc<Counts>) -> P2pPtr {
    let scheme = std::env::var("SCHEME").unwrap_or_else(|_| "tls".to_owned());
    let listen = vec![format!("{scheme}://127.0.0.1:0").parse().unwrap()];
    let settings =
        Settings { listen, transports: vec![scheme], outbound_slots: 0, max_peers: 10_000, ..Settings::default() };
    let node = P2p::builder(settings).protocols(ProtocolSet::empty()).without_handshake().build().await.unwrap();
    let registry = node.protocol_registry();
    let sink = counts.clone();
    registry
        .register(&SINK, SessionFlags::ALL, move |channel: Channel, _| {
            let subscriptions = Subscriptions::Sink(channel.subscribe().unwrap(), channel.subscribe().unwrap());
            let sink = Sink(sink.clone(), Some(subscriptions).into());
            async move { Ok(Arc::new(sink) as Arc<dyn ProtocolBase>) }
        })
        .unwrap();
    registry
        .register(&ECHO, SessionFlags::ALL, move |channel: Channel, _| {
            let subscriptions = Subscriptions::Echo(channel.subscribe().unwrap());
            let echo = Sink(counts.clone(), Some(subscriptions).into());
            async move { Ok(Arc::new(echo) as Arc<dyn ProtocolBase>) }
        })
        .unwrap();
    registry
        .register(&BACK, SessionFlags::empty() | SessionFlags::SEED, |_, _| async { Err(p2p_net::Error::msg("never")) })
        .unwrap();
    node.clone().start(ex.clone()).await.unwrap();
    ex.spawn(node.clone().run(ex.clone())).detach();
    node
}

async fn pair(ex: &Arc<Executor<'static>>) -> (P2pPtr, P2pPtr, Channel, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    let (alice, bob) = (node(ex, Arc::default()).await, node(ex, counts.clone()).await);
    let peer = alice.add_peer(&bob.advertised()[0]).await.unwrap();
    let channel = alice.channel(&peer).unwrap();
    (alice, bob, channel, counts)
}

async fn wait_for(what: impl Fn() -> bool) {
    while !what() {
        smol::Timer::after(Duration::from_micros(200)).await;
    }
}

fn env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

async fn small(ex: Arc<Executor<'static>>) {
    let (alice, bob, channel, counts) = pair(&ex).await;
    let n = env("N", 3_000_000);
    let start = Instant::now();
    for number in 0..n {
        channel.send(&Small(number, [7; 56])).await.unwrap();
    }
    wait_for(|| counts.small.load(Ordering::Relaxed) == n).await;
    println!("small   {:.2} M messages/s", n as f64 / start.elapsed().as_secs_f64() / 1e6);
    alice.stop().await;
    bob.stop().await;
}

async fn big(ex: Arc<Executor<'static>>) {
    let (alice, bob, channel, counts) = pair(&ex).await;
    let n = env("N", 2000);
    let message = Big(vec![7; 1 << 20].into());
    let start = Instant::now();
    for _ in 0..n {
        channel.send(&message).await.unwrap();
    }
    wait_for(|| counts.big.load(Ordering::Relaxed) == n).await;
    println!("big     {:.0} MB/s", n as f64 * 1.048_576 / start.elapsed().as_secs_f64());
    alice.stop().await;
    bob.stop().await;
}

async fn rtt(ex: Arc<Executor<'static>>, flood: bool) {
    let (alice, bob, channel, _) = pair(&ex).await;
    let mut answers = channel.subscribe::<Answer>().unwrap();
    if flood {
        let channel = channel.clone();
        let message = Big(vec![7; 1 << 20].into());
        ex.spawn(async move { while channel.send(&message).await.is_ok() {} }).detach();
    }
    let n = env("N", if flood { 4000 } else { 50_000 });
    let mut times = Vec::new();
    for round in 0..n + 1000 {
        let start = Instant::now();
        channel.send(&Ask([round as u8; 32])).await.unwrap();
        assert_eq!(answers.receive().await.unwrap().0[0], round as u8);
        if round >= 1000 {
            times.push(start.elapsed().as_nanos());
        }
        if flood {
            smol::Timer::after(Duration::from_micros(200)).await;
        }
    }
    times.sort_unstable();
    let at = |part: usize| times[times.len() * part / 100] as f64 / 1e3;
    println!("{}     p50 {:.1} µs  p99 {:.1} µs", if flood { "flood" } else { "rtt  " }, at(50), at(99));
    alice.stop().await;
    bob.stop().await;
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

async fn idle(ex: Arc<Executor<'static>>) {
    let bob = node(&ex, Arc::default()).await;
    let mut dialers = Vec::new();
    let n = env("N", 200);
    for _ in 0..n {
        dialers.push(node(&ex, Arc::default()).await);
    }
    let before = resident();
    for dialer in &dialers {
        dialer.add_peer(&bob.advertised()[0]).await.unwrap();
    }
    println!("idle    {:.1} KiB a channel, both ends", (resident() - before) as f64 / n as f64 / 1024.0);
    for dialer in &dialers {
        dialer.stop().await;
    }
    bob.stop().await;
}

fn main() {
    let ex = Arc::new(Executor::new());
    for _ in 1..env("THREADS", 2) {
        let ex = ex.clone();
        std::thread::spawn(move || smol::block_on(ex.run(std::future::pending::<()>())));
    }
    let mut cases: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if cases.is_empty() {
        cases = ["small", "big", "rtt", "flood", "idle"].map(str::to_owned).to_vec();
    }
    for case in cases {
        let task = match case.as_str() {
            "small" => ex.spawn(small(ex.clone())),
            "big" => ex.spawn(big(ex.clone())),
            "rtt" => ex.spawn(rtt(ex.clone(), false)),
            "flood" => ex.spawn(rtt(ex.clone(), true)),
            "idle" => ex.spawn(idle(ex.clone())),
            other => panic!("no case `{other}`: small, big, rtt, flood, idle"),
        };
        smol::block_on(ex.run(task));
    }
}
