//! What the page "Protocols" shows.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use p2p_net::event::{PeerEvent, Seen};
use p2p_net::prelude::*;
use p2p_net::testing;

/// What happened, in order.
type Diary = Mutex<Vec<String>>;

fn note(diary: &State<Diary>, line: &str) {
    diary.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct Note(String);

// ANCHOR: life
struct Notes {
    diary: State<Diary>,
}

#[protocol(name = "notes", version = 2, sessions = INBOUND | OUTBOUND | MANUAL)]
impl Notes {
    /// Makes the instance: once for each channel.
    fn init(diary: State<Diary>) -> Self {
        Self { diary }
    }

    /// For each `Note` that arrives, one after the other.
    #[on]
    async fn note(&self, Note(text): Note) {
        note(&self.diary, &text);
    }

    /// Beside the handlers, from the start of the channel.
    #[job]
    async fn greet(&self, channel: &Channel) -> Result<()> {
        Ok(channel.send(&Note("hello".to_owned())).await?)
    }

    /// Ten seconds after the start, and every ten seconds from then on.
    #[every("10s")]
    async fn still_here(&self, channel: &Channel) -> Result<()> {
        Ok(channel.send(&Note("still here".to_owned())).await?)
    }

    /// When the channel has ended, whatever ended it.
    #[stop]
    async fn bye(&self, peer: NodeId) {
        note(&self.diary, &format!("{} is gone", peer.short()));
    }
}
// ANCHOR_END: life

#[test]
fn a_protocol_lives_as_long_as_its_channel() {
    testing::pair().with::<Notes>().state(Diary::default).run(async |[alice, bob]| {
        let lines = |node: &testing::TestNode| node.state::<Diary>().lock().unwrap().clone();
        bob.until(|bob| lines(bob).len() == 3).await;
        assert_eq!(lines(&bob), ["hello", "still here", "still here"]);
        alice.stop().await;
        bob.until(|bob| lines(bob).len() == 4).await;
        assert_eq!(lines(&bob)[3], format!("{} is gone", alice.id().short()));
    });
}

#[derive(Clone, Message, Serialize, Deserialize)]
#[message(max_bytes = 1024)]
struct Rumour {
    text: String,
}

// ANCHOR: node
/// What is known is known to the whole node, so there is one instance of it.
#[derive(Default)]
struct Gossip {
    known: Mutex<BTreeSet<String>>,
}

#[protocol(scope = node, sessions = !SEED)]
impl Gossip {
    /// Called for several channels at once: what is shared is behind a lock, and no lock is held across an `await`.
    #[on]
    async fn rumour(&self, rumour: Rumour, from: NodeId, node: &P2p) {
        let new = self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(rumour.text.clone());
        if new {
            node.broadcast_with_exclude(&rumour, &[from]).await;
        }
    }
}
// ANCHOR_END: node

#[test]
fn a_rumour_ends_when_everybody_knows_it() {
    testing::network::<4>().with::<Gossip>().run(async |nodes| {
        let mut events = nodes.each_ref().map(|node| node.subscribe_message_events());
        let rumour = Rumour { text: "it is said".to_owned() };
        nodes[0].to(&nodes[1]).send(&rumour).await.unwrap();
        nodes[0].clock().sleep(Duration::from_secs(60)).await;
        for node in &nodes {
            node.stop().await;
        }
        for events in &mut events {
            let mut received = 0;
            while let Some(seen) = events.next().await {
                received += u32::from(matches!(seen, Seen::Event(PeerEvent::MsgRecv { .. })));
            }
            assert!((1..=3).contains(&received), "{received} times, of three peers");
        }
    });
}

// ANCHOR: config
/// How patient a protocol is; a program may say otherwise.
#[derive(Clone)]
struct Patience {
    most: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { most: 3 }
    }
}

#[derive(Default)]
struct Doorbell {
    rung: Mutex<u32>,
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Opened)]
struct Ring;

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Opened(bool);

#[protocol(config = Patience)]
impl Doorbell {
    #[on]
    async fn ring(&self, _ring: Ring, patience: Config<Patience>) -> Opened {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        *rung += 1;
        Opened(*rung >= patience.most)
    }
}
// ANCHOR_END: config

// ANCHOR: configure
#[test]
fn a_door_opens_at_the_second_ring() {
    testing::pair().with::<Doorbell>().configure::<Doorbell>(|patience| patience.most = 2).run(async |[alice, bob]| {
        let door = alice.to(&bob);
        assert_eq!(door.request(Ring).await, Ok(Opened(false)));
        assert_eq!(door.request(Ring).await, Ok(Opened(true)));
    });
}
// ANCHOR_END: configure

// ANCHOR: own_config
/// Shines as often as the program says, or else at the interval of the settings.
#[derive(Clone, Default)]
struct Lighthouse {
    pause: Option<Duration>,
}

#[protocol(config = Self)]
impl Lighthouse {
    #[every(self.pause.unwrap_or(settings.limits.heartbeat_interval))]
    async fn shine(&self, settings: &Settings, diary: State<Diary>) {
        note(&diary, &format!("{} shines", settings.name));
    }
}
// ANCHOR_END: own_config

/// How often the light was seen in a minute and a bit.
fn seen(network: testing::Network<2>) -> usize {
    network.state(Diary::default).run(async |[alice, _bob]| {
        alice.clock().sleep(Duration::from_secs(65)).await;
        alice.state::<Diary>().lock().unwrap().len()
    })
}

// ANCHOR: own_configure
#[test]
fn a_lighthouse_shines_as_often_as_it_is_told() {
    let lighthouses = || testing::pair().with::<Lighthouse>();
    assert_eq!(seen(lighthouses()), 2, "every 30 s");
    let told = lighthouses().configure::<Lighthouse>(|one| one.pause = Some(Duration::from_secs(20)));
    assert_eq!(seen(told), 3);
}
// ANCHOR_END: own_configure

// ANCHOR: extractor
/// How long ago the node started, as an argument.
struct Uptime(Duration);

impl p2p_net::FromNode for Uptime {
    fn from_node(node: &P2pPtr) -> Result<Self> {
        Ok(Self(node.clock().elapsed()))
    }
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Age)]
struct HowOld;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Age(Duration);

#[protocol]
async fn ages(_ask: HowOld, Uptime(uptime): Uptime) -> Age {
    Age(uptime)
}
// ANCHOR_END: extractor

#[test]
fn an_extractor_of_ones_own_is_an_argument() {
    testing::pair().with::<ages>().run(async |[alice, bob]| {
        bob.clock().sleep(Duration::from_secs(60)).await;
        let Age(age) = alice.to(&bob).request(HowOld).await.unwrap();
        assert!(age >= Duration::from_secs(60), "{age:?}");
    });
}
