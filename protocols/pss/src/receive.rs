//! Receiving: a message goes on to where it is nearer, and is opened if it is for this node.

use std::sync::Arc;

use p2p_net::NodeId;

use crate::content::Kind;
use crate::envelope::{Envelope, EnvelopeId, Header, Malformed, Untimely};
use crate::forward::Refused;
use crate::handshake::{Agreed, Step};
use crate::keyring::Opener;
use crate::keys::SymmetricKey;
use crate::mailbox::Slot;
use crate::outbox::Source;
use crate::pss::{Pss, State};
use crate::received::{Received, Sender};
use crate::seal::{OpenError, Opened, open_with_key, open_with_own};

/// A message that was opened.
struct Found {
    sender: Sender,
    opened: Opened,
    /// The keys of the session, when it came in one.
    used: Option<(NodeId, Agreed)>,
}

impl Pss {
    /// Takes a message that `from` passed on.
    ///
    /// # Errors
    ///
    /// [`Malformed`], which no honest node passes on.
    pub(crate) fn receive(&self, from: NodeId, mut envelope: Envelope) -> Result<(), Malformed> {
        let header = envelope.header()?;
        let id = header.id(&envelope.payload);
        let hops = envelope.hops;
        envelope.hops = hops.saturating_sub(1);
        let envelope = Arc::new(envelope);
        let mine = {
            let now = self.now();
            let state = &mut *self.lock();
            match state.router.receive(id, &header, hops, &from, now) {
                Ok(route) => {
                    let wanted = route.next.len().min(route.copies);
                    let taken = state.links.put(&route, Some(from), &envelope);
                    state.counters.passed_on += taken as u64;
                    state.counters.no_room += (wanted - taken) as u64;
                    route.mine
                }
                Err(refused) => {
                    let counters = &mut state.counters;
                    *match refused {
                        Refused::Seen => &mut counters.seen,
                        Refused::Untimely(Untimely::Expired { .. }) => &mut counters.expired,
                        Refused::Untimely(Untimely::TooFarAhead { .. }) => &mut counters.too_far_ahead,
                    } += 1;
                    false
                }
            }
        };
        if mine {
            self.open(id, &header, &envelope.payload, hops);
        }
        Ok(())
    }

    /// Passes on what waited for a peer that is gone, to the next best.
    pub(crate) fn pass_elsewhere(&self, waited: impl IntoIterator<Item = (Source, Arc<Envelope>)>) {
        let state = &mut *self.lock();
        for (source, envelope) in waited {
            let Ok(header) = envelope.header() else { continue };
            let route = state.router.again(&header, source.as_ref());
            state.counters.passed_on += state.links.put(&route, source, &envelope) as u64;
        }
    }

    /// Opens a message that may be for this node.
    fn open(&self, id: EnvelopeId, header: &Header, payload: &[u8], hops: u8) {
        let now = self.now();
        let Some(openers) = self.openers(header, now) else { return };
        // Keys are tried outside the lock.
        let found = if header.sealed {
            self.unseal(&openers, header, payload)
        } else {
            Ok(Found {
                sender: Sender::Raw,
                opened: Opened { kind: Kind::Payload, payload: payload.to_vec() },
                used: None,
            })
        };
        let answer = self.lock().settle(id, header, found, hops, now);
        if let Some((peer, answer)) = answer {
            self.0.changed.notify(usize::MAX);
            let sent = answer.map_or(Ok(()), |answer| self.send_step(&peer, header.topic, &answer));
            if let Err(error) = sent {
                log::debug!(target: "net", "pss: {} is not answered: {error}", peer.short());
            }
        }
    }

    /// The keys to be tried on a message, unless nobody listens to what it is about.
    fn openers(&self, header: &Header, now: u64) -> Option<Vec<(Opener, SymmetricKey)>> {
        let (state, topic) = (&mut *self.lock(), header.topic);
        let openers = state.keyring.openers(topic, now);
        let subscribed = state.subscribers.get(&topic).is_some_and(|all| all.iter().any(Slot::is_read));
        let heard = subscribed || state.responders.contains_key(&topic) || state.keyring.sessions.listens(topic);
        if heard || !openers.is_empty() {
            return Some(openers);
        }
        state.counters.unheard += 1;
        None
    }

    fn unseal(&self, openers: &[(Opener, SymmetricKey)], header: &Header, payload: &[u8]) -> Result<Found, OpenError> {
        for (opener, key) in openers {
            let opened = match open_with_key(key, header, payload) {
                Ok(opened) => opened,
                Err(OpenError::NotOurs) => continue,
                Err(error) => return Err(error),
            };
            let (sender, used) = match *opener {
                Opener::Shared(key) => (Sender::Symmetric(key), None),
                Opener::Session(key, peer, agreed) => (Sender::Session { peer, key }, Some((peer, agreed))),
            };
            return Ok(Found { sender, opened, used });
        }
        let (sender, opened) = open_with_own(&self.0.own, header, payload)?;
        Ok(Found { sender: Sender::Asymmetric(sender), opened, used: None })
    }
}

impl State {
    /// Gives what was opened to who listens. A step of a handshake that was taken is returned, with what answers it.
    fn settle(
        &mut self,
        id: EnvelopeId,
        header: &Header,
        found: Result<Found, OpenError>,
        hops: u8,
        now: u64,
    ) -> Option<(NodeId, Option<Step>)> {
        let Found { sender, opened, used } = match found {
            Ok(found) => found,
            Err(error) => {
                let ours = error != OpenError::NotOurs;
                *(if ours { &mut self.counters.forged } else { &mut self.counters.unopened }) += 1;
                return None;
            }
        };
        let replays = if header.sealed { &mut self.opened } else { &mut self.raw };
        if replays.accept(id, header.expiry, now).is_err() {
            self.counters.replayed += 1;
            return None;
        }
        if let Some((peer, agreed)) = used {
            self.keyring.sessions.used(peer, header.topic, agreed, now);
        }
        match (opened.kind, sender) {
            (Kind::Payload, _) => {
                self.publish(&Received { topic: header.topic, payload: opened.payload, sender, hops });
                return None;
            }
            (Kind::Handshake, Sender::Asymmetric(peer)) => {
                let step = Step::from_bytes(&opened.payload);
                let taken = step.map(|step| self.keyring.sessions.step(peer, header.topic, &step, now));
                if let Ok(Ok(answer)) = taken {
                    return Some((peer, answer));
                }
                log::debug!(target: "net", "pss: no handshake with {}: {taken:?}", peer.short());
            }
            (Kind::Handshake, _) => {}
        }
        self.counters.steps_refused += 1;
        None
    }

    fn publish(&mut self, message: &Received) {
        self.counters.received += 1;
        if let Some(slots) = self.subscribers.get_mut(&message.topic) {
            slots.retain(|slot| slot.put(message.clone()));
            if slots.is_empty() {
                self.subscribers.remove(&message.topic);
            }
        }
        if let Some(responder) = self.responders.get(&message.topic) {
            self.to_answer.put((responder.clone(), message.clone()));
        }
    }
}
