//! commonware-p2p: `authenticated::lookup` networks on its tokio runner; a registered channel a lane.
//!
//! It drops what nobody takes in time instead of making the sender wait, so the program keeps a window: messages sent and
//! not yet counted at the other end. Both ends are in one process, so that window costs no message, which favours it.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_cryptography::{ChaCha20Poly1305, Signer};
use commonware_p2p::authenticated::lookup::{self, Config, Network, Oracle};
use commonware_p2p::{Address, AddressableManager, Receiver, Recipients, Sender};
use commonware_runtime::tokio::{self as runner, Context};
use commonware_runtime::{IoBuf, IoBufs, Quota, Runner, Supervisor};
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::ordered::Map;
use futures::future::try_join_all;

use crate::broadcast::{self, Broadcast};
use crate::measure::{Ledger, NUMBER, Pace, Spent, Stopwatch, Tally, resident};
use crate::outcome::{Failure, Outcome};
use crate::peer::{Batching, FLOOD, FLOOD_LEAD, NEWS, PING_PAUSE, Peer, QUESTION, SETTLE, SMALL};
use crate::runtime::{Runtime, Threads};
use crate::trips::Trips;

type Tx = lookup::Sender<PublicKey, Context>;
type Rx = lookup::Receiver<PublicKey>;

/// Messages and bytes sent and not yet counted at the other end, as a window, of all lanes of a connection together: more
/// than [`MAILBOX`] messages would be dropped. A large message may always be under way while others are written.
const WINDOW: usize = 8192;
const WINDOW_BYTES: usize = 8 << 20;
const LARGE_UNDER_WAY: usize = 8;

/// The window of a broadcast, to each peer.
const NEWS_WINDOW: u64 = CROWD_MAILBOX as u64 / 2;

/// Messages a second that a channel lets pass; more than any machine reaches, so that it is no bound.
const RATE: u32 = 4_000_000;

/// Messages of a burst, which is what a receiver holds for each member it may know: no less than a window. Room for all of
/// them is taken at once, so only a lone lane has much.
const BURST: u32 = 1024;
const LONE_BURST: u32 = 200_000;

const MAX_MESSAGE: u32 = 2 << 20;

/// Messages that wait within a member, for a pair and for a member of many: room for all is taken with each connection.
const MAILBOX: usize = 8192;
const CROWD_MAILBOX: usize = 1024;

/// The default passes 8 queued messages in one write; this many go in one when it is to batch best.
const BATCH: usize = 256;

/// Between two dials of a node, handshakes a second from one address, and between two greetings: no bound on loopback.
const DIAL_EVERY: Duration = Duration::from_millis(20);
const HANDSHAKES: u32 = 10_000;
const GREET_EVERY: Duration = Duration::from_millis(50);

/// Something to be answered by the same, to see that a peer is connected: one byte, which nothing counted is.
const GREETING: [u8; 1] = [0];

/// The channel of the questions; those of the lanes follow.
const ECHO: usize = 0;

pub(crate) struct Commonware {
    context: Context,
    runtime: Runtime,
    batch: usize,
}

struct Member {
    key: PublicKey,
    address: SocketAddr,
    oracle: Oracle<PublicKey>,
    /// The channel of the questions, then one a lane.
    channels: Vec<(Tx, Rx)>,
}

/// Two connected members, of which the second serves.
struct Pair {
    to: PublicKey,
    channels: Vec<(Tx, Rx)>,
}

fn quota(burst: u32) -> Outcome<Quota> {
    let number = |n| NonZeroU32::new(n).ok_or_else(|| Failure::new("a quota is at least one"));
    Ok(Quota::per_second(number(RATE)?).allow_burst(number(burst)?))
}

/// The ports that members listen at. Its network binds when it runs, so a port cannot be kept for it; one that the system
/// gave would meanwhile be given to a connection. These it gives to nobody by itself.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// An address that nobody listens at.
fn free_address() -> Outcome<SocketAddr> {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Processes begin at different ports: some of the last one's may still be closing.
    let first = std::process::id().wrapping_mul(257);
    for _ in PORTS {
        let number = first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed).into()) % PORTS.len() as u32;
        let address = SocketAddr::from(([127, 0, 0, 1], PORTS.start + number as u16));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(Failure::new("no port is free"))
}

impl Commonware {
    /// A member that listens, knows nobody yet, may know `members`, itself counted, and has `lanes` channels beside that of
    /// the questions; in a `crowd` with less room.
    fn member(&self, seed: u64, members: usize, lanes: usize, crowd: bool) -> Outcome<Member> {
        let signer = PrivateKey::from_seed(seed);
        let key = signer.public_key();
        let address = free_address()?;
        let (synchrony_bound, max_handshake_age) = (Duration::from_secs(5), Duration::from_secs(10));
        let sake = Sake { signer, synchrony_bound, max_handshake_age, version: sake::Version::V1 };
        let handshake = Cups::<_, ChaCha20Poly1305>::new(sake, cups::Version::V1);
        let size = |n| NonZeroUsize::new(n).ok_or_else(|| Failure::new("a size is at least one"));
        let (peers, mailbox) = (size(members)?, size(if crowd { CROWD_MAILBOX } else { MAILBOX })?);
        let mut config = Config::local(handshake, b"versus", address, peers, MAX_MESSAGE, mailbox);
        config.dial_frequency = DIAL_EVERY;
        config.tracked_peer_sets = size(1)?;
        config.allowed_handshake_rate_per_ip = quota(HANDSHAKES)?;
        config.allowed_handshake_rate_per_subnet = quota(HANDSHAKES)?;
        if self.batch > 0 {
            config.send_batch_size = size(self.batch)?;
        }
        let (mut network, oracle) = Network::new(self.context.child("member"), config);
        let quota = quota(if crowd || lanes > 1 { BURST } else { LONE_BURST })?;
        let channels = (0..=lanes).map(|lane| network.register(lane as u64, quota)).collect();
        network.start();
        Ok(Member { key, address, oracle, channels })
    }

    /// A member connected to one for each ledger, all of which serve; also its memory for each of them, in KiB.
    async fn star(&self, ledgers: &[Arc<Ledger>], lanes: usize) -> Outcome<(Member, Vec<PublicKey>, f64)> {
        let crowd = ledgers.len() > 1;
        let mut hub = self.member(0, ledgers.len() + 1, lanes, crowd)?;
        let (mut everybody, mut others) = (vec![(hub.key.clone(), hub.address)], Vec::new());
        for (ledger, seed) in ledgers.iter().zip(1..) {
            // It knows the hub and itself.
            let member = self.member(seed, 2, lanes, crowd)?;
            everybody.push((member.key.clone(), member.address));
            others.push((member.oracle, [everybody[0].clone(), (member.key, member.address)]));
            self.serve(member.channels, ledger);
        }
        let before = resident()?;
        for (mut oracle, known) in others {
            oracle.track(0, known_addresses(known)?);
        }
        hub.oracle.track(0, known_addresses(everybody.clone())?);
        let others: Vec<_> = everybody.into_iter().skip(1).map(|(key, _)| key).collect();
        self.greet(&mut hub.channels[ECHO], &others).await?;
        self.runtime.sleep(SETTLE).await;
        let memory = (resident()? - before) / others.len() as f64;
        Ok((hub, others, memory))
    }

    async fn pair(&self, ledger: &Arc<Ledger>, lanes: usize) -> Outcome<Pair> {
        let (hub, others, _) = self.star(std::slice::from_ref(ledger), lanes).await?;
        let to = others.into_iter().next().ok_or_else(|| Failure::new("nobody is there"))?;
        Ok(Pair { to, channels: hub.channels })
    }

    /// Echoes on the first channel, counts on the others; one who is stalled greets and then takes nothing.
    fn serve(&self, channels: Vec<(Tx, Rx)>, ledger: &Arc<Ledger>) {
        for (number, (mut tx, mut rx)) in channels.into_iter().enumerate() {
            let ledger = ledger.clone();
            self.runtime.spawn(async move {
                if number == ECHO {
                    while let Ok((from, message)) = rx.recv().await {
                        tx.send(Recipients::One(from), message, false);
                    }
                } else if ledger.stalled {
                    std::future::pending::<()>().await;
                } else {
                    while let Ok((_, message)) = rx.recv().await {
                        ledger.lane(number - 1).take_bytes(message.as_ref(), ledger.size);
                    }
                }
            });
        }
    }

    /// Greets everybody until everybody has greeted back.
    async fn greet(&self, (tx, rx): &mut (Tx, Rx), others: &[PublicKey]) -> Outcome<()> {
        let mut missing: BTreeSet<_> = others.iter().cloned().collect();
        while !missing.is_empty() {
            tx.send(Recipients::Some(missing.iter().cloned().collect()), IoBuf::from(GREETING.to_vec()), false);
            while let Some(heard) = self.runtime.within(GREET_EVERY, rx.recv()).await {
                missing.remove(&heard?.0);
                if missing.is_empty() {
                    break;
                }
            }
        }
        Ok(())
    }
}

fn known_addresses(members: impl IntoIterator<Item = (PublicKey, SocketAddr)>) -> Outcome<Map<PublicKey, Address>> {
    let members: Vec<_> = members.into_iter().map(|(key, address)| (key, Address::from(address))).collect();
    members.try_into().map_err(|_| Failure::new("two members have one key"))
}

/// Numbered messages of one size; what is large is shared between them.
struct Messages {
    size: usize,
    body: IoBuf,
}

impl Messages {
    fn new(size: usize) -> Self {
        Self { size, body: IoBuf::from(vec![7; size - NUMBER]) }
    }

    fn numbered(&self, number: [u8; NUMBER]) -> IoBufs {
        if self.size <= SMALL {
            let mut message = Vec::with_capacity(self.size);
            message.extend_from_slice(&number);
            message.extend_from_slice(self.body.as_ref());
            return message.into();
        }
        IoBufs::from(vec![IoBuf::from(number.to_vec()), self.body.clone()])
    }
}

/// The window of one of `lanes` lanes, in messages.
fn window(size: usize, lanes: usize) -> u64 {
    ((WINDOW_BYTES / size).clamp(LARGE_UNDER_WAY, WINDOW) / lanes) as u64
}

async fn blast(tx: &mut Tx, to: &PublicKey, tally: &Tally, (size, window): (usize, u64), pace: Pace) -> u64 {
    let (messages, mut sent) = (Messages::new(size), 0_u64);
    while pace.goes_on(sent) {
        let room = sent - tally.counted() < window;
        // It names whom it sends to: nobody, when it has no room.
        if room && !tx.send(Recipients::One(to.clone()), messages.numbered(sent.to_le_bytes()), false).is_empty() {
            sent += 1;
        } else {
            tokio::task::yield_now().await;
        }
    }
    sent
}

async fn ask((tx, rx): &mut (Tx, Rx), to: &PublicKey, number: u8) -> Outcome<Duration> {
    let question = [number; QUESTION];
    let start = Instant::now();
    tx.send(Recipients::One(to.clone()), IoBuf::from(question.to_vec()), false);
    loop {
        let (_, answer) = rx.recv().await?;
        match answer.as_ref() {
            answer if answer == question => return Ok(start.elapsed()),
            // A greeting that came late.
            answer if answer == GREETING => {}
            _ => return Err(Failure::new("the answer is not the question")),
        }
    }
}

impl Peer for Commonware {
    async fn one_way(&self, size: usize, batching: Batching, period: Duration) -> Outcome<Spent> {
        let batch = if batching == Batching::Best { BATCH } else { self.batch };
        let ledger = Arc::new(Ledger::new(1, size));
        let this = Self { context: self.context.child("pair"), runtime: self.runtime.clone(), batch };
        let mut pair = this.pair(&ledger, 1).await?;
        let watch = Stopwatch::start()?;
        let shape = (size, window(size, 1));
        let sent = blast(&mut pair.channels[1].0, &pair.to, ledger.lane(0), shape, Pace::new(period, size)).await;
        ledger.lane(0).wait_for(sent).await?;
        watch.stop(sent)
    }

    async fn round_trips(&self, period: Duration) -> Outcome<Vec<Duration>> {
        let mut pair = self.pair(&Arc::new(Ledger::new(0, 0)), 0).await?;
        let mut trips = Trips::new(period);
        while trips.add(ask(&mut pair.channels[ECHO], &pair.to, trips.filling()).await?) {}
        Ok(trips.times())
    }

    async fn beside_flood(&self, period: Duration) -> Outcome<(Vec<Duration>, Spent)> {
        let ledger = Arc::new(Ledger::new(1, FLOOD));
        let mut pair = self.pair(&ledger, 1).await?;
        let (watch, pace) = (Stopwatch::start()?, Pace::new(FLOOD_LEAD + period, FLOOD));
        let (mut tx, to, counted) = (pair.channels[1].0.clone(), pair.to.clone(), ledger.clone());
        let flood = self
            .runtime
            .spawn(async move { blast(&mut tx, &to, counted.lane(0), (FLOOD, window(FLOOD, 1)), pace).await });
        self.runtime.sleep(FLOOD_LEAD).await;
        let mut trips = Trips::new(period);
        while trips.add(ask(&mut pair.channels[ECHO], &pair.to, trips.filling()).await?) {
            self.runtime.sleep(PING_PAUSE).await;
        }
        let sent = flood.finished().await?;
        ledger.lane(0).wait_for(sent).await?;
        Ok((trips.times(), watch.stop(sent)?))
    }

    async fn connect(&self, _count: usize) -> Outcome<Vec<Duration>> {
        Err(Failure::NotApplicable("it dials at intervals of its own, and not when a program asks"))
    }

    async fn idle(&self, count: usize) -> Outcome<f64> {
        // What only the first connection costs is no part of a connection.
        let _first = self.pair(&Arc::new(Ledger::new(0, 0)), 0).await?;
        let ledgers: Vec<_> = (0..count).map(|_| Arc::new(Ledger::new(0, 0))).collect();
        Ok(self.star(&ledgers, 0).await?.2)
    }

    /// Its own way to send to all, with a window against the slowest who takes something.
    async fn broadcast(&self, audience: usize, stalled: bool, period: Duration) -> Outcome<(Spent, Duration)> {
        let audience = broadcast::audience(audience, stalled);
        let (mut hub, _, _) = self.star(&audience, 1).await?;
        let tx = &mut hub.channels[1].0;
        let messages = Messages::new(NEWS);
        let mut broadcast = Broadcast::start(period)?;
        while let Some(number) = broadcast.next() {
            let live = || audience.iter().filter(|ledger| !ledger.stalled);
            while live().any(|ledger| broadcast.sent() - ledger.lane(0).counted() >= NEWS_WINDOW)
                || tx.send(Recipients::All, messages.numbered(number), false).is_empty()
            {
                tokio::task::yield_now().await;
            }
        }
        broadcast.heard(&audience).await
    }

    async fn lanes(&self, lanes: usize, period: Duration) -> Outcome<Spent> {
        let ledger = Arc::new(Ledger::new(lanes, SMALL));
        let Pair { to, channels } = self.pair(&ledger, lanes).await?;
        let (watch, pace) = (Stopwatch::start()?, Pace::new(period, SMALL));
        let tasks = channels.into_iter().skip(1).enumerate().map(|(lane, (mut tx, _))| {
            let (to, ledger) = (to.clone(), ledger.clone());
            let send = async move { blast(&mut tx, &to, ledger.lane(lane), (SMALL, window(SMALL, lanes)), pace).await };
            self.runtime.spawn(send).finished()
        });
        let sent = try_join_all(tasks).await?;
        for (lane, sent) in sent.iter().enumerate() {
            ledger.lane(lane).wait_for(*sent).await?;
        }
        watch.stop(sent.iter().sum())
    }
}

/// Runs `work` with commonware on `threads` threads.
pub(crate) fn run<T, F>(threads: Threads, work: impl FnOnce(Commonware) -> F + Send + 'static) -> Outcome<T>
where
    T: Send + 'static,
    F: Future<Output = Outcome<T>> + Send + 'static,
{
    let runner = runner::Runner::new(runner::Config::default().with_worker_threads(threads.0));
    runner.start(|context| async move {
        let runtime = Runtime::Tokio(tokio::runtime::Handle::current());
        let running = runtime.spawn(work(Commonware { context, runtime: runtime.clone(), batch: 0 }));
        running.finished().await?
    })
}
