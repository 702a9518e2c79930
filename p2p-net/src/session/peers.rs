//! Who is connected, and who may become so: one channel a peer, and no more peers than the settings allow.
//!
//! Two nodes that dial each other make two connections, and both must keep the same one. So only one of the two decides:
//! the node with the lower id takes the first connection that comes and refuses the others before the handshake; the other
//! node follows, and lets a new connection replace what it had. It sends nothing of the handshake before it has decided,
//! so a handshake that is done means that it has.
//!
//! Who has a channel does not dial for a second one. So a peer that dials although there is a channel, and did not do so at
//! about the same time, has lost it (its power failed, its link broke): its new connection takes the old one's place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::channel::Channel;
use crate::disconnect::{Disconnect, DisconnectReason, Side};
use crate::event::{Events, PeerEvent};
use crate::identity::NodeId;

/// The peers of a node; clones share them.
#[derive(Clone)]
pub(crate) struct Peers(Arc<Inner>);

struct Inner {
    own: NodeId,
    max: usize,
    /// Connections of two nodes that dial each other are made within this time: that of a handshake.
    same_time: Duration,
    events: Events,
    places: Mutex<BTreeMap<NodeId, Place>>,
}

#[derive(Default)]
struct Place {
    /// Connections whose handshake runs.
    pending: usize,
    channel: Option<Channel>,
}

/// A place that is kept for a peer while its handshake runs; dropping it frees the place.
pub(crate) struct Reserved {
    peers: Peers,
    peer: NodeId,
}

/// A peer that is connected; dropping it says that it is no longer.
pub(crate) struct Connected {
    peers: Peers,
    channel: Channel,
}

impl Peers {
    pub(crate) fn new(own: NodeId, max: usize, same_time: Duration, events: Events) -> Self {
        Self(Arc::new(Inner { own, max, same_time, events, places: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Place>> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a place for `peer`, or says why it gets none.
    pub(crate) fn reserve(&self, peer: NodeId, dialled_by: Side) -> Result<Reserved, DisconnectReason> {
        if peer == self.0.own {
            return Err(DisconnectReason::SelfConnection);
        }
        let mut places = self.lock();
        if let Some(place) = places.get(&peer) {
            if !self.gives_way(place, peer, dialled_by) {
                return Err(DisconnectReason::AlreadyConnected);
            }
        } else if places.len() >= self.0.max {
            return Err(DisconnectReason::TooManyPeers);
        }
        places.entry(peer).or_default().pending += 1;
        Ok(Reserved { peers: self.clone(), peer })
    }

    /// Whether a further connection to `peer` may take this place.
    fn gives_way(&self, place: &Place, peer: NodeId, dialled_by: Side) -> bool {
        match (&place.channel, dialled_by) {
            (Some(_), Side::Local) => false,
            (Some(channel), Side::Remote) => self.0.own > peer || channel.age() > self.0.same_time,
            (None, _) => self.0.own > peer,
        }
    }

    /// The channel to `peer`.
    pub(crate) fn find(&self, peer: &NodeId) -> Option<Channel> {
        self.lock().get(peer)?.channel.clone()
    }

    /// All channels, by the peers' ids.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        self.lock().values().filter_map(|place| place.channel.clone()).collect()
    }

    /// How many are connected.
    pub(crate) fn len(&self) -> usize {
        self.lock().values().filter(|place| place.channel.is_some()).count()
    }
}

impl Reserved {
    /// Gives the place to `channel`, whose handshake is done. A channel that had it is ended.
    pub(crate) fn connect(self, channel: Channel) -> Connected {
        let peers = self.peers.clone();
        let mut places = peers.lock();
        let place = places.entry(self.peer).or_default();
        let dialled_by = channel.dialled_by();
        if let Some(old) = place.channel.replace(channel.clone()) {
            let reason = DisconnectReason::Replaced;
            old.close(reason, "");
            peers.0.events.publish(PeerEvent::Drop { peer: self.peer, reason: Disconnect::from(reason) });
        }
        peers.0.events.publish(PeerEvent::Add { peer: self.peer, dialled_by });
        drop(places);
        Connected { peers, channel }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut places = self.peers.lock();
        if let Some(place) = places.get_mut(&self.peer) {
            place.pending -= 1;
            if place.pending == 0 && place.channel.is_none() {
                places.remove(&self.peer);
            }
        }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let (mut places, peer) = (self.peers.lock(), self.channel.peer_id());
        let Some(place) = places.get_mut(&peer) else { return };
        // Another channel may have taken the place; then the drop was told already.
        if place.channel.as_ref().is_none_or(|channel| channel.number() != self.channel.number()) {
            return;
        }
        place.channel = None;
        if place.pending == 0 {
            places.remove(&peer);
        }
        let reason = self.channel.disconnect().cloned().unwrap_or_else(|| DisconnectReason::Stopped.into());
        self.peers.0.events.publish(PeerEvent::Drop { peer, reason });
    }
}
