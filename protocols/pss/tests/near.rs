//! What a relay makes of peers that tell it of nodes that are not what they seem.
#![allow(clippy::unwrap_used, reason = "what a test expects may be missing: then it fails")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use p2p_net::ProtocolSet;
use p2p_net::disconnect::DisconnectReason;
use p2p_net::node_url::NodeUrl;
use p2p_net::prelude::*;
use p2p_net::testing::{Simulation, secret_of};
use p2p_pss::link::{GetNear, MAX_NEAR, Near};
use p2p_pss::{Address, Envelope, Pss, PssLink, PssNode};

/// What a liar tells of.
#[derive(Default)]
struct Tells(Mutex<Vec<NodeUrl>>);

/// Speaks as a relay, and tells whatever a test likes.
#[derive(Default)]
struct Liar;

#[protocol(name = "pss", sessions = !(SEED | RELAYED))]
impl Liar {
    #[on]
    async fn envelope(&self, _envelope: Envelope) {}

    #[on]
    async fn near(&self, _ask: GetNear, tells: State<Tells>) -> Near {
        Near { nodes: tells.0.lock().unwrap().clone() }
    }
}

#[derive(Default)]
struct Visits(AtomicUsize);

/// Lets everybody in, and shows them out.
#[derive(Default)]
struct Slammer;

#[protocol(sessions = INBOUND)]
impl Slammer {
    #[job]
    async fn slam(&self, channel: &Channel, visits: State<Visits>) {
        // Carol hears of it, too.
        visits.0.fetch_add(usize::from(channel.peer_id() == secret_of("alice").id()), Ordering::Relaxed);
        channel.close(DisconnectReason::Requested, "not today");
    }
}

fn relays() -> ProtocolSet {
    ProtocolSet::empty().with::<PssNode>().with::<PssLink>()
}

async fn start(sim: &Simulation, host: &str, set: ProtocolSet) -> P2pPtr {
    let settings = Settings { outbound_slots: 0, ..Settings::default() };
    let node = sim.node(host, settings).protocols(set).without_handshake();
    sim.start(node.state(Tells::default()).state(Visits::default())).await
}

fn url(node: &P2pPtr) -> NodeUrl {
    node.advertised()[0].with_id(node.id())
}

/// Alice, connected with a liar that tells of `tells`, a minute later.
async fn told(sim: &Simulation, tells: impl FnOnce(&P2pPtr, &P2pPtr) -> Vec<NodeUrl>) -> [P2pPtr; 2] {
    let liar = start(sim, "liar", ProtocolSet::empty().with::<Liar>()).await;
    let alice = start(sim, "alice", relays()).await;
    *liar.state_of::<Tells>().unwrap().0.lock().unwrap() = tells(&alice, &liar);
    alice.add_peer(&liar.advertised()[0]).await.unwrap();
    sim.clock().sleep(Duration::from_secs(60)).await;
    [alice, liar]
}

#[test]
fn urls_that_name_nobody_and_more_than_were_asked_for_are_left_out() {
    let sim = Simulation::new(1);
    sim.run(async {
        let mut carols = Vec::new();
        for number in 0..6 {
            carols.push(start(&sim, &format!("carol{number}"), relays()).await);
        }
        let [alice, liar] = told(&sim, |alice, liar| {
            let unnamed: NodeUrl = "memory://carol0:1".parse().unwrap();
            let mut urls = vec![unnamed.clone(), url(alice), url(liar), unnamed.with_id(alice.id())];
            // Somebody else is there, and nobody.
            urls.push(unnamed.with_id(secret_of("nobody").id()));
            urls.push("memory://nobody:1".parse::<NodeUrl>().unwrap().with_id(secret_of("nobody").id()));
            urls.extend(carols[..4].iter().map(url));
            urls.resize(MAX_NEAR, unnamed);
            urls.extend(carols[4..].iter().map(url));
            urls
        })
        .await;
        let connected: Vec<_> = carols.iter().map(|carol| alice.channel(&carol.id()).is_some()).collect();
        assert_eq!(connected, [true, true, true, true, false, false]);
        assert!(alice.channel(&liar.id()).is_some() && alice.hosts().bans().is_empty());
        assert_eq!(Pss::of(&alice).unwrap().peers(), 5);
        for node in carols.iter().chain([&alice, &liar]) {
            node.stop().await;
        }
    });
}

#[test]
fn who_lets_everybody_in_and_shows_them_out_is_tried_ever_more_seldom_and_takes_nobodys_turn() {
    let sim = Simulation::new(2);
    sim.run(async {
        let there = Address::of(&secret_of("alice").id());
        let mut hosts: Vec<_> = (0..9).map(|number| format!("host{number}")).collect();
        hosts.sort_by_key(|host| there.distance(&Address::of(&secret_of(host).id())));
        let mut slammers = Vec::new();
        for host in &hosts[..8] {
            slammers.push(start(&sim, host, ProtocolSet::empty().with::<Slammer>()).await);
        }
        // Farther away than all of them.
        let carol = start(&sim, &hosts[8], relays()).await;
        let all: Vec<_> = slammers.iter().chain([&carol]).map(url).collect();
        let [alice, liar] = told(&sim, |_, _| all).await;
        assert!(alice.channel(&carol.id()).is_some());
        for slammer in &slammers {
            let visits = slammer.state_of::<Visits>().unwrap().0.load(Ordering::Relaxed);
            assert!((1..=4).contains(&visits), "{visits} visits in a minute");
        }
        for node in slammers.iter().chain([&carol, &alice, &liar]) {
            node.stop().await;
        }
    });
}
