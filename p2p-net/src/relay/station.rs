//! All relayed connections of a node over one carrier: datagrams find their connection, connections are opened and taken.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use event_listener::Event;
use futures::future::{Either, select};

use super::arq::{Arq, Broken};
use super::carrier::{Datagrams, LEAST_DATAGRAM};
use super::link::{Link, Step};
use super::places::{Places, Taken};
use super::segment::{Flags, Segment};
use crate::channel::Channel;
use crate::disconnect::Disconnect;
use crate::identity::NodeId;
use crate::p2p::{P2p, P2pPtr};
use crate::session;
use crate::transport::DialError;

/// How long a connection that nobody has any more goes on sending what was written.
const LINGER: Duration = Duration::from_secs(10);

/// No relayed channel was opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayedError {
    /// This node is not running.
    #[error("this node is not running: start it first")]
    NotRunning,
    /// The carrier's datagrams are too small.
    #[error("datagrams of {0} bytes are too small: relayed channels need {LEAST_DATAGRAM} at least")]
    SmallDatagrams(usize),
    /// The node that was dialled is this one.
    #[error("a node opens no channel to itself")]
    Itself,
    /// The handshake was not done in time.
    #[error("node {peer} was not reached over the relay within {limit:?}")]
    TimedOut {
        /// Who.
        peer: NodeId,
        /// The setting `limits.relayed_timeout`.
        limit: Duration,
    },
    /// The connection broke, or somebody else is at its other end.
    #[error("cannot reach node {peer} over the relay: {error}")]
    Dial {
        /// Who.
        peer: NodeId,
        /// Why.
        #[source]
        error: DialError,
    },
    /// It was reached, and one of the two refused the other.
    #[error("node {peer} was refused: {reason}")]
    Refused {
        /// Who.
        peer: NodeId,
        /// Who refused, and why.
        reason: Disconnect,
    },
}

/// A node's relayed channels over one carrier; clones share it. They go on when it is dropped, until the node stops.
#[derive(Clone)]
pub struct Relay {
    node: Weak<P2p>,
    station: Arc<Station>,
}

/// A connection, by the node at its other end and its number.
pub(super) type Key = (NodeId, u64);

pub(crate) struct Station {
    carrier: Arc<dyn Datagrams>,
    state: Mutex<State>,
    /// A connection is gone.
    gone: Event,
    /// A refusal is being sent.
    refuses: AtomicBool,
}

#[derive(Default)]
struct State {
    links: BTreeMap<Key, Arc<Link>>,
    /// Those that others opened and whose handshake runs.
    pending: Places,
    failed: bool,
}

impl P2p {
    /// Opens and takes channels over `carrier` from now on, until this node stops; once is enough for one carrier, since two
    /// refuse what the other opened. They are channels of the session
    /// [`RELAYED`](crate::SessionFlags::RELAYED), on which every protocol runs that does not say otherwise.
    ///
    /// They count as peers, and `limits.relayed_channels` bounds them. Between two nodes there is one channel: a direct one
    /// takes the place of a relayed one, and where there is a direct one no relayed one is opened.
    ///
    /// # Errors
    ///
    /// When this node is not running, or the carrier's datagrams are too small.
    pub fn relay_over(self: &Arc<Self>, carrier: Arc<dyn Datagrams>) -> Result<Relay, RelayedError> {
        if !self.is_running() {
            return Err(RelayedError::NotRunning);
        }
        if carrier.max_datagram() < LEAST_DATAGRAM {
            return Err(RelayedError::SmallDatagrams(carrier.max_datagram()));
        }
        let station =
            Arc::new(Station { carrier, state: Mutex::default(), gone: Event::new(), refuses: AtomicBool::new(false) });
        let (node, listening) = (self.clone(), station.clone());
        self.spawn("a relay", async move { listening.listen(&node).await });
        Ok(Relay { node: Arc::downgrade(self), station })
    }
}

impl Relay {
    /// Opens a channel to `peer`, or returns the one there is.
    ///
    /// # Errors
    ///
    /// Silent, refused and by whom, somebody else, or this node is not running; then nothing is tried again.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the attempt goes on.
    pub async fn dial(&self, peer: NodeId) -> Result<Channel, RelayedError> {
        let node = self.node.upgrade().filter(|node| node.is_running()).ok_or(RelayedError::NotRunning)?;
        if peer == node.id() {
            return Err(RelayedError::Itself);
        }
        if let Some(known) = node.connected_peers().find(&peer) {
            return Ok(known);
        }
        let limits = &node.settings().limits;
        let number = node.random_u64();
        let (datagram, now) = (self.station.carrier.max_datagram(), node.clock().now());
        let link = Link::new(number, Arq::open(number, datagram, limits.relayed_timeout, now));
        self.station.add(&node, (peer, number), &link);
        session::dial_relayed(&node, peer, link.stream()).await
    }

    /// How many relayed connections there are, handshakes and those that end included.
    pub fn connections(&self) -> usize {
        self.station.lock().links.len()
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({} connections)", self.connections())
    }
}

impl Station {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a connection, and sends what it has to send.
    fn add(self: &Arc<Self>, node: &P2pPtr, key: Key, link: &Arc<Link>) {
        let mut state = self.lock();
        if state.failed {
            link.give_up(Broken::Carrier);
        }
        state.links.insert(key, link.clone());
        drop(state);
        let (driven, task) = (link.clone(), node.clone());
        let entry = Entry { station: self.clone(), key };
        node.spawn_relayed(async move { entry.station.drive(&task, entry.key.0, &driven).await });
    }

    /// Takes datagrams until the carrier fails, or the node stops and all connections are over.
    async fn listen(self: &Arc<Self>, node: &P2pPtr) {
        let mut over = pin!(async {
            node.stop_signal().wait().await;
            loop {
                let gone = self.gone.listen();
                if self.lock().links.is_empty() {
                    return;
                }
                gone.await;
            }
        });
        loop {
            match select(self.carrier.receive(), over.as_mut()).await {
                Either::Left((Ok((from, datagram)), _)) => self.take(node, from, &datagram),
                Either::Left((Err(error), _)) => {
                    log::warn!(target: "net", "relay: {error}");
                    break;
                }
                Either::Right(_) => return,
            }
        }
        let links: Vec<_> = {
            let mut state = self.lock();
            state.failed = true;
            state.links.values().cloned().collect()
        };
        links.iter().for_each(|link| link.give_up(Broken::Carrier));
    }

    fn take(self: &Arc<Self>, node: &P2pPtr, from: NodeId, datagram: &[u8]) {
        let segment = match Segment::parse(datagram) {
            Ok(segment) => segment,
            Err(error) => return log::debug!(target: "net", "relay: from {}: {error}", from.short()),
        };
        let key = (from, segment.number);
        let known = self.lock().links.get(&key).cloned();
        if let Some(link) = known {
            link.on_segment(&segment, node.clock().now());
        } else if segment.flags.contains(Flags::OPEN)
            && let Some(pending) = self.may_open(node, key)
        {
            let limits = &node.settings().limits;
            let (datagram, now) = (self.carrier.max_datagram(), node.clock().now());
            let arq = Arq::accept(segment.number, datagram, limits.relayed_timeout, now);
            let link = Link::from_a_stranger(segment.number, arq);
            self.add(node, key, &link);
            link.on_segment(&segment, now);
            let (task, stream) = (node.clone(), link.stream());
            node.spawn("a relayed handshake", async move {
                session::accept_relayed(&task, from, stream, || link.prove(), || drop(pending)).await;
            });
        } else if !segment.flags.contains(Flags::RESET) {
            self.refuse(node, from, segment.number);
        }
    }

    /// Whether a stranger may open a connection now; then its handshake counts, and the oldest may end for it.
    fn may_open(self: &Arc<Self>, node: &P2pPtr, key: Key) -> Option<Pending> {
        let most = node.settings().limits.relayed_handshakes;
        let banned = node.hosts().banned_until(Some(key.0), None).is_some();
        if node.is_stopping() || banned {
            return None;
        }
        let (number, loses) = {
            let mut state = self.lock();
            let Taken { number, from } = state.pending.take(key, most)?;
            (number, from.and_then(|from| state.links.get(&from).cloned()))
        };
        if let Some(link) = loses {
            link.give_up(Broken::Abandoned);
        }
        Some(Pending { station: self.clone(), key, number })
    }

    /// Says that a connection is not known. The carrier may wait for room, so that it is not waited for here, and there is
    /// one at a time: who is not told will ask again.
    fn refuse(self: &Arc<Self>, node: &P2pPtr, to: NodeId, number: u64) {
        if self.refuses.swap(true, Ordering::Relaxed) {
            return;
        }
        let refusal = Refusal(self.clone());
        node.spawn_relayed(async move { refusal.0.carrier.send(&to, Segment::reset(number).to_wire()).await });
    }

    async fn drive(&self, node: &P2pPtr, peer: NodeId, link: &Link) {
        loop {
            let changed = link.listen();
            // A node that stops does not wait for the slow.
            let linger = if node.is_stopping() { node.settings().limits.close_linger } else { LINGER };
            match link.step(node.clock().now(), linger) {
                Step::Send(datagrams) => {
                    for datagram in datagrams {
                        self.carrier.send(&peer, datagram).await;
                    }
                }
                Step::Wait(None) => changed.await,
                Step::Wait(Some(at)) => drop(select(changed, node.clock().sleep_until(at)).await),
                Step::Over(last) => {
                    if let Some(datagram) = last {
                        self.carrier.send(&peer, datagram).await;
                    }
                    return;
                }
            }
        }
    }
}

/// Takes a connection off the list when it is over, however it ends.
struct Entry {
    station: Arc<Station>,
    key: Key,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let link = self.station.lock().links.remove(&self.key);
        // Without its driver, a stream that somebody still has would wait for ever.
        if let Some(link) = link {
            link.give_up(Broken::Abandoned);
        }
        self.station.gone.notify(usize::MAX);
    }
}

/// Counts a handshake until it is over.
struct Pending {
    station: Arc<Station>,
    key: Key,
    number: u64,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.station.lock().pending.give_back(&self.key, self.number);
    }
}

/// A refusal that is being sent, or was given up.
struct Refusal(Arc<Station>);

impl Drop for Refusal {
    fn drop(&mut self) {
        self.0.refuses.store(false, Ordering::Relaxed);
    }
}
