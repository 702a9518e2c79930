//! What waits for each peer, and how it leaves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_listener::Event;
use p2p_net::NodeId;

use crate::envelope::Envelope;
use crate::forward::Route;
use crate::outbox::{Outbox, Source};

/// A peer that messages can be passed to.
#[derive(Debug)]
struct Link {
    /// Which of the connections to the peer, one after the other, this is.
    number: u64,
    since: Instant,
    outbox: Outbox,
    ready: Arc<Event>,
}

/// The peers that messages can be passed to.
#[derive(Debug, Default)]
pub(crate) struct Links {
    links: BTreeMap<NodeId, Link>,
    next: u64,
}

/// What there is to send.
pub(crate) enum Taken {
    Next(Arc<Envelope>),
    Nothing,
    /// The connection is another by now.
    Over,
}

impl Links {
    /// Adds a connection to a peer; its number, and what tells when something waits. What waited for the peer is handed over.
    pub(crate) fn add(&mut self, peer: NodeId, now: Instant) -> (u64, Arc<Event>) {
        self.next += 1;
        let (number, ready) = (self.next, Arc::new(Event::new()));
        let old = self.links.remove(&peer);
        if let Some(old) = &old {
            old.ready.notify(usize::MAX);
        }
        let outbox = old.map(|old| old.outbox).unwrap_or_default();
        self.links.insert(peer, Link { number, since: now, outbox, ready: ready.clone() });
        (number, ready)
    }

    /// Removes a connection, and returns what waited for the peer, unless there is another connection by now.
    pub(crate) fn remove(&mut self, peer: &NodeId, number: u64) -> Option<Outbox> {
        let link = self.links.get(peer).filter(|link| link.number == number)?;
        link.ready.notify(usize::MAX);
        self.links.remove(peer).map(|link| link.outbox)
    }

    /// The next message for a connection, at the time `now` in seconds since 1970.
    pub(crate) fn take(&mut self, peer: &NodeId, number: u64, now: u64) -> Taken {
        match self.links.get_mut(peer).filter(|link| link.number == number) {
            Some(link) => link.outbox.pop(now).map_or(Taken::Nothing, Taken::Next),
            None => Taken::Over,
        }
    }

    /// Puts a message into as many outboxes as its route says, the best first, those that are full left out; how many took it.
    pub(crate) fn put(&mut self, route: &Route, source: Source, envelope: &Arc<Envelope>) -> usize {
        let mut taken = 0;
        for peer in &route.next {
            if taken == route.copies {
                break;
            }
            let Some(link) = self.links.get_mut(peer) else { continue };
            if link.outbox.push(source, envelope.clone()).is_ok() {
                link.ready.notify(usize::MAX);
                taken += 1;
            }
        }
        taken
    }

    /// Peers whose connections have lasted so long.
    pub(crate) fn lasted(&self, time: Duration, now: Instant) -> impl Iterator<Item = &NodeId> {
        let lasted = self.links.iter().filter(move |(_, link)| link.since + time <= now);
        lasted.map(|(peer, _)| peer)
    }

    /// How many messages wait.
    pub(crate) fn waiting(&self) -> usize {
        self.links.values().map(|link| link.outbox.len()).sum()
    }
}
