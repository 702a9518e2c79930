//! Messages with a rate and with a priority, in the simulator.

use std::sync::Mutex;
use std::time::Duration;

use p2p_net::disconnect::{DisconnectReason, Side};
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_net::{P2pPtr, ProtocolSet};

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 100_000, rate = "10/10s")]
struct Vote {
    data: Bytes,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 1024)]
struct Note {
    n: u32,
    data: Bytes,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, priority = high)]
struct Alarm(u32);

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

#[derive(Default)]
struct Heard;

#[protocol]
impl Heard {
    #[on]
    async fn vote(&self, vote: Vote, log: State<Log>) {
        log.0.lock().unwrap().push(format!("vote of {}", vote.data.len()));
    }

    #[on]
    async fn note(&self, note: Note, log: State<Log>) {
        log.0.lock().unwrap().push(format!("note {}", note.n));
    }

    #[on]
    async fn alarm(&self, Alarm(n): Alarm, log: State<Log>) {
        log.0.lock().unwrap().push(format!("alarm {n}"));
    }
}

async fn pair(sim: &Simulation) -> (P2pPtr, P2pPtr, Channel) {
    let node = |host| {
        let set = ProtocolSet::empty().with::<Heard>();
        sim.node(host, Settings::default()).protocols(set).without_handshake().state(Log::default())
    };
    let (alice, bob) = (sim.start(node("alice")).await, sim.start(node("bob")).await);
    let id = alice.add_peer(&bob.advertised()[0]).await.unwrap();
    sim.clock().sleep(Duration::from_millis(10)).await;
    let channel = alice.channel(&id).unwrap();
    (alice, bob, channel)
}

#[test]
fn a_peer_may_send_at_the_rate_and_no_faster() {
    let sim = Simulation::new(1);
    sim.run(async {
        let (alice, bob, channel) = pair(&sim).await;
        let vote = |bytes| Vote { data: vec![0; bytes].into() };
        // A message of two frames is one message; a burst of ten may come at once, then one a second.
        for _ in 0..10 {
            channel.send(&vote(90_000)).await.unwrap();
        }
        for _ in 0..30 {
            sim.clock().sleep(Duration::from_millis(1_001)).await;
            channel.send(&vote(1)).await.unwrap();
        }
        sim.clock().sleep(Duration::from_millis(100)).await;
        assert_eq!(bob.state_of::<Log>().unwrap().0.lock().unwrap().len(), 40);
        assert!(channel.disconnect().is_none());
        for _ in 0..3 {
            channel.send(&vote(2)).await.unwrap();
        }
        let end = channel.closed().await;
        assert_eq!((end.reason, end.by), (DisconnectReason::RateLimited, Side::Remote));
        assert!(end.detail.contains("`vote`") && end.detail.contains("10 per 10s"), "{end}");
        alice.stop().await;
        bob.stop().await;
    });
}

#[test]
fn what_is_urgent_overtakes_what_has_queued_up() {
    let sim = Simulation::new(2);
    sim.run(async {
        let (alice, bob, channel) = pair(&sim).await;
        // While nothing is awaited, nothing is written but what the first send wrote itself.
        for n in 0..100 {
            channel.send(&Note { n, data: vec![0; 1000].into() }).await.unwrap();
        }
        for n in 0..3 {
            channel.send(&Alarm(n)).await.unwrap();
        }
        sim.clock().sleep(Duration::from_secs(5)).await;
        let log = bob.state_of::<Log>().unwrap().0.lock().unwrap().clone();
        let place = |line: &str| log.iter().position(|known| known == line).unwrap();
        assert!(place("alarm 0") < place("note 50"), "{log:?}");
        assert!(place("alarm 0") < place("alarm 1") && place("alarm 1") < place("alarm 2"));
        let notes: Vec<_> = log.iter().filter(|line| line.starts_with("note")).cloned().collect();
        assert_eq!(notes, (0..100).map(|n| format!("note {n}")).collect::<Vec<_>>());
        alice.stop().await;
        bob.stop().await;
    });
}
