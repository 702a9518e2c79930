//! A channel through the public API, typed, encrypted and flow-controlled: two nodes in one process over loopback.
//!
//! `cargo bench -p p2p-net --bench channel [-- small lanes big rtt request flood idle]`, with `THREADS=1|2` (2) and
//! `SCHEME=tls|tcp` (tls). Prints messages a second, megabytes a second, round trips, and the memory of an idle channel.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a benchmark")]

mod lanes;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lanes::Seen;
use p2p_net::prelude::*;
use p2p_net::settings::Limits;
use smol::Executor;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 128)]
struct Small {
    number: u64,
    #[serde(with = "serde_bytes")]
    body: [u8; 56],
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = (1 << 10) + 64)]
struct News {
    body: Bytes,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = (64 << 10) + 64)]
struct Page {
    body: Bytes,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = (1 << 20) + 64, window = 3 << 19)]
struct Big {
    body: Bytes,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Ask {
    body: [u8; 32],
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64, reply = Answer)]
struct Query {
    body: [u8; 32],
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Answer {
    body: [u8; 32],
}

/// What has arrived at a node.
#[derive(Default)]
struct Counts {
    small: AtomicU64,
    news: AtomicU64,
    pages: AtomicU64,
    big: AtomicU64,
}

#[protocol]
async fn count_small(small: Small, counts: State<Counts>) {
    assert_eq!(small.number, counts.small.fetch_add(1, Ordering::Relaxed));
}

#[protocol]
async fn count_news(news: News, counts: State<Counts>) {
    assert_eq!(news.body.len(), 1 << 10);
    counts.news.fetch_add(1, Ordering::Relaxed);
}

#[protocol]
async fn count_pages(page: Page, counts: State<Counts>) {
    assert_eq!(page.body.len(), 64 << 10);
    counts.pages.fetch_add(1, Ordering::Relaxed);
}

#[protocol]
async fn count_big(big: Big, counts: State<Counts>) {
    assert_eq!(big.body.len(), 1 << 20);
    counts.big.fetch_add(1, Ordering::Relaxed);
}

#[protocol]
async fn echo(ask: Ask, channel: &Channel) -> Result<()> {
    Ok(channel.send(&Answer { body: ask.body }).await?)
}

#[protocol]
async fn reply(query: Query) -> Answer {
    Answer { body: query.body }
}

/// Says that `Answer` may be sent; whoever asks subscribes to it for itself.
#[protocol]
async fn hear(_answer: Answer) {}

async fn node(ex: &Arc<Executor<'static>>, counts: Arc<Counts>, seen: Arc<Seen>) -> P2pPtr {
    let scheme = std::env::var("SCHEME").unwrap_or_else(|_| "tls".to_owned());
    let listen = vec![format!("{scheme}://127.0.0.1:0").parse().unwrap()];
    // Room for the windows of all 64 lanes: a bound and no cost.
    let limits = Limits { channel_memory: 1 << 30, ..Limits::default() };
    let settings = Settings {
        listen,
        transports: vec![scheme],
        outbound_slots: 0,
        max_peers: 10_000,
        limits,
        ..Settings::default()
    };
    let node =
        P2p::builder(settings).shared_state(counts).shared_state(seen).without_handshake().build().await.unwrap();
    node.clone().start(ex.clone()).await.unwrap();
    ex.spawn(node.clone().run(ex.clone())).detach();
    node
}

async fn pair(ex: &Arc<Executor<'static>>) -> (P2pPtr, P2pPtr, Channel, Arc<Counts>) {
    let (alice, bob, channel, counts, _) = pair_with_lanes(ex).await;
    (alice, bob, channel, counts)
}

async fn pair_with_lanes(ex: &Arc<Executor<'static>>) -> (P2pPtr, P2pPtr, Channel, Arc<Counts>, Arc<Seen>) {
    let (counts, seen) = (Arc::<Counts>::default(), Arc::<Seen>::default());
    let (alice, bob) = (node(ex, Arc::default(), Arc::default()).await, node(ex, counts.clone(), seen.clone()).await);
    let peer = alice.add_peer(&bob.advertised()[0]).await.unwrap();
    let channel = alice.channel(&peer).unwrap();
    (alice, bob, channel, counts, seen)
}

async fn wait_for(node: &P2p, what: impl Fn() -> bool) {
    while !what() {
        node.clock().sleep(Duration::from_micros(200)).await;
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
        channel.send(&Small { number, body: [7; 56] }).await.unwrap();
    }
    wait_for(&bob, || counts.small.load(Ordering::Relaxed) == n).await;
    println!("small   {:.2} M messages/s", n as f64 / start.elapsed().as_secs_f64() / 1e6);
    alice.stop().await;
    bob.stop().await;
}

lanes::lanes! {
    L00 l00 L01 l01 L02 l02 L03 l03 L04 l04 L05 l05 L06 l06 L07 l07 L08 l08 L09 l09 L10 l10 L11 l11 L12 l12 L13 l13
    L14 l14 L15 l15 L16 l16 L17 l17 L18 l18 L19 l19 L20 l20 L21 l21 L22 l22 L23 l23 L24 l24 L25 l25 L26 l26 L27 l27
    L28 l28 L29 l29 L30 l30 L31 l31 L32 l32 L33 l33 L34 l34 L35 l35 L36 l36 L37 l37 L38 l38 L39 l39 L40 l40 L41 l41
    L42 l42 L43 l43 L44 l44 L45 l45 L46 l46 L47 l47 L48 l48 L49 l49 L50 l50 L51 l51 L52 l52 L53 l53 L54 l54 L55 l55
    L56 l56 L57 l57 L58 l58 L59 l59 L60 l60 L61 l61 L62 l62 L63 l63
}

async fn on_lanes(ex: Arc<Executor<'static>>) {
    let (alice, bob, channel, _, seen) = pair_with_lanes(&ex).await;
    let each = env("N", 3_000_000) / LANES;
    let start = Instant::now();
    send_on_lanes(&ex, &channel, each).await;
    seen.until(each * LANES).await;
    let rate = (each * LANES) as f64 / start.elapsed().as_secs_f64() / 1e6;
    println!("lanes   {rate:.2} M messages/s on {} lanes", LANES);
    alice.stop().await;
    bob.stop().await;
}

async fn large<M: Message>(
    ex: Arc<Executor<'static>>,
    name: &str,
    bytes: u64,
    message: M,
    count: impl Fn(&Counts) -> &AtomicU64,
) {
    let (alice, bob, channel, counts) = pair(&ex).await;
    let n = env("N", (2 << 30) / bytes);
    let start = Instant::now();
    for _ in 0..n {
        channel.send(&message).await.unwrap();
    }
    wait_for(&bob, || count(&counts).load(Ordering::Relaxed) == n).await;
    println!("{name:7} {:.0} MB/s", (n * bytes) as f64 / 1e6 / start.elapsed().as_secs_f64());
    alice.stop().await;
    bob.stop().await;
}

/// One message to a hundred peers, again and again.
async fn broadcast(ex: Arc<Executor<'static>>) {
    const PEERS: u64 = 100;
    let counts = Arc::<Counts>::default();
    let hub = node(&ex, Arc::default(), Arc::default()).await;
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let peer = node(&ex, counts.clone(), Arc::default()).await;
        hub.add_peer(&peer.advertised()[0]).await.unwrap();
        peers.push(peer);
    }
    let (n, news) = (env("N", 10_000), News { body: vec![7; 1 << 10].into() });
    let start = Instant::now();
    for _ in 0..n {
        assert!(hub.broadcast(&news).await.iter().all(|(_, sent)| sent.is_ok()));
    }
    wait_for(&hub, || counts.news.load(Ordering::Relaxed) == n * PEERS).await;
    println!("cast    {:.0} k deliveries/s", (n * PEERS) as f64 / 1e3 / start.elapsed().as_secs_f64());
    hub.stop().await;
    for peer in peers {
        peer.stop().await;
    }
}

async fn pages(ex: Arc<Executor<'static>>) {
    large(ex, "64k", 64 << 10, Page { body: vec![7; 64 << 10].into() }, |counts| &counts.pages).await;
}

async fn big(ex: Arc<Executor<'static>>) {
    large(ex, "big", 1 << 20, Big { body: vec![7; 1 << 20].into() }, |counts| &counts.big).await;
}

/// How a question and its answer travel.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// As two messages.
    Messages,
    /// As a request and its reply.
    Request,
    /// As two messages, beside a sibling that sends 1 MiB after 1 MiB.
    Flooded,
}

async fn rtt(ex: Arc<Executor<'static>>, way: Way) {
    let (alice, bob, channel, _) = pair(&ex).await;
    let mut answers = channel.subscribe::<Answer>().unwrap();
    if way == Way::Flooded {
        let channel = channel.clone();
        let message = Big { body: vec![7; 1 << 20].into() };
        ex.spawn(async move { while channel.send(&message).await.is_ok() {} }).detach();
    }
    let n = env("N", if way == Way::Flooded { 4000 } else { 50_000 });
    let mut times = Vec::new();
    for round in 0..n + 1000 {
        let (start, body) = (Instant::now(), [round as u8; 32]);
        let answer = if way == Way::Request {
            channel.request(Query { body }).await.unwrap()
        } else {
            channel.send(&Ask { body }).await.unwrap();
            answers.receive().await.unwrap()
        };
        assert_eq!(answer.body, body);
        if round >= 1000 {
            times.push(start.elapsed().as_nanos());
        }
        if way == Way::Flooded {
            alice.clock().sleep(Duration::from_micros(200)).await;
        }
    }
    times.sort_unstable();
    let at = |part: usize| times[times.len() * part / 100] as f64 / 1e3;
    let name = ["rtt    ", "request", "flood  "][way as usize];
    println!("{name} p50 {:.1} µs  p99 {:.1} µs", at(50), at(99));
    alice.stop().await;
    bob.stop().await;
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

async fn idle(ex: Arc<Executor<'static>>) {
    let bob = node(&ex, Arc::default(), Arc::default()).await;
    let mut dialers = Vec::new();
    let n = env("N", 200);
    for _ in 0..n {
        dialers.push(node(&ex, Arc::default(), Arc::default()).await);
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
        cases = ["small", "lanes", "cast", "64k", "big", "rtt", "request", "flood", "idle"].map(str::to_owned).to_vec();
    }
    for case in cases {
        let task = match case.as_str() {
            "small" => ex.spawn(small(ex.clone())),
            "lanes" => ex.spawn(on_lanes(ex.clone())),
            "cast" => ex.spawn(broadcast(ex.clone())),
            "64k" => ex.spawn(pages(ex.clone())),
            "big" => ex.spawn(big(ex.clone())),
            "rtt" => ex.spawn(rtt(ex.clone(), Way::Messages)),
            "request" => ex.spawn(rtt(ex.clone(), Way::Request)),
            "flood" => ex.spawn(rtt(ex.clone(), Way::Flooded)),
            "idle" => ex.spawn(idle(ex.clone())),
            other => panic!("no case `{other}`: small, lanes, cast, 64k, big, rtt, request, flood, idle"),
        };
        smol::block_on(ex.run(task));
    }
}
