//! What an application gets.

use p2p_net::NodeId;

use crate::keys::KeyId;
use crate::topic::Topic;

/// A message that was opened, or came raw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What it is about.
    pub topic: Topic,
    /// What it says.
    pub payload: Vec<u8>,
    /// Who sent it, as far as that is known.
    pub sender: Sender,
    /// Whether it is a reply to a message.
    pub is_reply: bool,
    /// How many more hops it could have gone.
    pub hops: u8,
}

/// Who sent a message, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The node with this public key, proved by its signature.
    Asymmetric(NodeId),
    /// Somebody who has this shared key.
    Symmetric(KeyId),
    /// The node with this public key, in a session.
    Session {
        /// Who.
        peer: NodeId,
        /// Which session.
        key: KeyId,
    },
    /// Anybody: the application's own encryption may tell.
    Raw,
}

impl Sender {
    /// The public key that was proved.
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Self::Asymmetric(node) | Self::Session { peer: node, .. } => Some(*node),
            Self::Symmetric(_) | Self::Raw => None,
        }
    }
}
