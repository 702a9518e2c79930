//! One message to many peers: encoded once, and nobody waits for long for one who does not take it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::P2p;
use crate::channel::{Channel, Encoded, SendError};
use crate::identity::NodeId;
use crate::message::Message;
use crate::message::codec::{self, EncodeError};
use crate::message::frame::{Kind, MAX_PAYLOAD};

/// How long a broadcast waits for peers whose lane is full. A peer that has used it up once is not waited for again
/// until it has taken something.
const PATIENCE: Duration = Duration::from_secs(1);

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

    /// Sends a message to every connected peer but some, such as the one it came from. First seed: `broadcast_with_exclude`.
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
        let channels = self.channels().into_iter().filter(|channel| recipients.include(&channel.peer_id()));
        let encoded = codec::encode(message).map(Arc::new);
        let mut results: Vec<_> = join_all(channels.map(|channel| {
            let encoded = encoded.clone();
            async move { (channel.peer_id(), deliver::<M>(&channel, encoded).await) }
        }))
        .await;
        for peer in recipients.named() {
            if results.iter().all(|(known, _)| known != peer) {
                results.push((*peer, Err(SendError::NotConnected)));
            }
        }
        results.sort_by_key(|(peer, _)| *peer);
        results
    }
}

async fn deliver<M: Message>(channel: &Channel, encoded: Result<Arc<Vec<u8>>, EncodeError>) -> Result<(), SendError> {
    let bytes = encoded?;
    let lane = channel.lane_of::<M>()?;
    if bytes.len() > M::MAX_BYTES {
        return Err(SendError::TooLarge { message: M::NAME, bytes: bytes.len(), max_bytes: M::MAX_BYTES });
    }
    let payload =
        if bytes.len() > MAX_PAYLOAD { Encoded::Large(bytes.clone()) } else { Encoded::Small(bytes.as_slice().into()) };
    channel.offer_patiently(lane, Kind::Message, payload, PATIENCE).await
}
