//! Bob, who does what he is told, and two peers who watch.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use p2p_net::prelude::*;
use p2p_net::signal::Signal;
use p2p_net::testing::Simulation;
use p2p_net::{P2p, ProtocolSet};
use p2p_protocols::ping::ProtocolPing;
use p2p_protocols::version::ProtocolVersion;
use smol::future::yield_now;

use crate::common::{local, on_threads, run};

/// What the protocols of one node did.
#[derive(Default)]
pub struct Counts {
    /// Times the misbehaving handler had a turn.
    turns: AtomicUsize,
    /// Pieces of the flood that were taken.
    pieces: AtomicUsize,
    /// A handler has begun to spin.
    spins: Signal,
    /// Who spins may stop: a simulation cannot end otherwise, for its time stands still.
    enough: AtomicBool,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 4, reply = Echo)]
pub struct Call(u32);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 4)]
pub struct Echo(u32);

/// The sibling.
#[protocol]
async fn echoes(Call(number): Call) -> Echo {
    Echo(number)
}

#[derive(Clone, Copy, Message, Serialize, Deserialize)]
#[message(max_bytes = 4, window = 65_536)]
pub enum Do {
    Panic,
    Fail,
    Sleep,
    Spin,
    Flood,
}

/// Takes what [`Mischief`] floods with, or lets it lie.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 1024, window = 65_536)]
pub struct Piece(Bytes);

pub fn piece() -> Piece {
    Piece(vec![7; 1000].into())
}

#[derive(Default)]
struct Mischief;

#[protocol]
impl Mischief {
    #[on]
    async fn act(&self, act: Do, channel: &Channel, counts: State<Counts>) -> Result<()> {
        counts.turns.fetch_add(1, Ordering::Relaxed);
        match act {
            Do::Panic => panic!("on purpose"),
            Do::Fail => Err(Error::msg("on purpose")),
            Do::Sleep => pending().await,
            Do::Spin => {
                counts.spins.give();
                while !counts.enough.load(Ordering::Relaxed) {
                    yield_now().await;
                    counts.turns.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            }
            Do::Flood => loop {
                channel.send(&piece()).await?;
                counts.turns.fetch_add(1, Ordering::Relaxed);
            },
        }
    }
}

/// Takes every piece.
#[protocol]
async fn takes(_piece: Piece, counts: State<Counts>) {
    counts.pieces.fetch_add(1, Ordering::Relaxed);
}

/// Is stuck with the first.
#[protocol(name = "takes")]
pub async fn takes_one(_piece: Piece, counts: State<Counts>) {
    counts.pieces.fetch_add(1, Ordering::Relaxed);
    pending().await
}

pub fn set() -> ProtocolSet {
    let shipped = ProtocolSet::empty().with::<ProtocolVersion>().with::<ProtocolPing>();
    shipped.with::<echoes>().with::<Mischief>()
}

pub fn taking() -> ProtocolSet {
    set().with::<takes>()
}

fn counts(node: &P2p) -> State<Counts> {
    node.state_of::<Counts>().unwrap()
}

pub fn turns(node: &P2p) -> usize {
    counts(node).turns.load(Ordering::Relaxed)
}

/// Waits until a handler of `node` spins.
pub async fn spins(node: &P2p) {
    counts(node).spins.wait().await;
}

pub fn stop_spinning(node: &P2p) {
    counts(node).enough.store(true, Ordering::Relaxed);
}

pub fn pieces(node: &P2p) -> usize {
    counts(node).pieces.load(Ordering::Relaxed)
}

/// Calls both ways on the channel between two nodes.
async fn call(one: &P2p, other: &P2p) {
    for (from, to) in [(one, other), (other, one)] {
        assert_eq!(from.channel(&to.id()).expect("connected").request(Call(7)).await, Ok(Echo(7)));
    }
}

/// Bob, who does what he is told, and alice and carol, who are connected to him.
pub struct Office {
    pub alice: P2pPtr,
    pub bob: P2pPtr,
    pub carol: P2pPtr,
}

impl Office {
    async fn open(protocols: ProtocolSet, start: impl AsyncFn(&str, ProtocolSet) -> P2pPtr) -> Self {
        let bob = start("bob", protocols.clone()).await;
        let (alice, carol) = (start("alice", protocols.clone()).await, start("carol", protocols).await);
        for node in [&alice, &carol] {
            node.add_peer(&bob.advertised()[0]).await.unwrap();
            while bob.channel(&node.id()).is_none() {
                bob.clock().sleep(Duration::from_millis(1)).await;
            }
        }
        Self { alice, bob, carol }
    }

    pub fn channel(&self) -> Channel {
        self.alice.channel(&self.bob.id()).expect("connected")
    }

    /// Alice tells bob what to do.
    pub async fn tell(&self, act: Do) {
        self.channel().send(&act).await.unwrap();
    }

    /// The sibling on alice's channel, both ways.
    pub async fn sibling(&self) {
        call(&self.alice, &self.bob).await;
    }

    /// The sibling on carol's channel, both ways.
    pub async fn other_peer(&self) {
        call(&self.carol, &self.bob).await;
    }

    pub async fn close(self) {
        for node in [self.alice, self.carol, self.bob] {
            node.stop().await;
            assert_eq!(node.task_count(), 0);
        }
    }
}

/// Runs `test` in the simulator.
pub fn simulated(seed: u64, protocols: ProtocolSet, test: impl AsyncFnOnce(&Simulation, Office)) {
    let sim = Simulation::new(seed);
    sim.run(async {
        let office = Office::open(protocols, async |host, set| {
            let settings = Settings { outbound_slots: 0, ..Settings::default() };
            sim.start(sim.node(host, settings).protocols(set).state(Counts::default())).await
        });
        test(&sim, office.await).await;
    });
    assert_eq!(sim.network().live_connections(), 0);
}

/// Runs `test` over TLS on loopback, on one executor with two threads; every task must be gone at the end.
pub fn over_tls(protocols: ProtocolSet, test: impl AsyncFnOnce(Office)) {
    on_threads(2, async |ex| {
        let office = Office::open(protocols, async |_, set| {
            let node = P2p::builder(local()).protocols(set).state(Counts::default()).build().await.unwrap();
            run(&node, &ex).await.detach();
            node
        });
        test(office.await).await;
    });
}
