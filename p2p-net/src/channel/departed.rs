//! Protocols that have ended on a channel while the channel goes on, at this end or at the other.
//!
//! What is made for both ends of a channel ends at both: the end that goes on would only meet errors. Lanes that no other
//! protocol uses are shut with it: sending in them is an error that says so, and what is under way is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Channel, Inner, SendError};
use crate::disconnect::{MAX_DETAIL, Side};
use crate::message::lane::LaneIndex;
use crate::message::{MessageId, Violation};
use crate::protocol::{ProtocolJobsManager, WeakJobs};

/// Who has ended on a channel.
#[derive(Default)]
pub(super) struct Departed {
    /// Whether anybody has; all that a send asks as long as nobody has.
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those that run at this end.
    running: Vec<WeakJobs>,
    /// By name: who ended first.
    gone: BTreeMap<String, Side>,
    /// Lanes that nobody else uses.
    shut: BTreeSet<LaneIndex>,
}

impl Departed {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the protocol of this name has ended, at either end.
    pub(super) fn has(&self, name: &str) -> bool {
        self.any.load(Ordering::Acquire) && self.lock().gone.contains_key(name)
    }

    /// Whether nobody takes what is in a lane any more.
    #[inline]
    pub(super) fn shuts(&self, lane: LaneIndex) -> bool {
        self.any.load(Ordering::Acquire) && self.lock().shut.contains(&lane)
    }
}

impl Channel {
    /// Notes a protocol that runs at this end.
    pub(crate) fn serves(&self, jobs: &ProtocolJobsManager) {
        self.inner.departed.lock().running.push(jobs.downgrade());
    }

    /// Whether the two run the protocol of this name over this channel, at this end or at the other, and it has not ended here.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.to(&bob).runs("shout") && !alice.to(&bob).runs("whisper"));
    /// # });
    /// ```
    pub fn runs(&self, protocol: &str) -> bool {
        let offered = match self.agreement() {
            Some(agreed) => agreed.shares(protocol),
            None => self.offer().names(protocol),
        };
        offered && !self.inner.departed.has(protocol)
    }

    /// Ends a protocol of the main phase here, and tells the peer; whether it has ended, now or before.
    pub(crate) fn depart(&self, name: &str, detail: &str) -> bool {
        if self.inner.departed.has(name) {
            return true;
        }
        if !self.inner.is_open() || !self.offer().is_main(name) {
            return false;
        }
        log::debug!(target: "net", "protocol {name} leaves the channel to {}: {detail}", self.peer_id().short());
        // A peer that does not run it would take the news for a mistake.
        let is_shared = self.runs(name);
        self.inner.shut(name, Side::Local);
        if is_shared {
            let detail = &detail.as_bytes()[..detail.floor_char_boundary(MAX_DETAIL)];
            self.inner.out.left(MessageId::of(name), &self.inner.lanes_only_of(name), detail);
        }
        self.inner.end_jobs(name, Side::Local);
        true
    }
}

impl Inner {
    /// The peer says that a protocol has ended at its end.
    pub(super) fn departed_there(&self, id: MessageId, detail: &[u8]) -> Result<(), Violation> {
        let Some((name, paired)) = self.offer.main_by_id(id) else {
            // Without a handshake nobody knows what the other runs.
            return if self.agreement.get().is_some() { Err(Violation::UnknownMessage(id)) } else { Ok(()) };
        };
        if self.departed.has(name) {
            return Ok(());
        }
        let detail = String::from_utf8_lossy(detail.get(..MAX_DETAIL).unwrap_or(detail));
        let peer = self.peer.short();
        log::debug!(target: "net", "protocol {name} has ended at {peer}: {}", detail.escape_debug());
        self.shut(name, Side::Remote);
        if paired {
            self.end_jobs(name, Side::Remote);
        }
        Ok(())
    }

    /// Ends what the protocol does at this end: at once, or, when the peer has left, once what it sent before is handled.
    fn end_jobs(&self, name: &str, by: Side) {
        // One version of it does something; others that are linked have no tasks here.
        let running: Vec<_> = self.departed.lock().running.iter().filter_map(|jobs| jobs.of(name)).collect();
        let (clock, linger, subsystem) = (self.clock.clone(), self.limits.close_linger, self.subsystem.clone());
        let lanes = self.lanes_only_of(name);
        self.tasks.spawn("a protocol's end", async move {
            if by == Side::Remote {
                subsystem.close_lanes(&lanes);
                let _ = clock.timeout(linger, subsystem.handled_in(&lanes)).await;
            }
            for jobs in running {
                jobs.close_all_tasks().await;
                jobs.stop(&clock, linger).await;
            }
        });
    }

    fn shut(&self, name: &str, by: Side) {
        let mut state = self.departed.lock();
        state.gone.entry(name.to_owned()).or_insert(by);
        let gone = |name: &str| state.gone.contains_key(name);
        let shut = self.offer.lanes_of(gone, &self.table);
        state.shut = shut;
        drop(state);
        self.departed.any.store(true, Ordering::Release);
        // Those who wait to send in them learn it at once.
        self.out.wake_senders();
    }

    /// The lanes of a protocol that no other one uses which goes on.
    fn lanes_only_of(&self, name: &str) -> Vec<LaneIndex> {
        let state = self.departed.lock();
        let of = self.offer.lanes_of(|known| known == name, &self.table);
        of.into_iter().filter(|lane| state.shut.contains(lane)).collect()
    }

    /// Why what is in a lane is not sent, when it is because a protocol has ended.
    pub(super) fn left(&self, lane: LaneIndex) -> Option<SendError> {
        if !self.departed.shuts(lane) {
            return None;
        }
        let spec = self.table.lane(lane);
        let protocol = spec.protocol.unwrap_or_default();
        let by = self.departed.lock().gone.get(protocol).copied().unwrap_or(Side::Remote);
        Some(SendError::Left { message: spec.name, protocol, by })
    }
}
