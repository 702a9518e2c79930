//! The life of one channel: admission, handshake, protocols, end.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::FutureExt;
use futures::future::{Either, join_all, select, try_join_all};

use crate::channel::{Channel, Origin};
use crate::disconnect::{Disconnect, DisconnectReason, Side};
use crate::error::Error;
use crate::event::PeerEvent;
use crate::p2p::P2pPtr;
use crate::protocol::{Context, Phase, ProtocolBase, ProtocolJobsManager, Registered, SessionFlags};
use crate::transport::Connection;

/// Points a proven violation costs; two within the decay time are a ban, a single one may be a bug.
const VIOLATION_POINTS: u32 = 50;

/// Every channel that lives, from before its handshake, so that `stop` reaches all of them.
#[derive(Default)]
pub(crate) struct LiveChannels(Mutex<BTreeMap<u64, Channel>>);

impl LiveChannels {
    /// Ends those of the `sessions`.
    pub(crate) fn close(&self, sessions: SessionFlags, reason: DisconnectReason) {
        let channels: Vec<_> = self.lock().values().cloned().collect();
        for channel in channels.iter().filter(|channel| sessions.contains(channel.session())) {
            channel.close(reason, "");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Channel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the channel off the list, and ends its protocols when `serve` itself is cancelled.
struct Entry {
    node: P2pPtr,
    channel: Channel,
    running: Vec<Running>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.node.live().lock().remove(&self.channel.number());
        self.channel.close(DisconnectReason::Stopped, "");
        for running in &self.running {
            running.jobs.give_up();
        }
        self.channel.cancel();
    }
}

/// One protocol on the channel.
struct Running {
    protocol: Registered,
    instance: Arc<dyn ProtocolBase>,
    /// Until it starts; in a box, because the place stays for the life of the channel.
    context: Option<Box<Context>>,
    jobs: ProtocolJobsManager,
}

/// Runs a channel over `connection` to its end; `ready` is told when its handshake is done.
///
/// The handshake must be done by `deadline`.
pub(crate) fn serve(
    node: &P2pPtr,
    connection: Connection,
    origin: Origin,
    deadline: Instant,
    ready: impl FnOnce(&Channel),
) -> impl Future<Output = Disconnect> {
    // Before the future begins, which is there for the life of the channel: it would keep the place of what it is given.
    let channel = Channel::new(node.shared(), connection, origin);
    node.live().lock().insert(channel.number(), channel.clone());
    let mut entry = Entry { node: node.clone(), channel, running: Vec::new() };
    async move {
        let Entry { node, channel, running } = &mut entry;
        let (peer, session) = (channel.peer_id(), channel.session());
        let connected = match admit(node, channel) {
            Err(reason) => {
                channel.close(reason, "");
                None
            }
            Ok(reserved) => {
                // What is over soon is in a box: this future is there for the life of the channel.
                let shaken = shake_hands(node, channel, running, deadline).boxed().await;
                shaken.and_then(|()| {
                    // Open before anybody can find it: whoever finds a channel may send.
                    channel.open();
                    let connected = reserved.connect(channel.clone());
                    if connected.is_none() {
                        channel.close(DisconnectReason::AlreadyConnected, "there is a direct connection");
                    }
                    connected
                })
            }
        };
        if connected.is_some() {
            log::debug!(target: "net", "{session}: connected to {} at {}", peer.short(), channel.remote());
            node.hosts().connected(peer);
            ready(channel);
            start_main(channel, running, session).boxed().await;
        }
        let end = channel.closed().await;
        stop_protocols(node, channel, running, &end).boxed().await;
        if connected.is_some() {
            node.hosts().disconnected(&peer);
        } else {
            let dialled_by = channel.dialled_by();
            node.shared().events.publish(PeerEvent::Refused { peer, dialled_by, reason: end.clone() });
        }
        drop(connected);
        log::debug!(target: "net", "{session}: {} is gone: {end}", peer.short());
        if end.by == Side::Local && end.reason.is_violation() {
            let verdict = node.hosts().penalize(peer, channel.remote().ip(), VIOLATION_POINTS);
            log::warn!(target: "net", "{} broke the protocol: {end}; {verdict:?}", peer.short());
        }
        channel.tear_down().boxed().await;
        end
    }
}

/// Ends all protocols of a channel that has ended.
async fn stop_protocols(node: &P2pPtr, channel: &Channel, running: &mut Vec<Running>, end: &Disconnect) {
    let (clock, linger) = (node.clock(), node.settings().limits.close_linger);
    if end.by == Side::Remote || !end.reason.is_sent() {
        // What arrived before the end is handled: a peer may say something and leave.
        let _ = clock.timeout(linger, channel.message_subsystem().handled()).await;
    }
    for running in running.iter() {
        running.jobs.close_all_tasks().await;
    }
    join_all(running.iter().map(|running| running.jobs.stop(clock, linger))).await;
    running.clear();
}

fn admit(node: &P2pPtr, channel: &Channel) -> Result<super::peers::Reserved, DisconnectReason> {
    if node.is_stopping() {
        return Err(DisconnectReason::Stopped);
    }
    if node.hosts().banned_until(Some(channel.peer_id()), channel.remote().ip()).is_some() {
        return Err(DisconnectReason::Banned);
    }
    node.connected_peers().reserve(channel)
}

/// Makes all protocols, then runs those of the handshake phase to their end. `None`: the channel has ended instead.
async fn shake_hands(node: &P2pPtr, channel: &Channel, running: &mut Vec<Running>, deadline: Instant) -> Option<()> {
    let handshake = async {
        let protocols = node.protocol_registry().on(channel.session());
        running.reserve_exact(protocols.len());
        for protocol in protocols {
            let jobs = ProtocolJobsManager::new(protocol.name(), channel.clone());
            channel.serves(&jobs);
            let inbox = channel.inbox(protocol.name(), protocol.messages());
            let context = Context::new(node.clone(), channel.clone(), jobs.clone(), inbox);
            let made = guarded(protocol.name(), async { protocol.construct(&context).await }).await;
            let made = made.unwrap_or_else(|panicked| Err(Error::msg(panicked)));
            let instance = made.map_err(|error| (protocol.name(), error))?;
            running.push(Running { protocol, instance, context: Some(Box::new(context)), jobs });
        }
        // Every inbox exists: what the peer sends from here on finds its subscribers.
        channel.start();
        let phase = running.iter_mut().filter(|running| running.protocol.phase() == Phase::Handshake);
        try_join_all(phase.filter_map(Running::start)).await
    };
    let limit = deadline.saturating_duration_since(node.clock().now());
    let outcome = match select(pin!(node.clock().timeout(limit, handshake)), pin!(channel.closed())).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => return None,
    };
    match outcome {
        Ok(Ok(_)) => return Some(()),
        Ok(Err((name, error))) => channel.fail(name, &error),
        Err(timeout) => channel.close(DisconnectReason::HandshakeTimeout, timeout.to_string()),
    }
    None
}

/// Starts the protocols of the main phase that both ends run, side by side: one whose start never ends keeps nobody.
async fn start_main(channel: &Channel, running: &mut [Running], session: SessionFlags) {
    let mut starts = Vec::new();
    for one in running.iter_mut() {
        let protocol = &one.protocol;
        if channel.agreement().is_some_and(|agreed| !agreed.runs(protocol.name(), protocol.version())) {
            // Its inbox goes with its context: what nobody will read is not kept.
            one.context = None;
        } else if protocol.phase() == Phase::Main {
            starts.extend(one.start());
        }
    }
    let started = join_all(starts.into_iter().map(|start| async move {
        if let Err((name, error)) = start.await {
            channel.fail(name, &error);
        }
    }));
    let visit = async {
        started.await;
        if session == SessionFlags::SEED {
            // A visit: over when everybody has done what they came for.
            join_all(running.iter().map(|one| one.jobs.done())).await;
            channel.close(DisconnectReason::Requested, "the visit is over");
        }
    };
    select(pin!(visit), pin!(channel.closed())).await;
}

impl Running {
    /// Starts the protocol, once.
    fn start(&mut self) -> Option<impl Future<Output = Result<(), (&'static str, Error)>> + use<>> {
        let (context, name, phase) = (self.context.take()?, self.protocol.name(), self.protocol.phase());
        let (instance, jobs) = (self.instance.clone(), self.jobs.clone());
        Some(async move {
            let outcome = match guarded(name, async { instance.start(*context).await }).await {
                Ok(outcome) => outcome,
                // As for its jobs: a panic ends this protocol on this channel; without its handshake there is no channel.
                Err(_) if phase == Phase::Main => {
                    jobs.cancel();
                    Ok(())
                }
                Err(panicked) => Err(Error::msg(panicked)),
            };
            outcome.map_err(|error| (name, error))
        })
    }
}

/// Runs a protocol's own code in a task of the node: a panic in it is the protocol's, and ends no session.
async fn guarded<T>(name: &str, code: impl Future<Output = T>) -> Result<T, &'static str> {
    AssertUnwindSafe(code).catch_unwind().await.map_err(|_| {
        log::error!(target: "net", "protocol {name} panicked when it was to start");
        "it panicked"
    })
}
