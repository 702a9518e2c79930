//! What several of these binaries need: bare nodes over TLS on loopback, and executors that must end empty.
#![allow(dead_code, reason = "no binary needs all of it")]

pub mod logs;

use std::sync::Arc;

use p2p_net::{P2p, P2pPtr, ProtocolSet, Settings};
use smol::{Executor, future};

/// Settings of a node on a free port of this machine that dials nobody by itself.
pub fn local() -> Settings {
    Settings { listen: vec!["tls://127.0.0.1:0".parse().unwrap()], outbound_slots: 0, ..Settings::default() }
}

/// A node without any protocol.
pub async fn bare(settings: Settings) -> P2pPtr {
    P2p::builder(settings).protocols(ProtocolSet::empty()).without_handshake().build().await.unwrap()
}

/// Runs `test` on an executor of its own with `threads` threads; nothing may be left on it afterwards.
pub fn on_threads<T: Send>(threads: usize, test: impl AsyncFnOnce(Arc<Executor<'static>>) -> T) -> T {
    let executor = Arc::new(Executor::new());
    let (finish, finished) = smol::channel::bounded::<()>(1);
    let output = std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| future::block_on(executor.run(finished.recv())).unwrap_err());
        }
        let output = future::block_on(executor.run(test(executor.clone())));
        drop(finish);
        output
    });
    while executor.try_tick() {}
    assert!(executor.is_empty(), "tasks are left");
    output
}

/// The sockets this process has open.
pub fn sockets() -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| entry.unwrap().path().read_link().ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}

/// Starts a node and lets it run.
pub async fn run(node: &P2pPtr, ex: &Arc<Executor<'static>>) -> smol::Task<Result<(), p2p_net::p2p::RunError>> {
    node.clone().start(ex.clone()).await.unwrap();
    let run = ex.spawn(node.clone().run(ex.clone()));
    while node.state() == p2p_net::p2p::P2pState::Started {
        future::yield_now().await;
    }
    run
}
