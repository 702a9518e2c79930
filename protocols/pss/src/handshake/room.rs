//! How many sessions there may be: an id costs nothing, and so nobody is kept out by how many others come.

use super::{MAX_SESSIONS, MAX_SESSIONS_PER_TOPIC, MAX_UNCONFIRMED, Sessions, StepError};
use crate::topic::Topic;

impl Sessions {
    /// Makes room for a session that this node begins.
    pub(super) fn make_room(&mut self, now: u64) -> Result<(), StepError> {
        if self.all.len() >= MAX_SESSIONS {
            self.forget(now);
        }
        if self.all.len() >= MAX_SESSIONS { Err(StepError::TooMany) } else { Ok(()) }
    }

    /// Makes room for a session that another node begins: at the cost of the oldest that was begun in this way and not
    /// confirmed, never of one that is in use.
    pub(super) fn make_room_for_a_stranger(&mut self, topic: Topic, now: u64) -> Result<(), StepError> {
        let strangers = |sessions: &Self| {
            let confirmed = sessions.about(topic).filter(|(_, session)| session.is_strangers());
            confirmed.count()
        };
        if strangers(self) >= MAX_SESSIONS_PER_TOPIC {
            self.forget(now);
        }
        if strangers(self) >= MAX_SESSIONS_PER_TOPIC {
            return Err(StepError::TooManyAbout(topic));
        }
        let unconfirmed = self.all.iter().filter_map(|(key, session)| Some((session.unconfirmed()?, *key)));
        let unconfirmed: Vec<_> = unconfirmed.collect();
        if unconfirmed.len() >= MAX_UNCONFIRMED
            && let Some((_, oldest)) = unconfirmed.into_iter().min()
        {
            self.all.remove(&oldest);
        }
        self.make_room(now)
    }

    /// Forgets sessions of which nothing can come any more.
    fn forget(&mut self, now: u64) {
        let latest = self.latest();
        self.all.retain(|_, session| !session.is_over(now, latest));
    }
}
