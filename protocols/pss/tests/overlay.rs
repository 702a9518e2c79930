//! A thousand nodes of the relay's own table, upkeep and forwarding, without channels, keys and tasks between them: how
//! many messages arrive, after how many hops, at which cost, and what it takes to remember them.
//!
//! The links of this network lose messages, which real channels do not: there it is peers that go. `simulation.rs` runs
//! whole nodes.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and shows what it measured")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::{Duration, Instant};

use fastrand::Rng;
use p2p_net::NodeId;
use p2p_net::clock::Clock;
use p2p_net::identity::SecretKey;
use p2p_net::node_url::NodeUrl;
use p2p_net::testing::secret_of;
use p2p_pss::address::Address;
use p2p_pss::cache::MAX_SEEN;
use p2p_pss::envelope::{EnvelopeId, Header, MAX_HOPS};
use p2p_pss::forward::{Copies, Route, Router};
use p2p_pss::keeper::{DIALS, FULL_PERCENT, LOOK_AT_LAST, LOOK_SOON, QUESTIONS};
use p2p_pss::known::{KNOWN_IN_BIN, Known};
use p2p_pss::link::MAX_NEAR;
use p2p_pss::outbox::PACE;
use p2p_pss::table::{BIN_CAPACITY, Table};
use p2p_pss::{Prefix, Topic};

/// Peers that a node lets in: the default of the setting `max_peers`.
const MAX_PEERS: usize = 64;

/// How soon after a message was sent it is counted, in milliseconds: far more than it takes.
const COUNT_AFTER: u64 = 5_000;

struct Node {
    id: NodeId,
    url: NodeUrl,
    alive: bool,
    /// It drops what it should pass on.
    drops: bool,
    since: u64,
    router: Router,
    known: Known,
    connected: BTreeSet<usize>,
    dialled: BTreeSet<NodeId>,
    pause: u64,
    /// Messages it passed on: none may be there twice.
    passed: BTreeSet<EnvelopeId>,
}

enum Event {
    Round(usize),
    Arrive { to: usize, from: usize, message: usize, hops: u8 },
}

struct Message {
    header: Header,
    id: EnvelopeId,
    from: usize,
    to: usize,
    /// Who it reached that it may be for, and after how many hops.
    arrived: BTreeMap<usize, u8>,
    copies: u64,
}

struct Overlay {
    nodes: Vec<Node>,
    by_id: BTreeMap<NodeId, usize>,
    queue: BinaryHeap<Reverse<(u64, u64, usize)>>,
    events: Vec<Option<Event>>,
    messages: Vec<Message>,
    copies: Copies,
    loss: f64,
    now: u64,
    start: Instant,
    chance: Rng,
}

impl Overlay {
    fn new(seed: u64, copies: Copies, loss: f64) -> Self {
        Self {
            nodes: Vec::new(),
            by_id: BTreeMap::new(),
            queue: BinaryHeap::new(),
            events: Vec::new(),
            messages: Vec::new(),
            copies,
            loss,
            now: 0,
            start: Clock::simulated().now(),
            chance: Rng::with_seed(seed),
        }
    }

    fn at(&mut self, after: u64, event: Event) {
        self.queue.push(Reverse((self.now + after, self.events.len() as u64, self.events.len())));
        self.events.push(Some(event));
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_millis(self.now)
    }

    fn alive(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|at| self.nodes[*at].alive).collect()
    }

    /// A node starts that knows three others.
    fn join(&mut self) {
        let secret: SecretKey = secret_of(&format!("node{}", self.nodes.len()));
        let (id, others, at) = (secret.id(), self.alive(), self.nodes.len());
        let own = Address::of(&id);
        let mut known = Known::new(own);
        for _ in 0..3.min(others.len()) {
            known.hear(&self.nodes[others[self.chance.usize(..others.len())]].url);
        }
        let url: NodeUrl = format!("memory://node{at}:1").parse().unwrap();
        self.by_id.insert(id, at);
        self.nodes.push(Node {
            id,
            url: url.with_id(id),
            alive: true,
            drops: false,
            since: self.now,
            router: Router::new(Table::new(own), self.copies),
            known,
            connected: BTreeSet::new(),
            dialled: BTreeSet::new(),
            pause: LOOK_SOON.as_millis() as u64,
            passed: BTreeSet::new(),
        });
        self.at(0, Event::Round(at));
    }

    /// A node is gone without a word; its peers notice.
    fn crash(&mut self, at: usize) {
        self.nodes[at].alive = false;
        let id = self.nodes[at].id;
        for peer in std::mem::take(&mut self.nodes[at].connected) {
            self.lose(peer, at);
        }
        assert!(!self.nodes[at].router.table().peers().any(|place| place.id == id));
    }

    /// A node notices that a peer is gone.
    fn lose(&mut self, at: usize, peer: usize) {
        let id = self.nodes[peer].id;
        let node = &mut self.nodes[at];
        node.connected.remove(&peer);
        node.dialled.remove(&id);
        node.router.table_mut().remove(&id);
        node.pause = LOOK_SOON.as_millis() as u64;
    }

    /// Parts with peers it can do without.
    fn part(&mut self, at: usize) {
        while self.nodes[at].connected.len() > MAX_PEERS * FULL_PERCENT / 100 {
            let node = &self.nodes[at];
            let Some(spare) = node.router.table().spare(node.dialled.iter().copied()) else { return };
            let other = self.by_id[&spare];
            self.lose(at, other);
            self.lose(other, at);
        }
    }

    /// One round of `keeper.rs`: learn, then dial.
    fn round(&mut self, at: usize) {
        if !self.nodes[at].alive {
            return;
        }
        let (news, now) = (self.learn(at), self.instant());
        let node = &self.nodes[at];
        let unconnected = |id: &NodeId| !node.connected.contains(&self.by_id[id]);
        let ready = node.known.ready(now).filter(|place| unconnected(&place.id));
        let wanted: Vec<_> = node.router.table().wanted(ready).into_iter().take(DIALS).collect();
        let mut dialled = false;
        for id in wanted {
            let other = self.by_id[&id];
            let room = |node: &Node| node.connected.len() < MAX_PEERS;
            if !self.nodes[other].alive || !room(&self.nodes[other]) || !room(&self.nodes[at]) {
                self.nodes[at].known.failed(&id, now);
                continue;
            }
            for (a, b) in [(at, other), (other, at)] {
                let id = self.nodes[b].id;
                self.nodes[a].connected.insert(b);
                self.nodes[a].router.table_mut().add(id);
                self.nodes[a].known.reached(&id);
            }
            self.nodes[at].dialled.insert(id);
            dialled = true;
        }
        self.part(at);
        let (soon, last) = (LOOK_SOON.as_millis() as u64, LOOK_AT_LAST.as_millis() as u64);
        let pause = if news || dialled { soon } else { (self.nodes[at].pause * 2).min(last) };
        self.nodes[at].pause = pause;
        self.at(pause, Event::Round(at));
    }

    fn learn(&mut self, at: usize) -> bool {
        let chance = Address::from_bytes(std::array::from_fn(|_| self.chance.u8(..)));
        let table = self.nodes[at].router.table();
        let mut heard = Vec::new();
        for address in table.lookups(&chance).into_iter().take(QUESTIONS) {
            let peers = table.nearest(&address, 3);
            if peers.is_empty() {
                continue;
            }
            let asked = self.by_id[&peers[self.chance.usize(..peers.len())].id];
            let near = self.nodes[asked].router.table().nearest(&address, MAX_NEAR);
            heard.extend(near.iter().map(|place| self.nodes[self.by_id[&place.id]].url.clone()));
        }
        let known = &mut self.nodes[at].known;
        heard.iter().filter(|url| known.hear(url)).count() > 0
    }

    fn send(&mut self, from: usize, to: usize, destination: Prefix) {
        let message = self.message(from, to, destination);
        let Message { header, id, .. } = self.messages[message];
        let route = self.nodes[from].router.send(id, &header, self.now / 1_000);
        self.pass_on(from, message, MAX_HOPS, &route);
    }

    fn message(&mut self, from: usize, to: usize, destination: Prefix) -> usize {
        let nonce = std::array::from_fn(|at| (self.messages.len() >> (8 * at.min(7))) as u8);
        let expiry = self.now / 1_000 + 120;
        let header = Header { sealed: true, destination, topic: Topic([0; 4]), expiry, nonce };
        let id = header.id(b"");
        self.messages.push(Message { header, id, from, to, arrived: BTreeMap::new(), copies: 0 });
        self.messages.len() - 1
    }

    fn pass_on(&mut self, from: usize, message: usize, hops: u8, route: &Route) {
        for next in route.next.iter().take(route.copies) {
            self.messages[message].copies += 1;
            if self.chance.f64() >= self.loss {
                let (to, after) = (self.by_id[next], self.chance.u64(20..100));
                self.at(after, Event::Arrive { to, from, message, hops });
            }
        }
    }

    fn arrive(&mut self, to: usize, from: usize, message: usize, hops: u8) {
        let (id, header, now) = (self.messages[message].id, self.messages[message].header, self.now / 1_000);
        let from = self.nodes[from].id;
        let node = &mut self.nodes[to];
        if !node.alive {
            return;
        }
        let Ok(route) = node.router.receive(id, &header, hops, &from, now) else { return };
        if route.mine {
            self.messages[message].arrived.insert(to, MAX_HOPS - hops + 1);
        }
        if node.drops {
            return;
        }
        if !route.next.is_empty() {
            assert!(node.passed.insert(id), "a message went in a circle");
        }
        self.pass_on(to, message, hops - 1, &route);
    }

    fn run_for(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        while let Some(Reverse((at, _, event))) = self.queue.peek().copied().filter(|Reverse((at, ..))| *at <= end) {
            self.queue.pop();
            self.now = at;
            match self.events[event].take() {
                Some(Event::Round(node)) => self.round(node),
                Some(Event::Arrive { to, from, message, hops }) => self.arrive(to, from, message, hops),
                None => {}
            }
        }
        self.now = end;
    }

    /// `count` nodes that joined one after the other and have had the time to find each other.
    fn grown(seed: u64, count: usize, copies: Copies, loss: f64) -> Self {
        let mut overlay = Self::new(seed, copies, loss);
        for _ in 0..count {
            overlay.join();
            overlay.run_for(50);
        }
        overlay.run_for(60_000);
        overlay
    }

    fn check_memory(&self) {
        for node in self.nodes.iter().filter(|node| node.alive) {
            let (table, own) = (node.router.table(), Address::of(&node.id));
            assert!((0..256).all(|bin| table.in_bin(bin) <= BIN_CAPACITY));
            assert!(node.connected.len() <= MAX_PEERS && table.len() <= MAX_PEERS);
            assert!(node.router.seen() <= MAX_SEEN);
            let mut bins = BTreeMap::new();
            for place in node.known.ready(self.instant()) {
                *bins.entry(own.proximity(&place.address)).or_insert(0) += 1;
            }
            assert!(bins.values().all(|count| *count <= KNOWN_IN_BIN));
        }
    }

    /// What became of the messages to full addresses whose receivers are still there.
    fn tally(&self) -> Tally {
        let counted =
            self.messages.iter().filter(|message| self.nodes[message.to].alive && self.nodes[message.from].alive);
        let (mut tally, mut hops, mut copies) = (Tally::default(), 0, 0);
        for message in counted {
            tally.sent += 1;
            copies += message.copies;
            if let Some(after) = message.arrived.get(&message.to) {
                tally.arrived += 1;
                hops += u64::from(*after);
                tally.most_hops = tally.most_hops.max(*after);
            }
        }
        tally.hops = hops as f64 / tally.arrived.max(1) as f64;
        tally.copies = copies as f64 / tally.sent.max(1) as f64;
        let alive = self.alive();
        let peers: usize = alive.iter().map(|at| self.nodes[*at].connected.len()).sum();
        tally.peers = peers as f64 / alive.len() as f64;
        tally
    }
}

#[derive(Debug, Default)]
#[allow(dead_code, reason = "all of it is printed")]
struct Tally {
    sent: usize,
    arrived: usize,
    /// Mean hops of those that arrived.
    hops: f64,
    most_hops: u8,
    /// Mean copies of a message, all over the network.
    copies: f64,
    /// Mean peers of a node.
    peers: f64,
}

impl Tally {
    fn share(&self) -> f64 {
        self.arrived as f64 / self.sent as f64
    }
}

/// Messages from random nodes to the full addresses of others, while a node crashes and one joins every second.
fn with_churn(seed: u64, count: usize, seconds: usize, a_second: usize, copies: Copies) -> Tally {
    let mut overlay = Overlay::grown(seed, count, copies, 0.02);
    for _ in 0..seconds {
        let alive = overlay.alive();
        let victim = alive[overlay.chance.usize(..alive.len())];
        overlay.crash(victim);
        overlay.join();
        for _ in 0..a_second {
            // Those that have been there for ten seconds.
            let settled: Vec<_> =
                overlay.alive().into_iter().filter(|at| overlay.nodes[*at].since + 10_000 <= overlay.now).collect();
            let [from, to] = [(); 2].map(|()| settled[overlay.chance.usize(..settled.len())]);
            if from != to {
                let destination = Prefix::full(&Address::of(&overlay.nodes[to].id));
                overlay.send(from, to, destination);
            }
        }
        overlay.run_for(1_000);
    }
    overlay.run_for(COUNT_AFTER);
    overlay.check_memory();
    overlay.tally()
}

#[test]
fn of_a_thousand_nodes_that_come_and_go_ninety_nine_of_a_hundred_messages_arrive() {
    let tally = with_churn(1, 1_000, 200, 10, Copies::default());
    println!("1,000 nodes, 2% loss, one crash and one join a second: {tally:?}, {:.2}% arrived", 100.0 * tally.share());
    assert!(tally.sent > 1_000);
    assert!(tally.share() >= 0.99, "{tally:?}");
    assert!(tally.hops <= 1_000_f64.log2(), "{tally:?}");
}

fn with_droppers(seed: u64, count: usize, messages: usize, copies: Copies) -> Tally {
    let mut overlay = Overlay::grown(seed, count, copies, 0.0);
    for at in 0..count / 5 {
        overlay.nodes[5 * at].drops = true;
    }
    let honest: Vec<_> = overlay.alive().into_iter().filter(|at| !overlay.nodes[*at].drops).collect();
    for _ in 0..messages {
        let [from, to] = [(); 2].map(|()| honest[overlay.chance.usize(..honest.len())]);
        if from != to {
            let destination = Prefix::full(&Address::of(&overlay.nodes[to].id));
            overlay.send(from, to, destination);
        }
        overlay.run_for(100);
    }
    overlay.run_for(COUNT_AFTER);
    overlay.check_memory();
    overlay.tally()
}

#[test]
fn when_a_fifth_of_a_thousand_nodes_pass_nothing_on_ninety_five_of_a_hundred_messages_arrive() {
    let tally = with_droppers(2, 1_000, 2_000, Copies::default());
    println!("1,000 nodes, 200 of them droppers: {tally:?}, {:.2}% arrived", 100.0 * tally.share());
    assert!(tally.share() >= 0.95, "{tally:?}");
}

#[test]
fn a_message_in_the_dark_reaches_everybody_and_one_with_a_hint_all_that_share_it() {
    let mut overlay = Overlay::grown(3, 1_000, Copies::default(), 0.02);
    for length in [0, 1] {
        let (mut reached, mut meant) = (0, 0);
        for _ in 0..20 {
            let [from, to] = [(); 2].map(|()| overlay.chance.usize(..1_000));
            let destination = Prefix::of(&Address::of(&overlay.nodes[to].id), length);
            overlay.send(from, to, destination);
            overlay.run_for(COUNT_AFTER);
            let matching = overlay.nodes.iter().filter(|node| destination.matches(&Address::of(&node.id))).count();
            meant += matching - usize::from(destination.matches(&Address::of(&overlay.nodes[from].id)));
            reached += overlay.messages.last().unwrap().arrived.len();
        }
        let copies: u64 = overlay.messages.iter().rev().take(20).map(|message| message.copies).sum();
        println!("{length} bytes: {reached} of {meant} reached, {} copies a message", copies / 20);
        assert!(reached as f64 >= 0.99 * meant as f64, "{reached} of {meant} with {length} bytes");
    }
}

#[test]
fn a_flood_in_the_dark_fills_half_of_the_links_and_keeps_no_message_from_anybody() {
    const COUNT: usize = 100;
    let mut overlay = Overlay::grown(4, COUNT, Copies::default(), 0.0);
    let links: usize = overlay.nodes.iter().map(|node| node.connected.len()).sum();
    let mallorys: Vec<_> = overlay.nodes[0].connected.iter().copied().take(10).collect();
    let (mut honest, mut flood) = (Vec::new(), Vec::new());
    for second in 0..20 {
        for to in mallorys.iter().flat_map(|to| std::iter::repeat_n(*to, 100)) {
            let message = overlay.message(0, to, Prefix::EMPTY);
            overlay.at(0, Event::Arrive { to, from: 0, message, hops: MAX_HOPS });
            // When all that came at once has been passed on.
            flood.extend((second >= 10).then_some(message));
        }
        let from = overlay.chance.usize(1..COUNT);
        overlay.send(from, from, Prefix::EMPTY);
        honest.push(overlay.messages.len() - 1);
        overlay.run_for(1_000);
    }
    overlay.run_for(COUNT_AFTER);
    let copies: u64 = flood.iter().map(|message| overlay.messages[*message].copies).sum();
    let (load, pace) = (copies as f64 / links as f64 / 10.0, 1.0 / PACE.per.as_secs_f64());
    let reached: usize = honest.iter().map(|message| overlay.messages[*message].arrived.len()).sum();
    let share = reached as f64 / (honest.len() * (COUNT - 1)) as f64;
    println!(
        "1,000 messages a second in the dark: {load:.1} of {pace} a second on each link, {share:.4} of others arrive"
    );
    assert!(load > 0.0 && load <= 0.6 * pace, "{load}");
    assert!(share >= 0.99, "{share}");
}

#[test]
fn what_is_remembered_is_bounded_however_much_there_is() {
    let mut overlay = Overlay::grown(5, 3, Copies::default(), 0.0);
    // Each node has to do with two thirds of them at least.
    let count = MAX_SEEN * 8 / 5;
    for number in 0..count {
        let [from, to] = [number % 3, (number + 1) % 3];
        overlay.send(from, to, Prefix::full(&Address::of(&overlay.nodes[to].id)));
        if number % 1_000 == 0 {
            overlay.run_for(200);
        }
    }
    overlay.run_for(COUNT_AFTER);
    assert_eq!(overlay.tally().arrived, count);
    overlay.check_memory();
    assert!(overlay.nodes.iter().all(|node| node.router.seen() == MAX_SEEN), "there was more than is remembered");
}

/// What the numbers of copies are worth: `cargo test -p p2p-pss --test overlay -- --ignored --nocapture`.
#[test]
#[ignore = "a table for whoever chooses the numbers"]
fn what_copies_are_worth() {
    for (sender, relay) in [(1, 1), (2, 1), (3, 1), (4, 1), (2, 2), (3, 2), (4, 2), (3, 3)] {
        let copies = Copies { sender, relay };
        let (churn, drops) = (with_churn(1, 1_000, 60, 30, copies), with_droppers(2, 1_000, 2_000, copies));
        println!(
            "{sender} and {relay}: churn {:.2}% in {:.1} hops, {:.1} copies; droppers {:.2}%, {:.1} copies",
            100.0 * churn.share(),
            churn.hops,
            churn.copies,
            100.0 * drops.share(),
            drops.copies,
        );
    }
}
