//! Receiving: a message goes on to where it is nearer, and is opened if it is for this node.

use std::sync::Arc;

use p2p_net::NodeId;

use crate::content::Kind;
use crate::envelope::{Envelope, EnvelopeId, Header, Malformed, Untimely};
use crate::forward::Refused;
use crate::handshake::{Answer, Step};
use crate::keyring::Opener;
use crate::keys::SymmetricKey;
use crate::mailbox::Slot;
use crate::outbox::Source;
use crate::pss::{Pss, Responder, State};
use crate::received::{Received, Sender};
use crate::replays::NotOpened;
use crate::seal::{OpenError, Opened, open_with_key, open_with_own};
use crate::topic::Topic;

/// What opened a message.
#[derive(Debug, Clone)]
enum By {
    /// Nothing: it is raw.
    Nothing,
    /// The node's own key; the sender signed it.
    Own(NodeId),
    Key(Opener),
}

/// What is to be done with a message once the state is not locked any more.
#[derive(Default)]
struct Due {
    /// Steps of handshakes.
    steps: Vec<(NodeId, Answer)>,
    /// Keys may have changed.
    agreed: bool,
    /// It is to be replied to.
    reply: Option<(Responder, Received)>,
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
                    state.counters.too_many += u64::from(route.too_many);
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
            self.open(from, id, &header, &envelope.payload, hops);
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
    fn open(&self, from: NodeId, id: EnvelopeId, header: &Header, payload: &[u8], hops: u8) {
        let now = self.now();
        let Some(openers) = self.openers(header, now) else { return };
        // Keys are tried outside the lock.
        let found = if header.sealed {
            self.unseal(&openers, header, payload)
        } else {
            Ok((By::Nothing, Opened { kind: Kind::Payload, payload: payload.to_vec() }))
        };
        let due = {
            let state = &mut *self.lock();
            state.accept(from, id, header, found, now).map(|found| state.settle(header.topic, found, hops, now))
        };
        let Some(Due { steps, agreed, reply }) = due else { return };
        if agreed {
            self.0.changed.notify(usize::MAX);
        }
        for (peer, answer) in steps {
            if let Err(error) = self.send_answer(&peer, header.topic, &answer) {
                log::debug!(target: "net", "pss: {} is not answered: {error}", peer.short());
            }
        }
        if let Some(reply) = reply {
            self.0.to_answer.put(reply);
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

    fn unseal(
        &self,
        openers: &[(Opener, SymmetricKey)],
        header: &Header,
        payload: &[u8],
    ) -> Result<(By, Opened), OpenError> {
        for (opener, key) in openers {
            match open_with_key(key, header, payload) {
                Err(OpenError::NotOurs) => {}
                opened => return opened.map(|opened| (By::Key(opener.clone()), opened)),
            }
        }
        let (sender, opened) = open_with_own(&self.0.own, header, payload)?;
        Ok((By::Own(sender), opened))
    }
}

impl State {
    /// What was opened, if it was for the first time.
    fn accept(
        &mut self,
        from: NodeId,
        id: EnvelopeId,
        header: &Header,
        found: Result<(By, Opened), OpenError>,
        now: u64,
    ) -> Option<(By, Opened)> {
        let counters = &mut self.counters;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                let ours = error != OpenError::NotOurs;
                *(if ours { &mut counters.forged } else { &mut counters.unopened }) += 1;
                return None;
            }
        };
        let replays = if header.sealed { &mut self.opened } else { &mut self.raw };
        match replays.accept(id, header.expiry, from, now) {
            Ok(()) => return Some(found),
            Err(NotOpened::Replayed) => counters.replayed += 1,
            Err(NotOpened::NoRoom) => counters.not_remembered += 1,
        }
        None
    }

    /// Gives what was opened to who listens, and says what else is due.
    fn settle(&mut self, topic: Topic, (by, opened): (By, Opened), hops: u8, now: u64) -> Due {
        let mut due = Due::default();
        let sender = match by {
            By::Nothing => Sender::Raw,
            By::Own(sender) => Sender::Asymmetric(sender),
            By::Key(Opener::Shared(key)) => Sender::Symmetric(key),
            By::Key(Opener::Session(peer, agreed)) => {
                let newer = self.keyring.sessions.used(peer, topic, agreed, now);
                due.steps.extend(newer.map(|key| (peer, Answer::Under(key, Step::Confirm))));
                Sender::Session { peer, key: self.keyring.session_id(peer, topic) }
            }
        };
        let under = match by {
            By::Key(Opener::Session(_, agreed)) => Some(agreed),
            _ => None,
        };
        match (opened.kind, sender) {
            (Kind::Payload | Kind::Reply, _) => {
                let (payload, is_reply) = (opened.payload, opened.kind == Kind::Reply);
                due.reply = self.publish(Received { topic, payload, sender, is_reply, hops });
                return due;
            }
            (Kind::Handshake, Sender::Asymmetric(peer) | Sender::Session { peer, .. }) => {
                let step = Step::from_bytes(&opened.payload);
                let taken = step.map(|step| self.keyring.sessions.step(peer, topic, &step, under, now));
                if let Ok(Ok(answer)) = taken {
                    due.steps.extend(answer.map(|answer| (peer, answer)));
                    due.agreed = true;
                    return due;
                }
                log::debug!(target: "net", "pss: no handshake with {}: {taken:?}", peer.short());
            }
            (Kind::Handshake, _) => {}
        }
        self.counters.steps_refused += 1;
        due
    }

    /// Gives a message to who listens; what replies to it, if anything does.
    fn publish(&mut self, message: Received) -> Option<(Responder, Received)> {
        self.counters.received += 1;
        if let Some(slots) = self.subscribers.get_mut(&message.topic) {
            slots.retain(|slot| slot.put(message.clone()));
            if slots.is_empty() {
                self.subscribers.remove(&message.topic);
            }
        }
        let responder = self.responders.get(&message.topic).filter(|_| !message.is_reply)?;
        Some((responder.clone(), message))
    }
}
