//! Sending: a message is sealed, and handed to the peers nearest to its destination.

use std::sync::Arc;

use p2p_net::NodeId;

use crate::address::{Address, Prefix};
use crate::content::Kind;
use crate::envelope::{Envelope, EnvelopeId, Header};
use crate::errors::{HandshakeError, SendError};
use crate::handshake::{Answer, OFFER_AGAIN, OFFERS, Sending, Step};
use crate::keyring::Known;
use crate::keys::{KeyId, SymmetricKey, random};
use crate::outbox::Source;
use crate::pss::Pss;
use crate::received::{Received, Sender};
use crate::seal;
use crate::topic::Topic;

impl Pss {
    /// Sends to the owner of a public key, who learns for certain that this node sent it; nobody else does. At most
    /// [`MAX_ASYMMETRIC`](seal::MAX_ASYMMETRIC) bytes. It is on its way, not there, when this returns.
    ///
    /// # Errors
    ///
    /// [`SendError`]: it was not sent.
    pub fn send_asym(&self, to: &NodeId, topic: Topic, payload: &[u8]) -> Result<EnvelopeId, SendError> {
        let destination = self.lock().keyring.peer(*to, topic).ok_or(SendError::UnknownPeer(*to, topic))?;
        self.sealed_to(to, topic, destination, Kind::Payload, payload)
    }

    /// Sends under a shared key, or in a session. At most [`MAX_SYMMETRIC`](seal::MAX_SYMMETRIC) bytes.
    ///
    /// # Errors
    ///
    /// [`SendError`]: it was not sent.
    pub fn send_sym(&self, key: KeyId, topic: Topic, payload: &[u8]) -> Result<EnvelopeId, SendError> {
        self.under(key, topic, Kind::Payload, payload)
    }

    /// Sends as it is, for applications that encrypt for themselves. At most [`MAX_SEALED`](crate::envelope::MAX_SEALED) bytes.
    /// Those on the way can read it, and change it.
    ///
    /// # Errors
    ///
    /// [`SendError`]: it was not sent.
    pub fn send_raw(&self, destination: Prefix, topic: Topic, payload: &[u8]) -> Result<EnvelopeId, SendError> {
        SendError::check_raw(payload)?;
        let header = self.header(false, destination, topic)?;
        self.dispatch(None, &header, payload.to_vec(), true)
    }

    /// Replies to a message, in the way it came: sealed to its sender, under the same shared key, in the same session.
    ///
    /// A sender for whom no destination was set is written to at its address, as much of it as
    /// [`reply_bytes`](crate::PssConfig::reply_bytes) says.
    ///
    /// # Errors
    ///
    /// [`SendError`]: it was not sent.
    pub fn reply(&self, message: &Received, payload: &[u8]) -> Result<EnvelopeId, SendError> {
        match message.sender {
            Sender::Asymmetric(node) => {
                let destination = self.destination(&node, message.topic);
                self.sealed_to(&node, message.topic, destination, Kind::Reply, payload)
            }
            Sender::Symmetric(key) | Sender::Session { key, .. } => {
                self.under(key, message.topic, Kind::Reply, payload)
            }
            Sender::Raw => Err(SendError::NoSender),
        }
    }

    /// Agrees on keys about a topic with whoever offers to, from now on.
    pub fn add_handshake(&self, topic: Topic) {
        self.lock().keyring.sessions.accept(topic);
    }

    /// Agrees with a node on keys about a topic, on new ones if there are some. Offers go to the destination that was set for it, or
    /// to as much of its address as [`reply_bytes`](crate::PssConfig::reply_bytes) says. The ephemeral keys are forgotten at once,
    /// so that what is sent in the session stays secret even if a node's key is stolen later. From then on keys are exchanged
    /// by themselves. The other must have called [`add_handshake`](Self::add_handshake).
    ///
    /// # Errors
    ///
    /// When the other does not answer, or nothing can be sent to it.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the handshake may still come to its end.
    pub async fn handshake(&self, with: &NodeId, topic: Topic) -> Result<KeyId, HandshakeError> {
        let before = self.lock().keyring.sessions.agreed(*with, topic, self.now());
        let agreed = || {
            let (now, state) = (self.now(), &mut *self.lock());
            let agreed = state.keyring.sessions.agreed(*with, topic, now);
            (agreed.is_some() && agreed != before).then(|| state.keyring.session_id(*with, topic))
        };
        for _ in 0..OFFERS {
            self.offer(with, topic)?;
            let until = async {
                loop {
                    let changed = self.0.changed.listen();
                    if let Some(key) = agreed() {
                        return key;
                    }
                    changed.await;
                }
            };
            if let Ok(key) = self.0.clock.timeout(OFFER_AGAIN, until).await {
                return Ok(key);
            }
        }
        Err(HandshakeError::NoAnswer(*with))
    }

    /// The session with a node about a topic, when keys were agreed on that have not expired.
    #[cfg(feature = "rpc")]
    pub(crate) fn session(&self, with: &NodeId, topic: Topic) -> Option<KeyId> {
        let (now, state) = (self.now(), &mut *self.lock());
        state.keyring.sessions.agreed(*with, topic, now).map(|_| state.keyring.session_id(*with, topic))
    }

    /// Sends an offer of new keys, or repeats the one that waits.
    pub(crate) fn offer(&self, to: &NodeId, topic: Topic) -> Result<(), HandshakeError> {
        let now = self.now();
        let offer = self.lock().keyring.sessions.offer(*to, topic, now)?;
        Ok(self.send_answer(to, topic, &Answer::Sealed(offer))?)
    }

    /// Sends a step of a handshake.
    pub(crate) fn send_answer(&self, to: &NodeId, topic: Topic, answer: &Answer) -> Result<(), SendError> {
        let (destination, kind) = (self.destination(to, topic), Kind::Handshake);
        let sent = match answer {
            Answer::Sealed(step) => self.sealed_to(to, topic, destination, kind, &step.to_bytes()),
            Answer::Under(key, step) => self.sealed_under(key, topic, destination, kind, &step.to_bytes(), false),
        };
        sent.map(drop)
    }

    /// What is shown of a node's address.
    fn destination(&self, node: &NodeId, topic: Topic) -> Prefix {
        let known = self.lock().keyring.peer(*node, topic);
        known.unwrap_or_else(|| Prefix::of(&Address::of(node), self.0.config.reply_bytes))
    }

    /// Sends under a shared key, or in a session.
    fn under(&self, id: KeyId, topic: Topic, kind: Kind, payload: &[u8]) -> Result<EnvelopeId, SendError> {
        let known = self.lock().keyring.find(id).cloned();
        match known.ok_or(SendError::UnknownKey(id))? {
            Known::Shared(key, about, destination) if about == topic => {
                self.sealed_under(&key, topic, destination, kind, payload, true)
            }
            Known::Session(peer, about) if about == topic => {
                let key = self.key_of(id, peer, topic)?;
                self.sealed_under(&key, topic, self.destination(&peer, topic), kind, payload, false)
            }
            _ => Err(SendError::UnknownKey(id)),
        }
    }

    /// The key for the next message of a session; offers and confirmations that are due are sent before it.
    fn key_of(&self, id: KeyId, peer: NodeId, topic: Topic) -> Result<SymmetricKey, SendError> {
        let sending = self.lock().keyring.sessions.sending(peer, topic, self.now());
        let due = sending.as_ref().is_none_or(|sending| sending.due);
        if due && let Err(error) = self.offer(&peer, topic) {
            log::debug!(target: "net", "pss: no new keys with {}: {error}", peer.short());
        }
        let Sending { key, confirm, .. } = sending.ok_or(SendError::Expired(id))?;
        if confirm && let Err(error) = self.send_answer(&peer, topic, &Answer::Under(key.clone(), Step::Confirm)) {
            log::debug!(target: "net", "pss: new keys are not confirmed to {}: {error}", peer.short());
        }
        Ok(key)
    }

    fn sealed_to(
        &self,
        to: &NodeId,
        topic: Topic,
        destination: Prefix,
        kind: Kind,
        payload: &[u8],
    ) -> Result<EnvelopeId, SendError> {
        let header = self.header(true, destination, topic)?;
        let sealed = seal::to_public_key(&self.0.own, to, &header, kind, payload)?;
        self.dispatch(None, &header, sealed, *to == self.0.own.id())
    }

    /// Sends a datagram of a relayed channel: it waits in a queue of its own, so that a stream delays its own datagrams and no
    /// message.
    pub(crate) fn send_datagram(&self, to: &NodeId, topic: Topic, datagram: &[u8]) -> Result<EnvelopeId, SendError> {
        let header = self.header(true, Prefix::full(&Address::of(to)), topic)?;
        let sealed = seal::to_public_key(&self.0.own, to, &header, Kind::Payload, datagram)?;
        self.dispatch(Some(self.0.own.id()), &header, sealed, false)
    }

    fn sealed_under(
        &self,
        key: &SymmetricKey,
        topic: Topic,
        destination: Prefix,
        kind: Kind,
        payload: &[u8],
        opens: bool,
    ) -> Result<EnvelopeId, SendError> {
        let header = self.header(true, destination, topic)?;
        self.dispatch(None, &header, seal::under_key(key, &header, kind, payload)?, opens)
    }

    fn header(&self, sealed: bool, destination: Prefix, topic: Topic) -> Result<Header, SendError> {
        let expiry = self.now() + self.0.config.lifetime.as_secs();
        Ok(Header { sealed, destination, topic, expiry, nonce: random()? })
    }

    /// Sends it to the peers that are nearer. What this node could open itself, if it `opens` it, is noted as opened: played
    /// back when the router has forgotten it, it would look as if another had sent it.
    fn dispatch(
        &self,
        source: Source,
        header: &Header,
        payload: Vec<u8>,
        opens: bool,
    ) -> Result<EnvelopeId, SendError> {
        let (id, own, now) = (header.id(&payload), self.0.own.id(), self.now());
        let envelope = Arc::new(Envelope::new(header, self.first_hops(), payload));
        let state = &mut *self.lock();
        let replays = if header.sealed { &mut state.opened } else { &mut state.raw };
        replays.forget(now);
        if opens && !replays.has_room(&own) {
            return Err(SendError::NotRemembered);
        }
        let route = state.router.send(id, header, now);
        if route.next.is_empty() {
            return Err(SendError::NoWay);
        }
        if state.links.put(&route, source, &envelope) == 0 {
            state.counters.no_room += 1;
            return Err(SendError::Busy);
        }
        if opens {
            // There is room, and the nonce makes it new.
            let _ = replays.accept(id, header.expiry, own, now);
        }
        state.counters.sent += 1;
        Ok(id)
    }

    fn first_hops(&self) -> u8 {
        let hops = &self.0.config.first_hops;
        let choices = f64::from(hops.end() - hops.start()) + 1.0;
        let chance = self.0.node.upgrade().map_or(0.0, |node| node.random_unit());
        // Below `choices`, which fits.
        hops.start() + (chance * choices) as u8
    }
}
