//! Protocols with one instance a node, and protocols that a set of them configures.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use p2p_net::p2p::{P2pState, StartError};
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_net::{P2pPtr, ProtocolSet};

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    alive: AtomicUsize,
}

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.lines.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

#[derive(Clone, Message, Serialize, Deserialize)]
#[message(max_bytes = 1024)]
struct Rumour {
    text: String,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Heard)]
struct HowMany(bool);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Heard(u32);

/// How a gossip is told.
#[derive(Debug, Clone, PartialEq)]
struct Manners {
    greeting: &'static str,
    most: usize,
}

impl Default for Manners {
    fn default() -> Self {
        Self { greeting: "psst", most: 100 }
    }
}

/// Tells every rumour to every peer but the one it came from, once.
struct Gossip {
    log: State<Log>,
    known: Mutex<Vec<String>>,
}

impl Drop for Gossip {
    fn drop(&mut self) {
        self.log.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

#[protocol(scope = node, config = Manners)]
impl Gossip {
    async fn init(log: State<Log>, node: P2pPtr, manners: Config<Manners>) -> Result<Self> {
        assert_eq!(node.state(), P2pState::Start);
        log.alive.fetch_add(1, Ordering::Relaxed);
        log.add(format!("init {}", manners.greeting));
        if manners.most == 0 {
            return Err(Error::msg("nothing may be told"));
        }
        Ok(Self { log, known: Mutex::default() })
    }

    #[on]
    async fn rumour(&self, rumour: Rumour, node: &P2p, peer: NodeId, channel: &Channel, manners: Config<Manners>) {
        assert_eq!(channel.peer_id(), peer);
        {
            let mut known = self.known.lock().unwrap();
            if known.contains(&rumour.text) || known.len() >= manners.most {
                return;
            }
            known.push(rumour.text.clone());
        }
        self.log.add(rumour.text.clone());
        node.broadcast_with_exclude(&rumour, &[peer]).await;
    }

    #[on]
    async fn how_many(&self, HowMany(panics): HowMany, node: &P2p) -> Heard {
        assert!(!panics, "on purpose");
        // For several channels at once.
        node.clock().sleep(Duration::from_secs(5)).await;
        Heard(self.known.lock().unwrap().len() as u32)
    }

    #[job]
    async fn listens(&self, node: &P2p) {
        self.log.add(format!("job at {} urls", node.advertised().len()));
    }

    #[job]
    async fn fails(&self) -> Result<()> {
        Err(Error::msg("a job that fails is logged"))
    }

    #[job]
    async fn panics(&self) {
        panic!("on purpose, in a job of the node");
    }

    #[every("1h")]
    async fn hourly(&self, node: P2pPtr) {
        self.log.add(format!("hour {}", node.clock().elapsed().as_secs() / 3_600));
    }

    #[stop]
    async fn bye(&self, node: &P2p) {
        self.log.add(format!("bye to {}", node.peer_count()));
    }
}

fn node(sim: &Simulation, host: &str, set: ProtocolSet) -> p2p_net::p2p::P2pBuilder {
    sim.node(host, Settings::default()).protocols(set).without_handshake().state(Log::default())
}

fn log(node: &P2pPtr) -> State<Log> {
    node.state_of().unwrap()
}

/// A line of nodes, each connected to the next.
async fn line(sim: &Simulation, hosts: &[&str]) -> Vec<P2pPtr> {
    let mut nodes: Vec<P2pPtr> = Vec::new();
    for host in hosts {
        let next = sim.start(node(sim, host, ProtocolSet::empty().with::<Gossip>())).await;
        if let Some(last) = nodes.last() {
            next.add_peer(&last.advertised()[0]).await.unwrap();
        }
        nodes.push(next);
    }
    sim.clock().sleep(Duration::from_millis(10)).await;
    nodes
}

#[test]
fn one_instance_sees_all_channels_of_its_node() {
    let sim = Simulation::new(1);
    sim.run(async {
        let nodes = line(&sim, &["a", "b", "c", "d"]).await;
        nodes[0].broadcast(&Rumour { text: "the sky falls".to_owned() }).await;
        nodes[0].broadcast(&Rumour { text: "the sky falls".to_owned() }).await;
        sim.clock().sleep(Duration::from_secs(1)).await;
        for (at, node) in nodes.iter().enumerate() {
            let rumours: &[&str] = if at == 0 { &[] } else { &["the sky falls"] };
            assert_eq!(log(node).lines()[..2], ["init psst", "job at 1 urls"]);
            assert_eq!(log(node).lines()[2..], *rumours, "node {at}: once, whatever number of channels it has");
            assert_eq!(log(node).alive.load(Ordering::Relaxed), 1);
        }
        sim.clock().sleep(Duration::from_secs(2 * 3_600)).await;
        for node in nodes {
            node.stop().await;
            assert_eq!(log(&node).lines()[log(&node).lines().len() - 3..], ["hour 1", "hour 2", "bye to 0"]);
            assert_eq!((node.task_count(), log(&node).alive.load(Ordering::Relaxed)), (0, 0), "nothing is left");
        }
    });
}

#[test]
fn its_handlers_run_for_several_channels_at_once_and_a_panic_ends_it_on_one() {
    let sim = Simulation::new(2);
    sim.run(async {
        let nodes = line(&sim, &["a", "b", "c"]).await;
        let ask = |from: usize| nodes[from].channel(&nodes[1].id()).unwrap();
        let before = sim.clock().elapsed();
        let both = futures::join!(ask(0).request(HowMany(false)), ask(2).request(HowMany(false)));
        assert_eq!(both, (Ok(Heard(0)), Ok(Heard(0))));
        let took = sim.clock().elapsed() - before;
        assert!(took < Duration::from_secs(6), "{took:?}: not one after the other");
        assert!(ask(0).request(HowMany(true)).await.unwrap_err().to_string().contains("nobody here answers"));
        assert_eq!(ask(2).request(HowMany(false)).await, Ok(Heard(0)), "the other channel has it still");
        for node in &nodes {
            node.stop().await;
        }
        assert!(nodes.iter().all(|node| log(node).alive.load(Ordering::Relaxed) == 0));
    });
}

#[test]
fn an_init_that_fails_is_an_error_of_start_and_leaves_nothing() {
    let sim = Simulation::new(3);
    sim.run(async {
        let set = ProtocolSet::empty().with::<Gossip>().configure::<Gossip>(|manners| manners.most = 0);
        let node = node(&sim, "a", set).build().await.unwrap();
        let error = node.clone().start(sim.executor().clone()).await.unwrap_err();
        assert!(matches!(error, StartError::Protocol { protocol: "gossip", .. }), "{error}");
        assert!(error.to_string().contains("nothing may be told"), "{error}");
        assert_eq!((node.state(), node.task_count()), (P2pState::Stopped, 0));
    });
}

#[test]
fn a_set_configures_its_protocols() {
    let sim = Simulation::new(4);
    sim.run(async {
        let set = ProtocolSet::empty()
            .with::<Gossip>()
            .configure::<Gossip>(|manners| manners.greeting = "oyez")
            .configure::<Gossip>(|manners| manners.most = 1);
        let loud = sim.start(node(&sim, "loud", set.clone())).await;
        let plain = sim.start(node(&sim, "plain", ProtocolSet::empty().with::<Gossip>())).await;
        assert_eq!(*loud.config_of::<Manners>().unwrap(), Manners { greeting: "oyez", most: 1 });
        assert_eq!(*plain.config_of::<Manners>().unwrap(), Manners::default());
        plain.add_peer(&loud.advertised()[0]).await.unwrap();
        sim.clock().sleep(Duration::from_millis(10)).await;
        for text in ["one", "two"] {
            plain.broadcast(&Rumour { text: text.to_owned() }).await;
        }
        sim.clock().sleep(Duration::from_secs(1)).await;
        assert_eq!(log(&loud).lines(), ["init oyez", "job at 1 urls", "one"]);
        loud.stop().await;
        plain.stop().await;
    });
}

#[test]
fn a_set_prints_as_a_table() {
    let table = ProtocolSet::empty().with::<Gossip>().to_string();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("protocol") && lines[0].contains("scope"), "{table}");
    assert!(
        lines[1].starts_with("gossip/1") && lines[1].contains("node") && lines[1].contains("node_scope.rs:"),
        "{table}"
    );
    assert!(lines[2].starts_with("  rumour") && lines[2].contains("at most 1024 bytes"), "{table}");
    assert!(lines[3].starts_with("  how_many") && lines[3].contains("reply heard"), "{table}");
}
