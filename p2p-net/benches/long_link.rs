//! One message type over a link that is long: what arrives each second, ours and over plain TCP. Two processes, for two
//! network namespaces; `tests/netns/run` makes those, with a link of 100 ms and 1 Gbit/s between them.
//!
//! `long_link serve tls://10.88.0.2:9000 SECONDS` beside `long_link send tls://10.88.0.2:9000`, or `tcp-serve` and `tcp-send`
//! with an address. Who serves prints the megabytes of each second and the median of the second half.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use p2p_net::prelude::*;
use smol::Executor;

/// Bytes of a message, and of a write over plain TCP.
const BLOCK: usize = 32 << 10;

/// With the window that a type has that says nothing.
#[derive(Message, Serialize, Deserialize)]
struct Block {
    body: Bytes,
}

#[protocol]
async fn count(block: Block, came: State<AtomicU64>) {
    came.fetch_add(block.body.len() as u64, Ordering::Relaxed);
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Here)]
struct There;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Here;

/// Measures the round trip once, as the shipped version exchange does.
#[derive(Default)]
struct Measure;

#[protocol]
impl Measure {
    #[on]
    async fn there(&self, _there: There) -> Here {
        Here
    }

    #[job]
    async fn measure(&self, channel: &Channel) -> Result<()> {
        let (Here, rtt) = channel.request(There).timed().await?;
        channel.record_rtt(rtt);
        Ok(())
    }
}

async fn node(ex: &Arc<Executor<'static>>, listen: Option<&str>, came: Arc<AtomicU64>) -> P2pPtr {
    let listen = listen.map(|url| url.parse().unwrap()).into_iter().collect();
    let settings = Settings { listen, outbound_slots: 0, ..Settings::default() };
    let node = P2p::builder(settings).shared_state(came).without_handshake().build().await.unwrap();
    node.clone().start(ex.clone()).await.unwrap();
    ex.spawn(node.clone().run(ex.clone())).detach();
    node
}

/// Prints what came in each second.
async fn report(came: &AtomicU64, seconds: usize) {
    while came.load(Ordering::Relaxed) == 0 {
        smol::Timer::after(Duration::from_millis(10)).await;
    }
    let (mut before, mut all) = (0, Vec::new());
    for _ in 0..seconds {
        smol::Timer::after(Duration::from_secs(1)).await;
        let now = came.load(Ordering::Relaxed);
        all.push((now - before) as f64 / 1e6);
        before = now;
    }
    println!("MB each second: {all:.0?}");
    let mut half = all.split_off(seconds / 2);
    half.sort_by(f64::total_cmp);
    println!("median of the second half: {:.1} MB/s", half[half.len() / 2]);
}

async fn tcp_serve(address: &str, came: &AtomicU64) {
    let (mut stream, _) = smol::net::TcpListener::bind(address).await.unwrap().accept().await.unwrap();
    let mut buffer = vec![0; 256 << 10];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        came.fetch_add(read as u64, Ordering::Relaxed);
    }
}

async fn run(ex: Arc<Executor<'static>>, arguments: Vec<String>) {
    let came = Arc::new(AtomicU64::new(0));
    let seconds = arguments.get(2).map_or(10, |seconds| seconds.parse().unwrap());
    match arguments[0].as_str() {
        "serve" => {
            let _node = node(&ex, Some(&arguments[1]), came.clone()).await;
            report(&came, seconds).await;
        }
        "send" => {
            let node = node(&ex, None, came).await;
            let peer = node.add_peer(&arguments[1].parse().unwrap()).await.unwrap();
            let (channel, block) = (node.channel(&peer).unwrap(), Block { body: vec![7; BLOCK].into() });
            while channel.send(&block).await.is_ok() {}
        }
        "tcp-serve" => {
            let address = arguments[1].clone();
            let counter = came.clone();
            ex.spawn(async move { tcp_serve(&address, &counter).await }).detach();
            report(&came, seconds).await;
        }
        "tcp-send" => {
            let mut stream = smol::net::TcpStream::connect(&arguments[1]).await.unwrap();
            while stream.write_all(&[7; BLOCK]).await.is_ok() {}
        }
        other => panic!("no `{other}`: serve, send, tcp-serve, tcp-send"),
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if arguments.is_empty() {
        println!("nothing to do alone: `tests/netns/run` makes the link and runs both ends");
        return;
    }
    let ex = Arc::new(Executor::new());
    smol::block_on(ex.run(run(ex.clone(), arguments)));
}
