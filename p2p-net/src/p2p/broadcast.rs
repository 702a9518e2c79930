//! One message to many peers: encoded once, and nobody waits for long for one who does not take it.

use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};

use super::P2p;
use crate::channel::{Channel, Encoded, SendError};
use crate::identity::NodeId;
use crate::message::Message;
use crate::message::codec;
use crate::message::frame::Kind;

/// How long broadcasts wait for one peer whose lane is full, all of them together, beside two round trips: a handler at work
/// gives credit back well within it, and a peer that has stalled costs the others a thirtieth of three seconds, once.
const PATIENCE: Duration = Duration::from_millis(100);

/// How much of it comes back with every message that is taken without a wait. Credit for a quarter of a window, which is how
/// a handler at work gives it, is many messages and so all of it; who takes one now and then keeps nobody waiting.
const EARNED: Duration = Duration::from_millis(1);

/// Which peers a message goes to.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
/// # #[protocol] async fn shout(_say: Say) {}
/// # testing::pair().with::<shout>().run(async |[alice, bob]| {
/// use p2p_net::p2p::Recipients;
///
/// let to_bob = Recipients::Some(vec![bob.id()]);
/// let sent = alice.broadcast_to(&to_bob, &Say("psst".to_owned())).await;
/// assert_eq!(sent, [(bob.id(), Ok(()))]);
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    /// Every connected peer.
    All,
    /// Every connected peer but these.
    Except(Vec<NodeId>),
    /// These.
    Some(Vec<NodeId>),
    /// This one.
    One(NodeId),
}

impl Recipients {
    fn include(&self, peer: &NodeId) -> bool {
        match self {
            Self::All => true,
            Self::Except(except) => !except.contains(peer),
            Self::Some(some) => some.contains(peer),
            Self::One(one) => one == peer,
        }
    }

    /// Those that were named.
    fn named(&self) -> &[NodeId] {
        match self {
            Self::All | Self::Except(_) => &[],
            Self::Some(some) => some,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

impl P2p {
    /// Sends a message to every connected peer; says, peer by peer, what came of it.
    ///
    /// # Errors
    ///
    /// Peer by peer: those of [`Channel::send`], but a peer without room is waited for a tenth of a second and two round
    /// trips, by all broadcasts together, instead of `limits.send_timeout`; what it takes then makes good for that.
    ///
    /// # Cancel safety
    ///
    /// When dropped, some peers may have been sent the message and others not.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// for (peer, sent) in alice.broadcast(&Say("hello, all".to_owned())).await {
    ///     assert_eq!((peer, sent), (bob.id(), Ok(())));
    /// }
    /// # });
    /// ```
    pub async fn broadcast<M: Message>(&self, message: &M) -> Vec<(NodeId, Result<(), SendError>)> {
        self.broadcast_to(&Recipients::All, message).await
    }

    /// Sends a message to every connected peer but some, such as the one it came from. In DarkFi: `broadcast_with_exclude`.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    ///
    /// # Cancel safety
    ///
    /// When dropped, some peers may have been sent the message and others not.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// let sent = alice.broadcast_with_exclude(&Say("not to bob".to_owned()), &[bob.id()]).await;
    /// assert!(sent.is_empty());
    /// # });
    /// ```
    pub async fn broadcast_with_exclude<M: Message>(
        &self,
        message: &M,
        exclude: &[NodeId],
    ) -> Vec<(NodeId, Result<(), SendError>)> {
        self.broadcast_to(&Recipients::Except(exclude.to_vec()), message).await
    }

    /// Sends a message to some peers; says, peer by peer and in the order of their ids, what came of it: a peer that was named
    /// and is not connected is [`SendError::NotConnected`].
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    ///
    /// # Cancel safety
    ///
    /// When dropped, some peers may have been sent the message and others not.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// use p2p_net::p2p::Recipients;
    ///
    /// let sent = alice.broadcast_to(&Recipients::Except(vec![]), &Say("hello".to_owned())).await;
    /// assert_eq!(sent.len(), 1);
    /// # });
    /// ```
    pub async fn broadcast_to<M: Message>(
        &self,
        recipients: &Recipients,
        message: &M,
    ) -> Vec<(NodeId, Result<(), SendError>)> {
        let mut channels = self.channels();
        channels.retain(|channel| recipients.include(&channel.peer_id()));
        let payload = encoded(message);
        // Most have room: they are served at once, and only the others become something to wait for.
        let mut results: Vec<_> = Vec::with_capacity(channels.len());
        let mut waiting = Vec::new();
        for channel in &channels {
            let offered = offer::<M>(channel, &payload);
            if let Ok(Some(wait)) = offered {
                waiting.push(wait.map(move |sent| (channel.peer_id(), sent)));
            } else {
                results.push((channel.peer_id(), offered.map(drop)));
            }
        }
        if !waiting.is_empty() {
            results.extend(join_all(waiting).await);
        }
        for peer in recipients.named() {
            if results.iter().all(|(known, _)| known != peer) {
                results.push((*peer, Err(SendError::NotConnected)));
            }
        }
        results.sort_by_key(|(peer, _)| *peer);
        results
    }
}

/// The message as it goes to every channel, one copy for all.
fn encoded<M: Message>(message: &M) -> Result<Encoded<'static>, SendError> {
    let bytes = codec::encode(message)?;
    if bytes.len() > M::MAX_BYTES {
        return Err(SendError::TooLarge { message: M::NAME, bytes: bytes.len(), max_bytes: M::MAX_BYTES });
    }
    Ok(Encoded::of(Kind::Message, M::ID, bytes))
}

/// Offers the message to one channel, and if there is no room, says how to wait for it.
fn offer<'c, M: Message>(
    channel: &'c Channel,
    payload: &Result<Encoded<'static>, SendError>,
) -> Result<Option<BoxFuture<'c, Result<(), SendError>>>, SendError> {
    let payload = payload.as_ref().map_err(Clone::clone)?;
    let lane = channel.lane_of::<M>()?;
    if channel.offer_to_many(lane, payload, EARNED)? {
        return Ok(None);
    }
    Ok(Some(channel.offer_patiently(lane, payload.clone(), PATIENCE).boxed()))
}
