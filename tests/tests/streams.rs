//! Requests that are answered by streams of rows: in order, at the pace of who asks, until somebody has had enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use p2p_net::channel::{MAX_STREAMS, RequestError};
use p2p_net::disconnect::DisconnectReason;
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_net::{P2pPtr, ProtocolSet};

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64, stream = Row)]
struct Count {
    rows: u64,
    bytes: u32,
    /// The row that fails, or panics.
    fails: Option<u64>,
    panics: bool,
}

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 1 << 20, window = 256 << 10)]
struct Row {
    n: u64,
    data: Bytes,
}

/// Never ends, and never has a row.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, stream = Small)]
struct Watch;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, stream = Small)]
struct Naturals;

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 512)]
struct Small(u64);

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Small)]
struct Echo(u64);

/// How many streams live, and how many rows were made.
#[derive(Default)]
struct Meter {
    alive: AtomicUsize,
    made: AtomicUsize,
}

struct Alive(State<Meter>);

impl Alive {
    fn new(meter: &State<Meter>) -> Self {
        meter.alive.fetch_add(1, Ordering::Relaxed);
        Self(meter.clone())
    }

    fn made(&self) {
        self.0.made.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Table {
    meter: State<Meter>,
}

#[protocol]
impl Table {
    fn init(meter: State<Meter>) -> Self {
        Self { meter }
    }

    #[on]
    async fn count(&self, count: Count, channel: &Channel) -> impl Stream<Item = Result<Row>> {
        let alive = Alive::new(&self.meter);
        stream::iter(0..count.rows).map(move |n| {
            alive.made();
            assert!(channel.disconnect().is_none() && !self.meter.alive.load(Ordering::Relaxed).eq(&0));
            if count.fails == Some(n) {
                assert!(!count.panics, "on purpose");
                return Err(Error::msg(format!("row {n} is missing")));
            }
            Ok(Row { n, data: vec![n as u8; count.bytes as usize].into() })
        })
    }

    #[on]
    async fn watch(&self, _watch: Watch) -> impl Stream<Item = Small> {
        let alive = Alive::new(&self.meter);
        stream::pending().inspect(move |_| alive.made())
    }

    #[on]
    async fn naturals(&self, _naturals: Naturals) -> impl Stream<Item = Small> {
        let alive = Alive::new(&self.meter);
        stream::iter(0..).inspect(move |_| alive.made()).map(Small)
    }

    #[on]
    async fn echo(&self, Echo(n): Echo) -> Small {
        Small(n)
    }
}

struct Net {
    alice: P2pPtr,
    bob: P2pPtr,
    channel: Channel,
    meter: Arc<Meter>,
}

async fn net(sim: &Simulation) -> Net {
    let meter = Arc::new(Meter::default());
    let node = |host, meter: &Arc<Meter>| {
        let set = ProtocolSet::empty().with::<Table>();
        sim.node(host, Settings::default()).protocols(set).without_handshake().shared_state(meter.clone())
    };
    let alice = sim.start(node("alice", &Arc::default())).await;
    let bob = sim.start(node("bob", &meter)).await;
    let id = alice.add_peer(&bob.advertised()[0]).await.unwrap();
    sim.clock().sleep(Duration::from_millis(10)).await;
    let channel = alice.channel(&id).unwrap();
    Net { alice, bob, channel, meter }
}

impl Net {
    fn alive(&self) -> usize {
        self.meter.alive.load(Ordering::Relaxed)
    }

    fn made(&self) -> usize {
        self.meter.made.load(Ordering::Relaxed)
    }

    async fn end(self, sim: &Simulation) {
        assert_eq!(self.channel.pending_requests(), 0, "nothing is left in the table of requests");
        self.alice.stop().await;
        self.bob.stop().await;
        sim.clock().sleep(Duration::from_secs(5)).await;
        assert_eq!((self.alive(), self.alice.task_count(), self.bob.task_count()), (0, 0, 0));
    }
}

fn count(rows: u64, bytes: u32) -> Count {
    Count { rows, bytes, fails: None, panics: false }
}

#[test]
fn rows_come_in_order_small_and_large_and_then_the_end() {
    let sim = Simulation::new(1);
    sim.run(async {
        let net = net(&sim).await;
        for (rows, bytes) in [(0, 0), (1, 0), (10_000, 8), (40, 100_000), (5, 1_000_000)] {
            let mut stream = net.channel.stream(count(rows, bytes));
            for n in 0..rows {
                let row = stream.next().await.unwrap().unwrap();
                assert!(row.n == n && row.data.len() == bytes as usize && row.data.iter().all(|byte| *byte == n as u8));
            }
            assert!(stream.next().await.is_none() && stream.next().await.is_none(), "{rows} rows of {bytes} bytes");
        }
        sim.clock().sleep(Duration::from_secs(1)).await;
        assert_eq!(net.alive(), 0);
        net.end(&sim).await;
    });
}

#[test]
fn a_slow_asker_stalls_its_lane_and_no_other() {
    let sim = Simulation::new(2);
    sim.run(async {
        let net = net(&sim).await;
        let mut slow = net.channel.stream(Naturals);
        assert_eq!(slow.next().await.unwrap(), Ok(Small(0)));
        // For longer than any send would wait.
        for n in 0..60 {
            sim.clock().sleep(Duration::from_secs(1)).await;
            assert_eq!(net.channel.request(Echo(n)).await, Ok(Small(n)));
            assert_eq!(net.channel.stream(count(100, 100)).count().await, 100);
        }
        // The window has room for a reply that is an error, 2,072 bytes: 159 rows of 13 bytes.
        let made = net.made() - 60 * 100;
        assert!(made <= 161, "{made} rows were made for one that was taken");
        for n in 1..5_000 {
            assert_eq!(slow.next().await.unwrap(), Ok(Small(n)));
        }
        drop(slow);
        sim.clock().sleep(Duration::from_millis(100)).await;
        assert_eq!(net.alive(), 0);
        net.end(&sim).await;
    });
}

#[test]
fn dropping_the_rows_ends_the_stream_at_the_other_end() {
    let sim = Simulation::new(3);
    sim.run(async {
        let net = net(&sim).await;
        // One with unread rows, one without rows, one that is dropped as soon as it is on its way.
        let mut endless = net.channel.stream(Naturals);
        endless.next().await.unwrap().unwrap();
        let mut silent = net.channel.stream(Watch);
        assert!(futures::poll!(silent.next()).is_pending());
        sim.clock().sleep(Duration::from_millis(100)).await;
        assert_eq!(net.alive(), 2);
        drop((endless, silent));
        let mut early = net.channel.stream(Watch);
        assert!(futures::poll!(early.next()).is_pending());
        drop(early);
        drop(net.channel.stream(Naturals));
        sim.clock().sleep(Duration::from_millis(100)).await;
        assert_eq!((net.alive(), net.channel.pending_requests()), (0, 0));
        // The rows that were on their way count as taken: the lane is as good as new.
        let rows: Vec<_> = net.channel.stream(Naturals).take(1_000).collect().await;
        assert!(rows.into_iter().zip(0..).all(|(row, n)| row == Ok(Small(n))));
        net.end(&sim).await;
    });
}

#[test]
fn a_row_that_is_an_error_is_the_last() {
    let sim = Simulation::new(4);
    sim.run(async {
        let net = net(&sim).await;
        let rows: Vec<_> = net.channel.stream(Count { fails: Some(3), ..count(10, 8) }).collect().await;
        assert!(rows.len() == 4 && rows[..3].iter().all(Result::is_ok));
        let text = rows[3].as_ref().unwrap_err().to_string();
        assert!(text.contains("`count`") && text.contains("row 3 is missing"), "{text}");
        // A row that its type does not allow is the answerer's mistake, and no reason to part.
        let rows: Vec<_> = net.channel.stream(count(2, 2 << 20)).collect().await;
        assert!(rows.len() == 1 && matches!(rows[0], Err(RequestError::Failed { .. })), "{:?}", rows[0]);
        assert_eq!(net.channel.request(Echo(1)).await, Ok(Small(1)));
        net.end(&sim).await;
    });
}

#[test]
fn a_panic_in_a_stream_ends_its_protocol_and_tells_everybody_who_waits() {
    let sim = Simulation::new(5);
    sim.run(async {
        let net = net(&sim).await;
        let mut watch = net.channel.stream(Watch);
        assert!(futures::poll!(watch.next()).is_pending());
        let before = sim.clock().elapsed();
        let rows: Vec<_> = net.channel.stream(Count { fails: Some(3), panics: true, ..count(10, 8) }).collect().await;
        assert!(rows.len() == 4 && matches!(rows[3], Err(RequestError::Failed { .. })), "{:?}", rows.last());
        assert!(matches!(watch.next().await, Some(Err(RequestError::Failed { .. }))));
        let failed = net.channel.request(Echo(1)).await.unwrap_err().to_string();
        assert_eq!(failed, "the peer could not answer `echo`: nobody here answers `echo`");
        assert!(sim.clock().elapsed() - before < Duration::from_secs(1), "nobody waited for a deadline");
        assert!(net.channel.disconnect().is_none());
        net.end(&sim).await;
    });
}

#[test]
fn a_channel_that_ends_ends_its_streams() {
    let sim = Simulation::new(6);
    sim.run(async {
        let net = net(&sim).await;
        let mut rows = net.channel.stream(Naturals);
        let mut watch = net.channel.stream(Watch);
        assert!(futures::poll!(watch.next()).is_pending());
        rows.next().await.unwrap().unwrap();
        sim.clock().sleep(Duration::from_millis(100)).await;
        net.bob.channels()[0].close(DisconnectReason::Requested, "");
        sim.clock().sleep(Duration::from_millis(100)).await;
        let rest: Vec<_> = rows.collect().await;
        assert!(rest.len() < 170 && rest[..rest.len() - 1].iter().all(Result::is_ok));
        assert_eq!(rest.last(), Some(&Err(RequestError::Closed("naturals"))), "what had come is read first");
        assert_eq!(watch.next().await, Some(Err(RequestError::Closed("watch"))));
        assert_eq!((watch.next().await, net.alive()), (None, 0));
        drop(watch);
        net.end(&sim).await;
    });
}

#[test]
fn many_streams_run_at_once_up_to_a_bound() {
    let sim = Simulation::new(7);
    sim.run(async {
        let net = net(&sim).await;
        let mut watches: Vec<_> = (0..MAX_STREAMS).map(|_| net.channel.stream(Watch)).collect();
        for watch in &mut watches {
            assert!(futures::poll!(watch.next()).is_pending());
        }
        sim.clock().sleep(Duration::from_millis(100)).await;
        assert_eq!(net.alive(), MAX_STREAMS);
        let refused = net.channel.stream(Naturals).next().await.unwrap().unwrap_err().to_string();
        assert!(refused.contains("64 streams run already"), "{refused}");
        watches.truncate(MAX_STREAMS / 2);
        sim.clock().sleep(Duration::from_millis(100)).await;
        let many = (0..MAX_STREAMS / 2).map(|n| net.channel.stream(count(50 + n as u64, 64)).count());
        let counts = futures::future::join_all(many).await;
        assert!(counts.into_iter().zip(50..).all(|(count, n)| count == n));
        drop(watches);
        net.end(&sim).await;
    });
}
