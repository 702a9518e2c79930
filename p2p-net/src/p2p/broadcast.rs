//! One message to many peers: encoded once, and nobody waits for long for one who does not take it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::P2p;
use crate::channel::{Channel, Encoded, SendError};
use crate::identity::NodeId;
use crate::message::Message;
use crate::message::codec;
use crate::message::frame::{Kind, MAX_PAYLOAD};

/// How long a broadcast waits for peers whose lane is full. A peer that has used it up once is not waited for again
/// until it has taken something.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which peers a message goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    /// Every connected peer.
    All,
    /// Every connected peer but these.
    Except(Vec<NodeId>),
    /// These.
    Some(Vec<NodeId>),
}

impl P2p {
    /// Sends a message to every connected peer; says, peer by peer, what came of it.
    ///
    /// # Cancel safety
    ///
    /// When dropped, some peers may have been sent the message and others not.
    pub async fn broadcast<M: Message>(&self, message: &M) -> Vec<(NodeId, Result<(), SendError>)> {
        self.broadcast_to(&Recipients::All, message).await
    }

    /// Sends a message to every connected peer but some, such as the one it came from. First seed: `broadcast_with_exclude`.
    ///
    /// # Cancel safety
    ///
    /// When dropped, some peers may have been sent the message and others not.
    pub async fn broadcast_with_exclude<M: Message>(
        &self,
        message: &M,
        exclude: &[NodeId],
    ) -> Vec<(NodeId, Result<(), SendError>)> {
        self.broadcast_to(&Recipients::Except(exclude.to_vec()), message).await
    }

    /// Sends a message to some peers; says, peer by peer, what came of it. A peer that is not connected is not in the answer.
    ///
    /// # Cancel safety
    ///
    /// When dropped, some peers may have been sent the message and others not.
    pub async fn broadcast_to<M: Message>(
        &self,
        recipients: &Recipients,
        message: &M,
    ) -> Vec<(NodeId, Result<(), SendError>)> {
        let channels = self.channels().into_iter().filter(|channel| match recipients {
            Recipients::All => true,
            Recipients::Except(except) => !except.contains(&channel.peer_id()),
            Recipients::Some(some) => some.contains(&channel.peer_id()),
        });
        let mut bytes = Vec::new();
        if let Err(error) = codec::encode_into(message, &mut bytes) {
            let failed = |channel: Channel| (channel.peer_id(), Err(SendError::Encode(error.clone())));
            return channels.map(failed).collect();
        }
        let bytes = Arc::new(bytes);
        join_all(channels.map(|channel| {
            let bytes = bytes.clone();
            async move { (channel.peer_id(), deliver::<M>(&channel, &bytes).await) }
        }))
        .await
    }
}

async fn deliver<M: Message>(channel: &Channel, bytes: &Arc<Vec<u8>>) -> Result<(), SendError> {
    let lane = channel.lane_of::<M>()?;
    if bytes.len() > M::MAX_BYTES {
        return Err(SendError::TooLarge { message: M::NAME, bytes: bytes.len(), max_bytes: M::MAX_BYTES });
    }
    let payload = if bytes.len() > MAX_PAYLOAD { Encoded::Large(bytes.clone()) } else { Encoded::Small(bytes) };
    channel.offer_patiently(lane, Kind::Message, payload, PATIENCE).await
}
