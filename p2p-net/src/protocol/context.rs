//! What a protocol on a channel can reach: its node, its channel, its jobs and its inbox.

use std::sync::{Mutex, PoisonError};

use super::ProtocolJobsManager;
use crate::channel::Channel;
use crate::message::Inbox;
use crate::p2p::P2pPtr;

/// What a protocol on a channel can reach; extractors are taken from it.
///
/// ```
/// use p2p_net::prelude::*;
/// use p2p_net::protocol::Context;
///
/// fn describe(context: &Context) -> String {
///     format!("{} to {}", context.node().id().short(), context.channel().peer_id().short())
/// }
/// ```
#[derive(Debug)]
pub struct Context {
    node: P2pPtr,
    channel: Channel,
    jobs: ProtocolJobsManager,
    inbox: Mutex<Option<Inbox>>,
}

impl Context {
    pub(crate) fn new(node: P2pPtr, channel: Channel, jobs: ProtocolJobsManager, inbox: Inbox) -> Self {
        Self { node, channel, jobs, inbox: Mutex::new(Some(inbox)) }
    }

    /// The node.
    pub fn node(&self) -> &P2pPtr {
        &self.node
    }

    /// The channel.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The protocol's tasks on this channel.
    pub fn jobs(&self) -> &ProtocolJobsManager {
        &self.jobs
    }

    /// The messages of all types the descriptor lists, in order of arrival, since before the channel read its first byte.
    ///
    /// `None` the second time: a protocol has one inbox.
    ///
    /// ```
    /// use p2p_net::prelude::*;
    /// use p2p_net::protocol::Context;
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    ///
    /// async fn read(context: Context) -> Result<()> {
    ///     let Some(mut inbox) = context.take_inbox() else { return Ok(()) };
    ///     while let Ok(delivery) = inbox.next().await {
    ///         let Say(text) = delivery.decode()?;
    ///         log::info!("{text}");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn take_inbox(&self) -> Option<Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What a protocol with one instance a node can reach where there is no channel.
///
/// ```
/// use p2p_net::prelude::*;
/// use p2p_net::protocol::NodeContext;
///
/// fn start(context: &NodeContext) {
///     let node = context.node().clone();
///     context.jobs().spawn(async move { Ok(log::info!("{} has begun", node.id().short())) });
/// }
/// ```
#[derive(Debug)]
pub struct NodeContext {
    node: P2pPtr,
    jobs: ProtocolJobsManager,
}

impl NodeContext {
    pub(crate) fn new(node: P2pPtr, jobs: ProtocolJobsManager) -> Self {
        Self { node, jobs }
    }

    /// The node.
    pub fn node(&self) -> &P2pPtr {
        &self.node
    }

    /// The protocol's tasks on this node that belong to no channel.
    pub fn jobs(&self) -> &ProtocolJobsManager {
        &self.jobs
    }
}
