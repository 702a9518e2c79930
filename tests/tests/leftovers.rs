//! What is left of nodes that stopped: no task, no socket, no port. One test at a time, because they count the sockets of
//! the whole process.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::{bare, local, on_threads, run, sockets};
use futures::future::join_all;
use p2p_net::node_url::NodeUrl;
use p2p_net::p2p::{P2pState, StartError};
use p2p_net::{P2pPtr, Settings};
use smol::{Executor, future};

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two nodes, the first at `listen`, connected; the port it got.
async fn cycle(ex: &Arc<Executor<'static>>, listen: Settings) -> NodeUrl {
    let (server, client) = (bare(listen).await, bare(Settings { listen: Vec::new(), ..local() }).await);
    let mut runs = Vec::new();
    for node in [&server, &client] {
        runs.push(run(node, ex).await);
    }
    let url = server.advertised()[0].clone();
    client.add_peer(&url).await.unwrap();
    // As chance has it, the one who dialled or the one who was dialled goes first.
    let mut order = [&server, &client];
    order.rotate_left(usize::from(client.id() < server.id()));
    for node in order {
        node.stop().await;
        assert_eq!(node.task_count(), 0);
    }
    for run in runs {
        run.await.unwrap();
    }
    url.without_id()
}

#[test]
fn a_hundred_lives_at_one_port_leave_nothing_behind() {
    let _alone = alone();
    for threads in [1, 2] {
        let mut port = on_threads(threads, async |ex| cycle(&ex, local()).await);
        let before = sockets();
        for _ in 0..50 {
            port = on_threads(threads, async |ex| cycle(&ex, Settings { listen: vec![port], ..local() }).await);
        }
        assert_eq!(sockets(), before, "with {threads} threads");
    }
}

#[test]
fn a_stop_that_races_with_start_and_arrivals_leaves_nothing_behind() {
    let _alone = alone();
    on_threads(2, async |ex| cycle(&ex, local()).await);
    let before = sockets();
    for round in 0..50 {
        on_threads(2, async |ex| {
            let node = bare(local()).await;
            let start = ex.spawn(node.clone().start(ex.clone()));
            let run = ex.spawn({
                let (node, ex) = (node.clone(), ex.clone());
                async move {
                    let started = start.await;
                    let _ = node.run(ex).await;
                    started
                }
            });
            let callers: Vec<_> = (0..3).map(|_| ex.spawn(call(node.clone(), ex.clone()))).collect();
            for _ in 0..round * 4 {
                future::yield_now().await;
            }
            node.stop().await;
            assert_eq!((node.state(), node.task_count()), (P2pState::Stopped, 0));
            assert_eq!(node.node_info().listen, [], "round {round}");
            match run.await {
                Ok(()) | Err(StartError::Stopped | StartError::State(P2pState::Stopped)) => {}
                Err(other) => panic!("{other}"),
            }
            join_all(callers).await;
        });
    }
    assert_eq!(sockets(), before);
}

/// Connects to a node as soon as it listens, and hangs up.
async fn call(node: P2pPtr, ex: Arc<Executor<'static>>) {
    let caller = bare(Settings { listen: Vec::new(), ..local() }).await;
    caller.clone().start(ex.clone()).await.unwrap();
    while node.state() != P2pState::Stopped {
        if let Some(url) = node.advertised().first() {
            let _ = caller.add_peer(url).await;
            break;
        }
        future::yield_now().await;
    }
    caller.stop().await;
}

#[test]
fn an_occupied_port_is_a_clear_error_and_leaves_nothing_behind() {
    let _alone = alone();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url: NodeUrl = format!("tls://{}", taken.local_addr().unwrap()).parse().unwrap();
    let before = sockets();
    on_threads(1, async |ex| {
        let free = "tls://127.0.0.1:0".parse().unwrap();
        let node = bare(Settings { listen: vec![free, url.clone()], ..local() }).await;
        let error = node.clone().start(ex.clone()).await.unwrap_err();
        assert!(matches!(error, StartError::Listen(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&url.to_string()) && text.contains("in use"), "{text}");
        assert_eq!((node.state(), node.task_count()), (P2pState::Stopped, 0));
    });
    assert_eq!(sockets(), before);
}

#[test]
fn a_stop_in_the_first_moments_of_a_start_leaves_no_listener() {
    let _alone = alone();
    let ex = Arc::new(Executor::new());
    let before = sockets();
    for round in 0..500 {
        let node = future::block_on(bare(local()));
        let go = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let starts = scope.spawn(|| {
                while !go.load(Ordering::Acquire) {
                    std::hint::spin_loop();
                }
                future::block_on(ex.run(node.clone().start(ex.clone())))
            });
            go.store(true, Ordering::Release);
            (0..round * 20).for_each(|_| std::hint::spin_loop());
            future::block_on(ex.run(node.stop()));
            assert_eq!((node.node_info().listen, node.state()), (Vec::new(), P2pState::Stopped), "round {round}");
            let started = starts.join().unwrap();
            assert!(
                matches!(started, Ok(()) | Err(StartError::Stopped | StartError::State(P2pState::Stopped))),
                "{started:?}"
            );
        });
        assert_eq!(node.node_info().listen, [], "round {round}");
    }
    assert_eq!(sockets(), before);
}

#[test]
fn a_stop_does_not_wait_for_a_caller_that_says_nothing() {
    let _alone = alone();
    on_threads(2, async |ex| cycle(&ex, local()).await);
    let before = sockets();
    on_threads(2, async |ex| {
        let node = bare(local()).await;
        let running = run(&node, &ex).await;
        let idle = node.task_count();
        let silent = std::net::TcpStream::connect(("127.0.0.1", node.advertised()[0].port())).unwrap();
        while node.task_count() == idle {
            future::yield_now().await;
        }
        let clock = node.clock();
        let began = clock.now();
        node.stop().await;
        let took = clock.now() - began;
        assert!(took < node.settings().limits.close_linger, "{took:?}");
        assert_eq!(node.task_count(), 0);
        running.await.unwrap();
        drop(silent);
    });
    assert_eq!(sockets(), before);
}
