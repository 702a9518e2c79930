//! Datagrams to nodes by their ids alone: what relayed channels over the relay are made of.

use std::io;

use futures::FutureExt;
use futures::future::BoxFuture;
use p2p_net::NodeId;
use p2p_net::relay;

use crate::errors::SendError;
use crate::mailbox::{Heard, Subscription};
use crate::pss::Pss;
use crate::received::Received;
use crate::seal::MAX_ASYMMETRIC;
use crate::topic::Topic;

/// The most bytes of a datagram: as much as one envelope holds, since the pace of a link is one of envelopes, whatever their
/// size. What has less to say makes a smaller one.
pub const MAX_DATAGRAM: usize = MAX_ASYMMETRIC;

/// What datagrams are about, to those that carry them.
pub const DATAGRAM_NAME: &str = "p2p-net pss datagram";

/// A node's datagrams: sealed and signed, to the full address, unordered, and lost at times.
///
/// They are the carrier of [relayed channels](p2p_net::relay), channels to nodes that there is no connection with:
///
/// ```
/// use p2p_net::{SessionFlags, testing};
/// use p2p_pss::{Pss, PssLink, PssNode};
///
/// testing::network().with::<PssNode>().with::<PssLink>().run(async |[alice, bob, carol]| {
///     // Only bob is connected with both.
///     alice.cut(&carol);
///     alice.reset(&carol);
///     alice.until(|alice| alice.peer_count() == 1).await;
///     let [relay, _carols] = [&alice, &carol].map(|node| Pss::of(node).unwrap().carry_channels().unwrap());
///     let channel = relay.dial(carol.id()).await.unwrap();
///     assert_eq!((channel.peer_id(), channel.session()), (carol.id(), SessionFlags::RELAYED));
/// });
/// ```
///
/// They wait in a queue of their own in each outbox, so that a stream delays no message. What finds that queue full is lost,
/// as on any way that is too narrow; the stream is sent again, and more slowly.
#[derive(Debug)]
pub struct Datagrams {
    pss: Pss,
    topic: Topic,
    heard: Subscription<Received>,
}

impl Datagrams {
    /// The datagrams of a relay, from now on.
    pub fn of(pss: &Pss) -> Self {
        let topic = Topic::of(DATAGRAM_NAME);
        Self { pss: pss.clone(), topic, heard: pss.subscribe(topic) }
    }

    /// Sends up to [`MAX_DATAGRAM`] bytes.
    ///
    /// # Errors
    ///
    /// [`SendError`]: it was not sent.
    pub fn send(&self, to: &NodeId, bytes: &[u8]) -> Result<(), SendError> {
        self.pss.send_datagram(to, self.topic, bytes).map(drop)
    }

    /// The next datagram and who sent it, or `None` when the node has stopped. What was not read in time is lost.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost when the future is dropped.
    pub async fn next(&self) -> Option<(NodeId, Vec<u8>)> {
        loop {
            match self.heard.take().await? {
                // Whoever shares a key about this topic may seal to it; no node has signed that.
                Heard::Message(message) => match message.sender.node() {
                    Some(node) => return Some((node, message.payload)),
                    None => continue,
                },
                Heard::Lost(count) => log::debug!(target: "net", "pss: {count} datagrams were not read in time"),
            }
        }
    }
}

impl relay::Datagrams for Datagrams {
    fn max_datagram(&self) -> usize {
        MAX_DATAGRAM
    }

    fn send<'a>(&'a self, to: &'a NodeId, datagram: Vec<u8>) -> BoxFuture<'a, ()> {
        if let Err(error) = self.send(to, &datagram) {
            log::debug!(target: "net", "pss: a datagram to {} is lost: {error}", to.short());
        }
        std::future::ready(()).boxed()
    }

    fn receive(&self) -> BoxFuture<'_, io::Result<(NodeId, Vec<u8>)>> {
        async { self.next().await.ok_or_else(|| io::Error::new(io::ErrorKind::BrokenPipe, "the relay has stopped")) }
            .boxed()
    }
}
