//! What a channel carries: what both ends offer, and what they agree on.
//!
//! Handshake protocols compare the offers; sending and reading ask what came of it.

use super::{Channel, Inner};
use crate::message::Message;
use crate::message::lane::LaneIndex;
use crate::protocol::{Agreement, Offer, OfferRefused};

impl Channel {
    /// What this node offers to speak on this channel; for handshake protocols.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert_eq!(alice.to(&bob).offer().len(), 1, "it runs one protocol");
    /// # });
    /// ```
    pub fn offer(&self) -> &Offer {
        &self.inner.offer
    }

    /// Compares the peer's offer with ours and settles what this channel carries; for handshake protocols.
    ///
    /// # Errors
    ///
    /// When a protocol of the handshake phase itself differs, so that nothing after it could be trusted.
    ///
    /// ```
    /// use p2p_net::prelude::*;
    /// use p2p_net::disconnect::DisconnectReason;
    /// use p2p_net::protocol::Offer;
    ///
    /// #[derive(Message, Serialize, Deserialize)]
    /// struct Hello {
    ///     offer: Offer,
    /// }
    ///
    /// #[protocol(phase = handshake)]
    /// async fn hello(hello: Hello, channel: &Channel) -> Result<()> {
    ///     let refused = |error: p2p_net::protocol::OfferRefused| {
    ///         Error::disconnect(DisconnectReason::IncompatibleVersion, error.to_string())
    ///     };
    ///     channel.agree(&hello.offer).map(drop).map_err(refused)
    /// }
    /// ```
    pub fn agree(&self, theirs: &Offer) -> Result<&Agreement, OfferRefused> {
        let agreement = Agreement::of(&self.inner.offer, theirs, &self.inner.table)?;
        for refused in agreement.refused() {
            log::warn!(target: "net", "{}: {refused}", self.inner.peer.short());
        }
        Ok(self.inner.agreement.get_or_init(|| agreement))
    }

    /// What both ends run, once the handshake has settled it.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// assert!(alice.to(&bob).agreement().is_none(), "without a handshake nothing is compared");
    /// # });
    /// ```
    pub fn agreement(&self) -> Option<&Agreement> {
        self.inner.agreement.get()
    }

    /// Whether the peer takes messages of type `M`.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// #[derive(Message, Serialize, Deserialize)]
    /// struct Unheard(u8);
    ///
    /// assert!(alice.to(&bob).supports::<Say>());
    /// assert!(!alice.to(&bob).supports::<Unheard>());
    /// # });
    /// ```
    pub fn supports<M: Message>(&self) -> bool {
        self.inner.table.find(M::ID).is_some_and(|lane| self.inner.sends(lane))
    }
}

impl Inner {
    /// Whether what is in a lane may be sent now: the handshake is done, unless the lane is part of it, and the peer takes it.
    #[inline]
    pub(super) fn may_send(&self, lane: LaneIndex) -> bool {
        self.table.lane(lane).handshake || (self.is_open() && self.sends(lane))
    }

    /// Whether the peer takes what is in a lane.
    #[inline]
    pub(super) fn sends(&self, lane: LaneIndex) -> bool {
        self.table.lane(lane).handshake
            || (self.agreement.get().is_none_or(|agreement| agreement.sends(lane)) && !self.departed.shuts(lane))
    }

    /// Whether this end takes what is in a lane.
    pub(super) fn takes(&self, lane: LaneIndex) -> bool {
        self.table.lane(lane).handshake || self.agreement.get().is_none_or(|agreement| agreement.takes(lane))
    }
}
