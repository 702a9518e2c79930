//! What a node of a test saw, in order and with its time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smol::Executor;

use crate::disconnect::Disconnect;
use crate::event::{PeerEvent, Seen};
use crate::identity::NodeId;
use crate::message::Message;
use crate::p2p::P2pPtr;

/// What a node of a [`Network::traced`](super::Network::traced) test saw since it started: peers that came and went, and every
/// message that was handed to a channel or came from one; clones share it.
///
/// ```
/// use p2p_net::prelude::*;
/// use p2p_net::testing;
///
/// #[derive(Message, Serialize, Deserialize)]
/// #[message(max_bytes = 16)]
/// struct Tick(u8);
///
/// #[protocol]
/// async fn listen(_tick: Tick) {}
///
/// testing::pair().with::<listen>().traced().run(async |[alice, bob]| {
///     alice.to(&bob).send(&Tick(7)).await?;
///     bob.until(|bob| bob.trace().received::<Tick>() == 1).await;
///     assert_eq!(alice.trace().sent::<Tick>(), 1);
///     Ok::<_, Error>(())
/// })?;
/// # Ok::<_, Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trace(Arc<Mutex<Vec<Traced>>>);

/// One thing a node saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// When, since the simulation began.
    pub at: Duration,
    /// What.
    pub seen: Seen,
}

impl Trace {
    /// Records what happens to `node` from now on.
    pub(super) fn of(node: &P2pPtr, executor: &Executor<'static>) -> Self {
        let trace = Self(Arc::default());
        let (to, clock, mut events) = (trace.clone(), node.clock().clone(), node.subscribe_message_events());
        let record = async move {
            while let Some(seen) = events.next().await {
                let at = clock.elapsed();
                to.0.lock().unwrap_or_else(PoisonError::into_inner).push(Traced { at, seen });
            }
        };
        executor.spawn(record).detach();
        trace
    }

    /// All of it, in order.
    pub fn entries(&self) -> Vec<Traced> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many messages of this type were handed to channels.
    pub fn sent<M: Message>(&self) -> usize {
        self.count(|event| matches!(event, PeerEvent::MsgSend { message, .. } if *message == M::NAME))
    }

    /// How many messages of this type came.
    pub fn received<M: Message>(&self) -> usize {
        self.count(|event| matches!(event, PeerEvent::MsgRecv { message, .. } if *message == M::NAME))
    }

    /// How many events are as `which` says.
    pub fn count(&self, mut which: impl FnMut(&PeerEvent) -> bool) -> usize {
        self.entries().iter().filter(|entry| matches!(&entry.seen, Seen::Event(event) if which(event))).count()
    }

    /// As text, a line an entry, with peers called as `name` says.
    pub(super) fn text(&self, name: impl Fn(&NodeId) -> String) -> String {
        self.entries().iter().map(|entry| format!("{}\n", entry.line(&name))).collect()
    }
}

/// Why each peer was last dropped; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Drops(Arc<Mutex<BTreeMap<NodeId, Disconnect>>>);

impl Drops {
    /// Notes them from now on.
    pub(super) fn of(node: &P2pPtr, executor: &Executor<'static>) -> Self {
        let (drops, mut events) = (Self::default(), node.subscribe_events());
        let to = drops.clone();
        let note = async move {
            while let Some(seen) = events.next().await {
                if let Seen::Event(PeerEvent::Drop { peer, reason }) = seen {
                    to.0.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, reason);
                }
            }
        };
        executor.spawn(note).detach();
        drops
    }

    pub(super) fn last(&self, peer: &NodeId) -> Option<Disconnect> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(peer).cloned()
    }
}

impl Traced {
    fn line(&self, name: impl Fn(&NodeId) -> String) -> String {
        let what = match &self.seen {
            Seen::Lost(lost) => format!("{lost} events lost"),
            Seen::Event(PeerEvent::Add { peer, dialled_by }) => format!("add {}, dialled {dialled_by}", name(peer)),
            Seen::Event(PeerEvent::Drop { peer, reason }) => format!("drop {}: {reason}", name(peer)),
            Seen::Event(PeerEvent::Refused { peer, reason, .. }) => format!("refused {}: {reason}", name(peer)),
            Seen::Event(PeerEvent::MsgSend { peer, message, bytes, .. }) => {
                format!("send `{message}`, {bytes} bytes, to {}", name(peer))
            }
            Seen::Event(PeerEvent::MsgRecv { peer, message, bytes, .. }) => {
                format!("receive `{message}`, {bytes} bytes, from {}", name(peer))
            }
        };
        format!("{:>12.6} s  {what}", self.at.as_secs_f64())
    }
}

impl fmt::Display for Trace {
    /// A line an entry, peers by the beginning of their ids.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(NodeId::short))
    }
}
