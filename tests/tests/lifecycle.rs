//! From start to stop, in every order and at every moment: what is said and what is refused.

mod common;

use std::time::Duration;

use common::{bare, local, logs, on_threads, run};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all, pending};
use p2p_net::node_url::NodeUrl;
use p2p_net::p2p::{P2pState, RunError, StartError};
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_net::transport::{Connection, DialError, Incoming, ListenError, Listener, Transport};
use p2p_net::{ProtocolSet, State};
use smol::future;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn stop_before_start_is_final() {
    on_threads(1, async |ex| {
        let node = bare(local()).await;
        node.stop().await;
        node.stop().await;
        assert_eq!(node.state(), P2pState::Stopped);
        let started = node.clone().start(ex.clone()).await;
        assert!(matches!(started, Err(StartError::State(P2pState::Stopped))), "{started:?}");
        assert_eq!(node.run(ex.clone()).await, Err(RunError::State(P2pState::Stopped)));
    });
}

#[test]
fn every_step_out_of_order_is_a_typed_error() {
    on_threads(1, async |ex| {
        let node = bare(local()).await;
        assert_eq!(node.clone().run(ex.clone()).await, Err(RunError::State(P2pState::Open)));
        node.clone().start(ex.clone()).await.unwrap();
        assert_eq!(node.state(), P2pState::Started);
        let again = node.clone().start(ex.clone()).await;
        assert!(matches!(again, Err(StartError::State(P2pState::Started))), "{again:?}");
        let running = ex.spawn(node.clone().run(ex.clone()));
        while node.state() != P2pState::Run {
            future::yield_now().await;
        }
        assert_eq!(node.clone().run(ex.clone()).await, Err(RunError::State(P2pState::Run)));
        let again = node.clone().start(ex.clone()).await;
        assert!(matches!(again, Err(StartError::State(P2pState::Run))), "{again:?}");
        join_all((0..5).map(|_| node.stop())).await;
        assert_eq!(running.await, Ok(()));
        assert_eq!((node.state(), node.task_count()), (P2pState::Stopped, 0));
        let again = node.clone().start(ex.clone()).await;
        assert!(matches!(again, Err(StartError::State(P2pState::Stopped))), "{again:?}");
    });
}

#[test]
fn stop_ends_a_start_that_waits_for_a_silent_seed() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let seed = format!("tls://{}", silent.local_addr().unwrap()).parse().unwrap();
    on_threads(2, async |ex| {
        let node = bare(Settings { seeds: vec![seed], ..local() }).await;
        let start = ex.spawn(node.clone().start(ex.clone()));
        let (arrived, _) = smol::unblock(move || silent.accept()).await.unwrap();
        assert_eq!(node.state(), P2pState::Start);
        let again = node.clone().start(ex.clone()).await;
        assert!(matches!(again, Err(StartError::State(P2pState::Start))), "{again:?}");
        node.stop().await;
        let started = start.await;
        assert!(matches!(started, Err(StartError::Stopped)), "{started:?}");
        assert_eq!((node.state(), node.task_count()), (P2pState::Stopped, 0));
        drop(arrived);
    });
}

#[test]
fn stop_between_start_and_run_frees_the_port() {
    on_threads(1, async |ex| {
        let node = bare(local()).await;
        node.clone().start(ex.clone()).await.unwrap();
        let url = node.advertised()[0].without_id();
        node.stop().await;
        assert_eq!(node.clone().run(ex.clone()).await, Err(RunError::State(P2pState::Stopped)));
        let next = bare(Settings { listen: vec![url], ..local() }).await;
        next.clone().start(ex.clone()).await.unwrap();
        next.stop().await;
    });
}

#[test]
fn a_run_that_is_dropped_leaves_a_node_that_stops() {
    on_threads(1, async |ex| {
        let node = bare(local()).await;
        let running = run(&node, &ex).await;
        drop(running);
        assert!(node.task_count() > 0);
        node.stop().await;
        assert_eq!((node.state(), node.task_count()), (P2pState::Stopped, 0));
    });
}

#[test]
fn a_start_that_is_dropped_leaves_a_node_that_stops() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let seed = format!("tls://{}", silent.local_addr().unwrap()).parse().unwrap();
    on_threads(1, async |ex| {
        let node = bare(Settings { seeds: vec![seed], ..local() }).await;
        let start = ex.spawn(node.clone().start(ex.clone()));
        while node.node_info().listen.is_empty() {
            future::yield_now().await;
        }
        start.cancel().await;
        let port = node.advertised()[0].without_id();
        node.stop().await;
        let next = bare(Settings { listen: vec![port], ..local() }).await;
        next.clone().start(ex.clone()).await.unwrap();
        next.stop().await;
    });
}

/// Stops its node, from the handler or from the job.
struct Quits {
    how: State<Quitting>,
}

#[derive(Clone, Copy, PartialEq)]
enum Quitting {
    Handler,
    Job,
    Never,
}

#[derive(Message, Serialize, Deserialize)]
struct Quit;

#[protocol(sessions = ALL)]
impl Quits {
    async fn init(how: State<Quitting>) -> Result<Self> {
        Ok(Self { how })
    }

    #[on]
    async fn quit(&self, _quit: Quit, node: &P2p) {
        node.stop().await;
        panic!("a handler that stops its node is ended by it");
    }

    #[job]
    async fn work(&self, node: &P2p, channel: &Channel) -> Result<()> {
        match *self.how {
            Quitting::Handler => channel.send(&Quit).await?,
            Quitting::Job => {
                node.stop().await;
                panic!("a job that stops its node is ended by it");
            }
            Quitting::Never => pending::<()>().await,
        }
        Ok(())
    }
}

#[test]
fn a_handler_or_a_job_may_stop_its_own_node() {
    for (how, quits) in [(Quitting::Handler, 0), (Quitting::Job, 1)] {
        let sim = Simulation::new(5);
        sim.run(async {
            let mut nodes = Vec::new();
            for (host, how) in [("alice", Quitting::Never), ("bob", how)] {
                let node = sim.node(host, Settings::default()).protocols(ProtocolSet::empty().with::<Quits>());
                let node = node.without_handshake().state(how).build().await.unwrap();
                node.clone().start(sim.executor().clone()).await.unwrap();
                nodes.push((node.clone(), sim.executor().spawn(node.run(sim.executor().clone()))));
            }
            let _ = nodes[0].0.add_peer(&nodes[1].0.advertised()[0]).await;
            let (stopped, run) = nodes.remove(quits);
            let outcome = sim.clock().timeout(60 * SECOND, run).await;
            assert_eq!(outcome, Ok(Ok(())), "the task ends where it waits, without a panic");
            assert_eq!((stopped.state(), stopped.task_count()), (P2pState::Stopped, 0));
            nodes[0].0.stop().await;
        });
        assert_eq!(sim.network().live_connections(), 0);
    }
}

#[test]
fn a_node_without_addresses_says_that_nobody_can_come() {
    let log = logs::capture();
    on_threads(1, async |ex| {
        let node = bare(Settings { listen: Vec::new(), ..local() }).await;
        let running = run(&node, &ex).await;
        node.stop().await;
        running.await.unwrap();
    });
    let expected = "INFO net Not configured for accepting incoming connections.";
    assert!(log.lines().iter().any(|line| line == expected), "{:?}", log.lines());
}

/// A transport with a fault in it.
struct Faulty;

impl Transport for Faulty {
    fn scheme(&self) -> &'static str {
        "faulty"
    }

    fn listen<'a>(&'a self, at: &'a NodeUrl) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        async { Ok(Box::new(FaultyListener(at.clone())) as Box<dyn Listener>) }.boxed()
    }

    fn dial<'a>(&'a self, _: &'a NodeUrl) -> BoxFuture<'a, Result<Connection, DialError>> {
        async { Err(DialError::NoPort) }.boxed()
    }
}

struct FaultyListener(NodeUrl);

impl Listener for FaultyListener {
    fn url(&self) -> NodeUrl {
        self.0.clone()
    }

    fn accept(&self) -> BoxFuture<'_, std::io::Result<Incoming>> {
        async { panic!("a fault in a transport") }.boxed()
    }
}

#[test]
fn run_ends_with_the_panic_of_a_task_of_the_node() {
    on_threads(1, async |ex| {
        let settings = Settings {
            listen: vec!["faulty://here:1".parse().unwrap()],
            transports: vec!["faulty".to_owned()],
            ..Settings::default()
        };
        let node = P2p::builder(settings).protocols(ProtocolSet::empty()).without_handshake().transport(Faulty);
        let node = node.build().await.unwrap();
        let running = run(&node, &ex).await;
        node.stop().await;
        let panicked = RunError::Panicked("an acceptor: a fault in a transport".to_owned());
        assert_eq!(running.await, Err(panicked));
        assert_eq!(node.task_count(), 0);
    });
}
