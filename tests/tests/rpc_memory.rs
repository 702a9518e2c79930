//! What a caller that does not read costs an RPC server in memory: what its settings say. An allocator counts.
//!
//! One test alone in its process: what is counted is all the process holds.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use p2p_net::prelude::*;
use p2p_net::rpc::{Apis, IpcSettings, RpcLimits, RpcSettings, Server, code};
use p2p_net::signal::Signal;
use peak_alloc::PeakAlloc;
use serde_json::Value;
use smol::Executor;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;
/// Calls that are made at once.
const CALLS: usize = 60;
/// What may be held in bytes: 2 MiB of one batch and as much again to put it together, or 4 MiB that wait and what is being
/// sent; and what one answer takes while it is made.
const ALLOWED: usize = 16 * MIB;

/// An API whose answers are large.
#[derive(Default)]
struct Large {
    begun: AtomicUsize,
    made: AtomicUsize,
    all_begun: Signal,
}

#[rpc(namespace = "large")]
impl Large {
    /// A mebibyte, at once.
    async fn megabyte(&self) -> String {
        self.made.fetch_add(1, Ordering::Relaxed);
        "x".repeat(MIB)
    }

    /// A mebibyte, when everybody has asked for one.
    async fn together(&self) -> String {
        if self.begun.fetch_add(1, Ordering::Relaxed) + 1 == CALLS {
            self.all_begun.give();
        }
        self.all_begun.wait().await;
        self.megabyte().await
    }
}

async fn server(ex: &Arc<Executor<'static>>, path: &Path) -> (Server, Arc<Large>) {
    let limits = RpcLimits { answer_bytes: 2 * MIB, queued_answer_bytes: 4 * MIB, ..RpcLimits::default() };
    let settings = RpcSettings { ipc: Some(IpcSettings::at(path)), limits, ..RpcSettings::default() };
    let large = Arc::new(Large::default());
    (Server::start(Apis::new().with_shared(large.clone()).unwrap(), settings, ex).await.unwrap(), large)
}

/// `CALLS` calls of a method, with ids from 0.
fn calls(method: &str) -> Vec<String> {
    let call = |id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"large_{method}\"}}");
    (0..CALLS).map(call).collect()
}

/// Bytes that `work` holds at the most, besides what there was.
async fn peak_of<T>(work: impl Future<Output = T>) -> (usize, T) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let outcome = work.await;
    (HEAP.peak_usage() - before, outcome)
}

/// The id of each answer, by what kind of answer it is.
fn sorted(answers: &[Value]) -> (Vec<u64>, Vec<u64>) {
    let (whole, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer["result"].is_string());
    let ids = |answers: Vec<&Value>| answers.iter().map(|answer| answer["id"].as_u64().unwrap()).collect();
    (ids(whole), ids(refused))
}

/// The answers that come over `stream`, each without what makes it large.
fn read(stream: UnixStream, many: usize) -> Vec<Value> {
    let mut lines = BufReader::new(stream).lines();
    let one = |line: String| {
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        if answer["result"].is_string() {
            answer["result"] = "".into();
        }
        answer
    };
    (0..many).map(|_| one(lines.next().unwrap().unwrap())).collect()
}

/// A batch whose answers are many times what is sent: those that fit are sent, and the others are errors of their own.
async fn a_batch(ex: &Arc<Executor<'static>>, path: &Path) {
    let (server, large) = server(ex, path).await;
    let mut stream = UnixStream::connect(path).unwrap();
    let batch = format!("[{}]\n", calls("megabyte").join(","));
    let (peak, answers) = peak_of(smol::unblock(move || {
        stream.write_all(batch.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line
    }))
    .await;
    assert!(answers.len() < 2 * MIB + CALLS * 200, "{}", answers.len());
    let answers: Vec<Value> = serde_json::from_str(&answers).unwrap();
    let (whole, refused) = sorted(&answers);
    assert_eq!((whole, refused), (vec![0], (1..CALLS as u64).collect()));
    assert_eq!(answers[1]["error"]["code"], code::ANSWER_TOO_LARGE);
    assert_eq!(large.made.load(Ordering::Relaxed), CALLS, "every call ran");
    assert!(peak < ALLOWED, "{peak}");
    server.stop().await;
}

/// Calls that are all under way before one is answered: what finds no room is an error of its own.
async fn calls_under_way(ex: &Arc<Executor<'static>>, path: &Path) {
    let (server, large) = server(ex, path).await;
    let mut stream = UnixStream::connect(path).unwrap();
    let (peak, ()) = peak_of(async {
        stream.write_all(calls("together").join("\n").as_bytes()).unwrap();
        while large.made.load(Ordering::Relaxed) < CALLS {
            smol::future::yield_now().await;
        }
    })
    .await;
    assert!(peak < ALLOWED, "{peak}");
    let answers = smol::unblock(move || read(stream, CALLS)).await;
    let (whole, refused) = sorted(&answers);
    assert!((3..8).contains(&whole.len()), "{whole:?}");
    let mut all = [whole, refused].concat();
    all.sort_unstable();
    assert_eq!(all, (0..CALLS as u64).collect::<Vec<_>>(), "each is answered once");
    let errors: Vec<_> = answers.iter().filter_map(|answer| answer.get("error")).collect();
    assert!(errors.iter().all(|error| error["data"]["limit"] == "queued_answer_bytes"), "{}", errors[0]);
    server.stop().await;
}

/// Calls that wait to be read: they are, when there is room for their answers, and none is refused.
async fn calls_that_wait(ex: &Arc<Executor<'static>>, path: &Path) {
    let (server, large) = server(ex, path).await;
    let mut stream = UnixStream::connect(path).unwrap();
    let (peak, answers) = peak_of(async {
        stream.write_all(calls("megabyte").join("\n").as_bytes()).unwrap();
        while large.made.load(Ordering::Relaxed) < 3 {
            smol::future::yield_now().await;
        }
        smol::unblock(move || read(stream, CALLS)).await
    })
    .await;
    assert!(peak < ALLOWED, "{peak}");
    assert_eq!(sorted(&answers), ((0..CALLS as u64).collect(), Vec::new()));
    server.stop().await;
}

#[test]
fn a_caller_that_reads_nothing_costs_what_the_settings_say() {
    let folder: PathBuf = std::env::temp_dir().join(format!("rpc-memory-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (ex, path) = (Arc::new(Executor::new()), folder.join("s"));
    smol::block_on(ex.run(async {
        a_batch(&ex, &path).await;
        calls_under_way(&ex, &path).await;
        calls_that_wait(&ex, &path).await;
    }));
    std::fs::remove_dir_all(&folder).unwrap();
}
