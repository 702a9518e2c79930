//! Who is connected, and who may become so: one channel a peer, and no more peers than the settings allow.
//!
//! Two nodes that dial each other make two connections, and both must keep the same one. So only one of the two decides:
//! the node with the lower id takes the first connection that comes and refuses the others before the handshake; the other
//! node follows, and lets a new connection replace what it had. It sends nothing of the handshake before it has decided,
//! so a handshake that is done means that it has.
//!
//! Who has a channel does not dial for a second one. So a peer that dials although there is a channel, and did not do so at
//! about the same time, has lost it (its power failed, its link broke): its new connection takes the old one's place.
//!
//! A direct connection always takes the place of a relayed one, and a relayed one never that of a direct one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::channel::Channel;
use crate::disconnect::{Disconnect, DisconnectReason, Side};
use crate::event::{Events, PeerEvent};
use crate::identity::NodeId;
use crate::protocol::SessionFlags;
use crate::settings::Settings;

/// The peers of a node; clones share them.
#[derive(Clone)]
pub(crate) struct Peers(Arc<Inner>);

struct Inner {
    own: NodeId,
    max: usize,
    /// Of these, how many may be peers that dialled us.
    max_inbound: usize,
    max_relayed: usize,
    /// Connections of two nodes that dial each other are made within this time: that of a handshake.
    same_time: Duration,
    events: Events,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    places: BTreeMap<NodeId, Place>,
    /// Those who are admitted however many there are.
    trusted: BTreeSet<NodeId>,
    /// Those the manual session keeps.
    statics: BTreeSet<NodeId>,
}

#[derive(Default)]
struct Place {
    /// Connections whose handshake runs: direct ones and relayed ones.
    pending: usize,
    pending_relayed: usize,
    channel: Option<Channel>,
    /// Who dialled last; the peer counts as one that came to us, or one we went to.
    inbound: bool,
}

/// Which connection asks for a place.
#[derive(Debug, Clone, Copy)]
struct Asks {
    peer: NodeId,
    dialled_by: Side,
    relayed: bool,
}

/// A place that is kept for a peer while its handshake runs; dropping it frees the place.
pub(crate) struct Reserved {
    peers: Peers,
    asks: Asks,
}

/// A peer that is connected; dropping it says that it is no longer.
pub(crate) struct Connected {
    peers: Peers,
    channel: Channel,
}

impl Peers {
    pub(crate) fn new(own: NodeId, settings: &Settings, events: Events) -> Self {
        Self(Arc::new(Inner {
            own,
            max: settings.max_peers,
            max_inbound: settings.max_inbound(),
            max_relayed: settings.limits.relayed_channels,
            same_time: settings.limits.handshake_timeout,
            events,
            state: Mutex::new(State { trusted: settings.trusted.iter().copied().collect(), ..State::default() }),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a place for the peer of `channel`, or says why it gets none.
    pub(crate) fn reserve(&self, channel: &Channel) -> Result<Reserved, DisconnectReason> {
        let relayed = channel.session() == SessionFlags::RELAYED;
        let asks = Asks { peer: channel.peer_id(), dialled_by: channel.dialled_by(), relayed };
        if asks.peer == self.0.own {
            return Err(DisconnectReason::SelfConnection);
        }
        let mut state = self.lock();
        match state.places.get(&asks.peer) {
            Some(place) if !self.gives_way(place, asks) => return Err(DisconnectReason::AlreadyConnected),
            Some(_) => {}
            None if !self.has_room(&state, asks) => return Err(DisconnectReason::TooManyPeers),
            None => {}
        }
        let place = state.places.entry(asks.peer).or_default();
        if place.channel.is_none() {
            place.inbound = asks.dialled_by == Side::Remote;
        }
        *place.pending(relayed) += 1;
        Ok(Reserved { peers: self.clone(), asks })
    }

    /// Whether one more peer may come.
    fn has_room(&self, state: &State, asks: Asks) -> bool {
        let inbound = || state.places.values().filter(|place| place.inbound).count();
        let relayed = || state.places.values().filter(|place| place.is_relayed()).count();
        if asks.relayed && relayed() >= self.0.max_relayed {
            return false;
        }
        state.trusted.contains(&asks.peer)
            || (state.places.len() < self.0.max && (asks.dialled_by == Side::Local || inbound() < self.0.max_inbound))
    }

    /// Whether a further connection to a peer may take this place.
    fn gives_way(&self, place: &Place, asks: Asks) -> bool {
        let decides = self.0.own <= asks.peer;
        let is_direct = place.channel.as_ref().is_some_and(|channel| channel.session() != SessionFlags::RELAYED);
        if asks.relayed && (is_direct || place.pending > 0) {
            return false;
        }
        if !asks.relayed && !is_direct {
            return place.pending == 0 || !decides;
        }
        match (&place.channel, asks.dialled_by) {
            (Some(_), Side::Local) => false,
            (Some(channel), Side::Remote) => !decides || channel.age() > self.0.same_time,
            (None, _) => !decides,
        }
    }

    /// Admits a peer from now on however many there are, or no longer; whether that is a change.
    pub(crate) fn trust(&self, peer: NodeId, trusted: bool) -> bool {
        let mut state = self.lock();
        let changed = if trusted { state.trusted.insert(peer) } else { state.trusted.remove(&peer) };
        state.tell(&peer);
        changed
    }

    /// Notes whether the manual session keeps a peer.
    pub(crate) fn keep(&self, peer: NodeId, kept: bool) {
        let mut state = self.lock();
        if kept {
            state.statics.insert(peer);
        } else {
            state.statics.remove(&peer);
        }
        state.tell(&peer);
    }

    /// Those who are trusted, by id.
    pub(crate) fn trusted(&self) -> Vec<NodeId> {
        self.lock().trusted.iter().copied().collect()
    }

    /// The channel to `peer`.
    pub(crate) fn find(&self, peer: &NodeId) -> Option<Channel> {
        self.lock().places.get(peer)?.channel.clone()
    }

    /// The channel to `peer`, unless it goes over a relay.
    pub(crate) fn find_direct(&self, peer: &NodeId) -> Option<Channel> {
        self.find(peer).filter(|channel| channel.session() != SessionFlags::RELAYED)
    }

    /// All channels, by the peers' ids.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        self.lock().places.values().filter_map(|place| place.channel.clone()).collect()
    }

    /// How many are connected.
    pub(crate) fn len(&self) -> usize {
        self.lock().places.values().filter(|place| place.channel.is_some()).count()
    }
}

impl State {
    /// Lets a peer's channel know how it stands with this node.
    fn tell(&self, peer: &NodeId) {
        if let Some(channel) = self.places.get(peer).and_then(|place| place.channel.as_ref()) {
            channel.stand(self.trusted.contains(peer), self.statics.contains(peer));
        }
    }

    /// Forgets a place that nobody has or waits for.
    fn tidy(&mut self, peer: &NodeId) {
        if self.places.get(peer).is_some_and(Place::is_free) {
            self.places.remove(peer);
        }
    }
}

impl Place {
    fn pending(&mut self, relayed: bool) -> &mut usize {
        if relayed { &mut self.pending_relayed } else { &mut self.pending }
    }

    fn is_free(&self) -> bool {
        self.channel.is_none() && self.pending + self.pending_relayed == 0
    }

    /// Whether nothing but a relay leads to the peer.
    fn is_relayed(&self) -> bool {
        match &self.channel {
            Some(channel) => channel.session() == SessionFlags::RELAYED,
            None => self.pending == 0,
        }
    }
}

impl Reserved {
    /// Gives the place to `channel`, whose handshake is done. A channel that had it is ended; a relayed one that finds a
    /// direct one there gets `None`.
    pub(crate) fn connect(self, channel: Channel) -> Option<Connected> {
        let (peers, peer) = (self.peers.clone(), self.asks.peer);
        let mut state = peers.lock();
        let place = state.places.entry(peer).or_default();
        let direct = place.channel.as_ref().filter(|channel| channel.session() != SessionFlags::RELAYED);
        if self.asks.relayed && direct.is_some() {
            drop(state);
            return None;
        }
        let dialled_by = channel.dialled_by();
        place.inbound = dialled_by == Side::Remote;
        if let Some(old) = place.channel.replace(channel.clone()) {
            let reason = DisconnectReason::Replaced;
            old.close(reason, "");
            peers.0.events.publish(PeerEvent::Drop { peer, reason: Disconnect::from(reason) });
        }
        state.tell(&peer);
        peers.0.events.publish(PeerEvent::Add { peer, dialled_by });
        drop(state);
        Some(Connected { peers, channel })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut state = self.peers.lock();
        if let Some(place) = state.places.get_mut(&self.asks.peer) {
            *place.pending(self.asks.relayed) -= 1;
        }
        state.tidy(&self.asks.peer);
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let (mut state, peer) = (self.peers.lock(), self.channel.peer_id());
        let Some(place) = state.places.get_mut(&peer) else { return };
        // Another channel may have taken the place; then the drop was told already.
        if place.channel.as_ref().is_none_or(|channel| channel.number() != self.channel.number()) {
            return;
        }
        place.channel = None;
        state.tidy(&peer);
        let reason = self.channel.disconnect().cloned().unwrap_or_else(|| DisconnectReason::Stopped.into());
        self.peers.0.events.publish(PeerEvent::Drop { peer, reason });
    }
}
