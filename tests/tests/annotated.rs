//! Protocols by annotation, run by real nodes: what handlers, jobs and extractors do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_net::{P2p, ProtocolSet};

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().expect("no line panics").push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no line panics").clone()
    }
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 4096)]
struct Say {
    text: String,
}

#[derive(Message, Serialize, Deserialize)]
#[message(reply = Half)]
struct Halve(u32);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
struct Half(u32);

struct Chat {
    log: State<Log>,
}

#[protocol(sessions = !SEED)]
impl Chat {
    async fn init(log: State<Log>, settings: Arc<Settings>) -> Result<Self> {
        log.add(format!("init {}", settings.transports.len()));
        Ok(Self { log })
    }

    #[on]
    async fn say(&self, peer: NodeId, say: Say, node: &P2p) {
        assert_ne!(node.id(), peer);
        self.log.add(format!("say {}", say.text));
    }

    #[on]
    async fn halve(&self, Halve(number): Halve) -> Result<Half> {
        match number % 2 {
            0 => Ok(Half(number / 2)),
            _ => Err(Error::msg(format!("{number} is odd"))),
        }
    }

    #[job]
    async fn greet(&self, channel: &Channel) -> Result<()> {
        for text in ["one", "two", "three"] {
            channel.send(&Say { text: text.to_owned() }).await?;
        }
        let half = channel.request(Halve(84)).await?;
        let odd = channel.request(Halve(7)).await;
        self.log.add(format!("half {} odd {}", half.0, odd.is_err_and(|error| error.to_string().contains("7 is odd"))));
        Ok(())
    }
}

#[protocol(sessions = INBOUND | MANUAL, name = "shouting", version = 2)]
async fn shout(_: Shout, log: State<Log>, channel: Channel) -> Result<()> {
    log.add("shout".to_owned());
    channel.send(&Shout).await?;
    Err(Error::msg("enough"))
}

#[derive(Message, Serialize, Deserialize)]
struct Shout;

fn node(sim: &Simulation, host: &str, set: ProtocolSet) -> p2p_net::p2p::P2pBuilder {
    sim.node(host, Settings::default()).protocols(set).without_handshake().state(Log::default())
}

#[test]
fn handlers_and_jobs_run_on_every_channel() {
    let sim = Simulation::new(3);
    sim.run(async {
        let set = || ProtocolSet::empty().with::<Chat>();
        let alice = sim.start(node(&sim, "alice", set())).await;
        let bob = sim.start(node(&sim, "bob", set())).await;
        alice.add_peer(&bob.advertised()[0]).await.unwrap();
        sim.clock().sleep(Duration::from_secs(1)).await;
        for node in [&alice, &bob] {
            let lines = node.state_of::<Log>().unwrap().lines();
            assert_eq!(lines, ["init 1", "say one", "say two", "say three", "half 42 odd true"]);
        }
        alice.stop().await;
        bob.stop().await;
    });
}

#[test]
fn an_error_of_a_handler_without_reply_ends_the_channel() {
    let sim = Simulation::new(4);
    sim.run(async {
        let set = || ProtocolSet::empty().with::<shout>();
        let alice = sim.start(node(&sim, "alice", set())).await;
        let bob = sim.start(node(&sim, "bob", set())).await;
        alice.add_peer(&bob.advertised()[0]).await.unwrap();
        sim.clock().sleep(Duration::from_millis(100)).await;
        assert_eq!(bob.peers().len(), 1);
        alice.broadcast(&Shout).await;
        sim.clock().sleep(Duration::from_millis(500)).await;
        assert_eq!(bob.state_of::<Log>().unwrap().lines(), ["shout"]);
        assert!(alice.state_of::<Log>().unwrap().lines().len() <= 1);
        alice.stop().await;
        bob.stop().await;
    });
}

#[test]
fn a_state_that_nobody_gave_is_an_error_of_build() {
    let sim = Simulation::new(5);
    let node =
        sim.node("alice", Settings::default()).protocols(ProtocolSet::empty().with::<Chat>()).without_handshake();
    let error = sim.run(node.build()).map(drop).unwrap_err().to_string();
    assert!(error.contains("`chat`") && error.contains("annotated.rs:") && error.contains("Log"), "{error}");
}
