//! What this node seals with, and what it opens with: to whom it writes where, shared keys, sessions.

use std::collections::{BTreeMap, BTreeSet};

use p2p_net::NodeId;

use crate::address::Prefix;
use crate::handshake::{Agreed, MAX_SESSIONS, Sessions};
use crate::keys::{KeyId, SymmetricKey};
use crate::topic::Topic;

/// Nodes whose destination is known, at most, counted by topic: some 120 bytes each.
pub const MAX_PEERS: usize = 16_384;

/// Shared keys about one topic, at most: each is tried on every message about it that comes by, at some 2 µs.
pub const MAX_KEYS_PER_TOPIC: usize = 64;

/// Shared keys about all topics, at most: some 200 bytes each.
pub const MAX_KEYS: usize = 16_384;

/// There is no room for another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooManyKeys {
    /// Of other nodes.
    #[error("the destinations of {MAX_PEERS} nodes are known already: remove some")]
    Peers,
    /// Shared ones, about all topics.
    #[error("there are {MAX_KEYS} shared keys already: remove some")]
    Keys,
    /// Shared ones, about one topic.
    #[error("there are {MAX_KEYS_PER_TOPIC} shared keys about topic {0} already: each is tried on every message")]
    Shared(Topic),
}

/// What a [`KeyId`] stands for.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    /// A shared key.
    Shared(SymmetricKey, Topic, Prefix),
    /// A session.
    Session(NodeId, Topic),
}

/// What may open a message.
#[derive(Debug, Clone)]
pub(crate) enum Opener {
    /// A shared key.
    Shared(KeyId),
    /// A session.
    Session(NodeId, Agreed),
}

#[derive(Debug)]
pub(crate) struct Keyring {
    peers: BTreeMap<(NodeId, Topic), Prefix>,
    known: BTreeMap<KeyId, Known>,
    /// The shared ones.
    by_topic: BTreeSet<(Topic, KeyId)>,
    by_session: BTreeMap<(NodeId, Topic), KeyId>,
    next: u64,
    pub(crate) sessions: Sessions,
}

impl Keyring {
    pub(crate) fn new(sessions: Sessions) -> Self {
        let (peers, known, by_session) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { peers, known, by_topic: BTreeSet::new(), by_session, next: 1, sessions }
    }

    pub(crate) fn set_peer(&mut self, key: NodeId, topic: Topic, prefix: Prefix) -> Result<(), TooManyKeys> {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&(key, topic)) {
            return Err(TooManyKeys::Peers);
        }
        self.peers.insert((key, topic), prefix);
        Ok(())
    }

    pub(crate) fn remove_peer(&mut self, key: NodeId, topic: Topic) -> bool {
        self.peers.remove(&(key, topic)).is_some()
    }

    pub(crate) fn peer(&self, key: NodeId, topic: Topic) -> Option<Prefix> {
        self.peers.get(&(key, topic)).copied()
    }

    pub(crate) fn share(&mut self, key: SymmetricKey, topic: Topic, prefix: Prefix) -> Result<KeyId, TooManyKeys> {
        let same = self.shared(topic).find(|(_, other)| **other == key);
        let id = match same.map(|(id, _)| id) {
            Some(id) => id,
            None if self.shared(topic).count() >= MAX_KEYS_PER_TOPIC => return Err(TooManyKeys::Shared(topic)),
            None if self.by_topic.len() >= MAX_KEYS => return Err(TooManyKeys::Keys),
            None => self.fresh(),
        };
        self.known.insert(id, Known::Shared(key, topic, prefix));
        self.by_topic.insert((topic, id));
        Ok(id)
    }

    /// The name of a session. Those of sessions that are gone make room.
    pub(crate) fn session_id(&mut self, with: NodeId, topic: Topic) -> KeyId {
        if let Some(id) = self.by_session.get(&(with, topic)) {
            return *id;
        }
        if self.by_session.len() >= MAX_SESSIONS {
            let sessions = &self.sessions;
            let gone = self.by_session.extract_if(.., |(peer, topic), _| !sessions.contains(*peer, *topic));
            for (_, id) in gone {
                self.known.remove(&id);
            }
        }
        let id = self.fresh();
        self.by_session.insert((with, topic), id);
        self.known.insert(id, Known::Session(with, topic));
        id
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<&Known> {
        self.known.get(&id)
    }

    pub(crate) fn remove(&mut self, id: KeyId) -> bool {
        match self.known.remove(&id) {
            Some(Known::Session(peer, topic)) => self.by_session.remove(&(peer, topic)).is_some(),
            Some(Known::Shared(_, topic, _)) => self.by_topic.remove(&(topic, id)),
            None => false,
        }
    }

    /// What may open a message about a topic, keys of sessions first.
    pub(crate) fn openers(&self, topic: Topic, now: u64) -> Vec<(Opener, SymmetricKey)> {
        let sessions = self.sessions.receiving(topic, now).into_iter();
        let sessions = sessions.map(|(peer, agreed, key)| (Opener::Session(peer, agreed), key));
        sessions.chain(self.shared(topic).map(|(id, key)| (Opener::Shared(id), key.clone()))).collect()
    }

    /// The shared keys about a topic.
    fn shared(&self, topic: Topic) -> impl Iterator<Item = (KeyId, &SymmetricKey)> {
        let ids = self.by_topic.range((topic, KeyId(0))..=(topic, KeyId(u64::MAX)));
        ids.filter_map(|(_, id)| match self.known.get(id) {
            Some(Known::Shared(key, ..)) => Some((*id, key)),
            _ => None,
        })
    }

    fn fresh(&mut self) -> KeyId {
        let id = KeyId(self.next);
        self.next += 1;
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handshake::Rotation;

    #[test]
    fn keys_are_bounded_and_the_same_key_keeps_its_name() {
        let own = NodeId::from_bytes([1; 32]);
        let mut ring = Keyring::new(Sessions::new(own, Rotation::default()));
        let (topic, key) = (Topic([1; 4]), |number| SymmetricKey::from_bytes([number; 32]));
        let first = ring.share(key(0), topic, Prefix::EMPTY).unwrap();
        for number in 1..MAX_KEYS_PER_TOPIC as u8 {
            assert_ne!(ring.share(key(number), topic, Prefix::EMPTY), Ok(first));
        }
        assert_eq!(ring.share(key(0), topic, Prefix::EMPTY), Ok(first));
        assert_eq!(ring.share(key(200), topic, Prefix::EMPTY), Err(TooManyKeys::Shared(topic)));
        assert_eq!(ring.openers(topic, 0).len(), MAX_KEYS_PER_TOPIC);
        assert!(ring.openers(Topic([2; 4]), 0).is_empty());
        assert!(ring.remove(first) && !ring.remove(first));
        assert!(ring.share(key(200), topic, Prefix::EMPTY).is_ok());
    }

    #[test]
    fn names_of_sessions_that_are_gone_make_room() {
        let own = NodeId::from_bytes([1; 32]);
        let peer = |number: usize| NodeId::from_bytes(std::array::from_fn(|at| (number >> (8 * at.min(7))) as u8));
        let (mut ring, topic) = (Keyring::new(Sessions::new(own, Rotation::default())), Topic([1; 4]));
        ring.sessions.offer(peer(0), topic, 0).unwrap();
        let kept = ring.session_id(peer(0), topic);
        for number in 1..3 * MAX_SESSIONS {
            let id = ring.session_id(peer(number), topic);
            assert!(matches!(ring.find(id), Some(Known::Session(with, _)) if *with == peer(number)));
            assert!(ring.by_session.len() <= MAX_SESSIONS && ring.known.len() == ring.by_session.len());
        }
        assert_eq!(ring.session_id(peer(0), topic), kept, "there is still a session");
    }
}
