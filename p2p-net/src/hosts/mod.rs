//! The hosts this node knows: the address book, the bans and the door, shared by sessions and protocols.
//!
//! [`Hosts`] is the locked face of the pure [`Book`] and [`Bans`]; the acceptor has a [`Gate`](admission::Gate) of its
//! own. It stores what it is told and answers what to dial. It never connects anywhere, and holds no lock while it waits.

pub mod admission;
pub mod bans;
pub mod book;
mod entry;
mod network;
mod store;
mod time;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use event_listener::{Event, EventListener};
use fastrand::Rng;

use self::bans::{Ban, Bans, Culprit, Verdict};
use self::book::{Book, Counts, Excluded, Failed, NotStored, Stored};
pub use self::entry::{Entry, Failing, Source, State};
use self::network::is_loopback;
pub use self::store::StoreError;
use self::store::{SavedHost, Snapshot, Store};
pub use self::time::UnixTime;
use crate::clock::Clock;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::rate::Buckets;
use crate::settings::Settings;

/// Sources whose rate is remembered: above what tells addresses in the time a rate needs to recover.
const MAX_SOURCES: usize = 1_024;

/// The hosts a node knows; clones share them.
#[derive(Clone)]
pub struct Hosts(Arc<Inner>);

struct Inner {
    clock: Clock,
    loopback_exempt: bool,
    store: Option<Store>,
    /// Held for a whole save, so that an older book never replaces a newer one.
    saving: Mutex<()>,
    known: Mutex<Known>,
    wanted: Event,
    changed: Event,
}

struct Known {
    book: Book,
    bans: Bans,
    rng: Rng,
    /// Rates of those who tell addresses; they outlive the connection, so that a new one brings no new burst.
    told: Buckets<NodeId>,
    dialling: BTreeSet<NodeUrl>,
}

impl Hosts {
    /// The hosts of the node `own_id`, empty; `seed` makes the choice among equals repeatable.
    pub fn new(settings: &Settings, own_id: NodeId, clock: Clock, seed: u64) -> Self {
        let known = Known {
            book: Book::new(settings, own_id),
            bans: Bans::new(&settings.limits),
            rng: Rng::with_seed(seed),
            told: Buckets::new(settings.limits.addresses_per_peer, MAX_SOURCES),
            dialling: BTreeSet::new(),
        };
        Self(Arc::new(Inner {
            clock,
            loopback_exempt: settings.limits.loopback_exempt,
            store: settings.data_dir.as_deref().map(Store::in_folder),
            saving: Mutex::new(()),
            known: Mutex::new(known),
            wanted: Event::new(),
            changed: Event::new(),
        }))
    }

    /// Adds what was saved in `data_dir`, if the settings name one.
    ///
    /// A file that is no address book is put aside with a warning, and is no error.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the book may or may not be loaded.
    pub async fn load(&self) -> Result<(), StoreError> {
        if self.0.store.is_none() {
            return Ok(());
        }
        let hosts = self.clone();
        smol::unblock(move || {
            let Some(store) = &hosts.0.store else { return Ok(()) };
            let now = hosts.now();
            let snapshot = store.load(now)?;
            hosts.restore(&snapshot, now);
            Ok(())
        })
        .await
    }

    /// Saves book and bans in `data_dir`, if the settings name one.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; the one saved before is still there.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the save may go on in the background; the file is the old or the new one.
    pub async fn save(&self) -> Result<(), StoreError> {
        if self.0.store.is_none() {
            return Ok(());
        }
        let hosts = self.clone();
        smol::unblock(move || {
            let Some(store) = &hosts.0.store else { return Ok(()) };
            let _turn = hosts.0.saving.lock().unwrap_or_else(PoisonError::into_inner);
            store.save(hosts.snapshot())
        })
        .await
    }

    /// Remembers an address of this node, so that it is never stored or dialled.
    pub fn add_own(&self, url: &NodeUrl) {
        self.lock().book.add_own(url);
    }

    /// Somebody told an address; a peer within its rate, `addresses_per_peer`.
    ///
    /// # Errors
    ///
    /// Why it was not stored: no reason to blame the source.
    pub fn hear(&self, url: &NodeUrl, from: Source) -> Result<Stored, NotStored> {
        let instant = self.0.clock.now();
        let now = self.now();
        let mut guard = self.lock();
        let known = &mut *guard;
        if let Source::Peer(peer) = &from
            && !known.told.take(peer, instant)
        {
            return Err(NotStored::Rate);
        }
        if banned_until(&known.bans, url.id(), url.ip(), now).is_some() {
            return Err(NotStored::Banned);
        }
        let stored = known.book.hear(url, from, &mut known.rng)?;
        drop(guard);
        self.announce(stored);
        Ok(stored)
    }

    /// A peer at `teller` told an address. What can only be reached from where the peer is not, it cannot know: an address
    /// of this machine or of a private network counts only from a peer that is in one.
    ///
    /// # Errors
    ///
    /// Why it was not stored: no reason to blame the peer.
    pub fn hear_from(&self, url: &NodeUrl, peer: NodeId, teller: Option<IpAddr>) -> Result<Stored, NotStored> {
        if let (Some(told), Some(teller)) = (url.ip(), teller)
            && network::reach(told) < network::reach(teller)
        {
            return Err(NotStored::OutOfReach);
        }
        self.hear(url, Source::Peer(peer))
    }

    /// This node connected to an address, and `id` was proven there.
    ///
    /// # Errors
    ///
    /// Why it was not stored; the connection may go on all the same.
    pub fn reached(&self, url: &NodeUrl, id: NodeId) -> Result<Stored, NotStored> {
        let now = self.now();
        let mut guard = self.lock();
        let known = &mut *guard;
        let stored = known.book.reached(url, id, now, &mut known.rng)?;
        drop(guard);
        self.announce(stored);
        Ok(stored)
    }

    /// An attempt at an address failed.
    pub fn failed(&self, url: &NodeUrl) -> Failed {
        let now = self.now();
        self.lock().book.failed(url, now)
    }

    /// A channel to a node opened; needs one [`disconnected`](Self::disconnected).
    pub fn connected(&self, id: NodeId) {
        self.lock().book.connected(id);
    }

    /// A channel to a node closed.
    pub fn disconnected(&self, id: &NodeId) {
        self.lock().book.disconnected(id);
        self.0.changed.notify(usize::MAX);
    }

    /// Removes an address; whether it was there.
    pub fn forget(&self, url: &NodeUrl) -> bool {
        self.lock().book.forget(url)
    }

    /// An address for an outbound slot that nobody else dials at the moment; if there is none, more are
    /// [requested](Self::request_more).
    pub fn pick(&self) -> Option<Dial> {
        let dial = self.choose(Book::pick);
        if dial.is_none() {
            self.request_more();
        }
        dial
    }

    /// An address worth a visit only to see who is there, and that nobody else dials at the moment.
    pub fn pick_to_verify(&self) -> Option<Dial> {
        self.choose(Book::pick_to_verify)
    }

    /// Up to `n` addresses to tell others, with their ids, shuffled: only those this node reached itself,
    /// none that fails or is banned.
    pub fn known_good(&self, n: usize) -> Vec<NodeUrl> {
        let now = self.now();
        let Known { book, bans, rng, .. } = &mut *self.lock();
        book.known_good(n, rng, &|place, id| banned_until(bans, id, place.ip(), now).is_some())
    }

    /// When the next address that waits after a failure may be tried.
    pub fn next_retry(&self) -> Option<UnixTime> {
        let now = self.now();
        self.lock().book.next_retry(now)
    }

    /// How many places are in which state.
    pub fn counts(&self) -> Counts {
        self.lock().book.counts()
    }

    /// A copy of every place, in the order of their addresses, for display.
    pub fn list(&self) -> Vec<(NodeUrl, Entry)> {
        self.lock().book.iter().map(|(place, entry)| (place.clone(), entry.clone())).collect()
    }

    /// Asks whoever finds addresses for more.
    pub fn request_more(&self) {
        self.0.wanted.notify(usize::MAX);
    }

    /// Resolves when more addresses are wanted, counted from this call, not from the first poll.
    pub fn wait_wanted(&self) -> Notice {
        Notice(self.0.wanted.listen())
    }

    /// Resolves when another address may be there to dial, counted from this call, not from the first poll.
    ///
    /// Call it, then look with [`pick`](Self::pick), then wait: so nothing is missed in between.
    pub fn wait_changed(&self) -> Notice {
        Notice(self.0.changed.listen())
    }

    /// Adds points for a proven violation to a node and to its address; the harder of the two verdicts.
    ///
    /// Addresses of this machine are not held responsible while the settings exempt them.
    pub fn penalize(&self, id: NodeId, ip: Option<IpAddr>, points: u32) -> Verdict {
        let now = self.now();
        let bans = &mut self.lock().bans;
        let verdict = bans.penalize(Culprit::Key(id), points, now);
        let ip = ip.filter(|ip| !(self.0.loopback_exempt && is_loopback(*ip)));
        ip.map_or(verdict, |ip| verdict.max(bans.penalize(Culprit::ip(ip), points, now)))
    }

    /// When the longest ban on a node or its address ends, if there is one.
    pub fn banned_until(&self, id: Option<NodeId>, ip: Option<IpAddr>) -> Option<UnixTime> {
        let now = self.now();
        banned_until(&self.lock().bans, id, ip, now)
    }

    /// Bans somebody until a moment; for the operator.
    pub fn ban(&self, ban: Ban) {
        let now = self.now();
        self.lock().bans.ban(ban, now);
    }

    /// Ends a ban by hand and forgives the score; whether there was a ban.
    pub fn lift(&self, who: &Culprit) -> bool {
        let now = self.now();
        let lifted = self.lock().bans.lift(who, now);
        self.0.changed.notify(usize::MAX);
        lifted
    }

    /// The bans in force.
    pub fn bans(&self) -> Vec<Ban> {
        let now = self.now();
        self.lock().bans.iter(now).collect()
    }

    fn choose(&self, choice: impl FnOnce(&Book, UnixTime, &mut Rng, &Excluded<'_>) -> Option<NodeUrl>) -> Option<Dial> {
        let now = self.now();
        let Known { book, bans, rng, dialling, .. } = &mut *self.lock();
        let excluded = |place: &NodeUrl, id: Option<NodeId>| {
            dialling.contains(place) || banned_until(bans, id, place.ip(), now).is_some()
        };
        let url = choice(book, now, rng, &excluded)?;
        dialling.insert(url.without_id());
        Some(Dial { hosts: self.clone(), url })
    }

    fn announce(&self, stored: Stored) {
        if stored == Stored::New {
            self.0.changed.notify(usize::MAX);
        }
    }

    fn restore(&self, snapshot: &Snapshot, now: UnixTime) {
        let known = &mut *self.lock();
        for ban in &snapshot.bans {
            known.bans.ban(*ban, now);
        }
        // What was reached goes first, in case today's bounds are narrower than those of the save.
        let (reached, heard): (Vec<_>, Vec<_>) =
            snapshot.hosts.iter().partition(|host| matches!(host.state(now), State::Reached { .. }));
        for host in reached.into_iter().chain(heard) {
            known.book.restore(host.url(), host.state(now), host.failing(now), &mut known.rng);
        }
    }

    fn snapshot(&self) -> Snapshot {
        let now = self.now();
        let known = self.lock();
        let hosts = known.book.iter().map(|(place, entry)| SavedHost::new(place, entry)).collect();
        Snapshot { hosts, bans: known.bans.iter(now).collect() }
    }

    fn now(&self) -> UnixTime {
        UnixTime(self.0.clock.unix_seconds())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hosts").field(&self.counts()).finish()
    }
}

fn banned_until(bans: &Bans, id: Option<NodeId>, ip: Option<IpAddr>, now: UnixTime) -> Option<UnixTime> {
    let culprits = [id.map(Culprit::Key), ip.map(Culprit::ip)];
    culprits.iter().flatten().filter_map(|who| bans.banned_until(who, now)).max()
}

/// An address that is being dialled: nobody else gets it until this is dropped.
#[derive(Debug)]
#[must_use = "a dropped dial lets others dial the address at once"]
pub struct Dial {
    hosts: Hosts,
    url: NodeUrl,
}

impl Dial {
    /// The address, with the id that must be proven there if one was before.
    pub fn url(&self) -> &NodeUrl {
        &self.url
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        self.hosts.lock().dialling.remove(&self.url.without_id());
    }
}

/// The future of [`Hosts::wait_wanted`] and [`Hosts::wait_changed`].
///
/// # Cancel safety
///
/// Dropping it forgets the wish to be told, nothing else.
#[derive(Debug)]
#[must_use = "a notice does nothing unless it is awaited"]
pub struct Notice(EventListener);

impl Future for Notice {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

#[cfg(test)]
mod tests;
