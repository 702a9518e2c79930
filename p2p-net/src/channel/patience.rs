//! How a broadcast sends to one of its peers: at once where there is room, and for a while where there is none.
//!
//! How long is a matter of the peer and not of the broadcast: it is what all of them together wait for it, or one that has
//! stalled would cost each of them as much.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::outbox::Offered;
use super::send::Encoded;
use super::writer::Writes;
use super::{Channel, Inner, SendError};
use crate::message::frame::Kind;
use crate::message::lane::LaneIndex;

/// The longest round trip that a peer is given the time of. What it is said to be is the peer's own doing, who may answer late
/// on purpose; on a real link it is less.
const LONG_ROUND_TRIP: Duration = Duration::from_millis(500);

impl Channel {
    /// As a broadcast sends first: offers once; whether there was room. A peer that had some is waited for longer by `earned`.
    pub(crate) fn offer_to_many(
        &self,
        lane: LaneIndex,
        payload: &Encoded<'_>,
        earned: Duration,
    ) -> Result<bool, SendError> {
        let taken = self.try_offer(lane, Kind::Message, 0, payload, Writes::Task)? == Offered::Taken;
        let waited = &self.inner.waited;
        if taken && waited.load(Ordering::Relaxed) > 0 {
            let less = |waited: u64| Some(waited.saturating_sub(nanos(earned)));
            let _ = waited.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
        Ok(taken)
    }

    /// As a broadcast goes on with a peer that had no room: waits, in this broadcast and those before it together, for at most
    /// `patience` and two round trips of at most [`LONG_ROUND_TRIP`], less what the peer has [earned](Self::offer_to_many) again.
    pub(crate) async fn offer_patiently(
        &self,
        lane: LaneIndex,
        payload: Encoded<'static>,
        patience: Duration,
    ) -> Result<(), SendError> {
        let inner = &self.inner;
        let patience = patience + 2 * inner.rtt().unwrap_or_default().min(LONG_ROUND_TRIP);
        let left = patience.saturating_sub(Duration::from_nanos(inner.waited.load(Ordering::Relaxed)));
        let _wait = Wait { inner, began: inner.clock.now() };
        let sent = self.offer_within(lane, Kind::Message, 0, payload, Some(left)).await;
        sent.map_err(|error| match error {
            SendError::TimedOut { lane, .. } => SendError::TimedOut { lane, limit: patience },
            other => other,
        })
    }
}

/// A broadcast's wait for one peer, which is charged when it is over, however it ends.
struct Wait<'a> {
    inner: &'a Inner,
    began: Instant,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.inner.waited.fetch_add(nanos(self.inner.clock.now() - self.began), Ordering::Relaxed);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
