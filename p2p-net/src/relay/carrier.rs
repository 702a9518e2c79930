//! What relayed channels need of whatever carries them.

use std::io;

use futures::future::BoxFuture;

use super::segment::HEADER;
use crate::identity::NodeId;

/// The least bytes that a datagram of a carrier must hold: what is in front of the payload, and as much again.
pub const LEAST_DATAGRAM: usize = 2 * HEADER;

/// Moves single datagrams between nodes by their ids, as well as it can.
///
/// Datagrams may be lost, doubled, reordered, read and forged on the way: what runs over them proves who the other end is,
/// encrypts, orders and repeats. A carrier that is itself a protocol of the node must not run on relayed channels
/// (`sessions = !RELAYED`), or it would carry itself.
///
/// ```
/// use std::io;
/// use futures::FutureExt;
/// use futures::future::BoxFuture;
/// use p2p_net::NodeId;
/// use p2p_net::relay::Datagrams;
/// use smol::channel::{Receiver, Sender};
///
/// /// Everything that is sent here comes back.
/// struct Mirror(Sender<(NodeId, Vec<u8>)>, Receiver<(NodeId, Vec<u8>)>);
///
/// impl Datagrams for Mirror {
///     fn max_datagram(&self) -> usize {
///         1024
///     }
///
///     fn send<'a>(&'a self, to: &'a NodeId, datagram: Vec<u8>) -> BoxFuture<'a, ()> {
///         async move { self.0.send((*to, datagram)).await.unwrap_or_default() }.boxed()
///     }
///
///     fn receive(&self) -> BoxFuture<'_, io::Result<(NodeId, Vec<u8>)>> {
///         async { self.1.recv().await.map_err(io::Error::other) }.boxed()
///     }
/// }
/// ```
pub trait Datagrams: Send + Sync + 'static {
    /// The most bytes of one datagram: at least [`LEAST_DATAGRAM`].
    fn max_datagram(&self) -> usize;

    /// Sends a datagram to a node. It may wait for room, for that holds up one relayed channel alone; it must not wait for
    /// what is received. A datagram that cannot be sent is lost, and nothing is said.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the datagram may have been sent or not.
    fn send<'a>(&'a self, to: &'a NodeId, datagram: Vec<u8>) -> BoxFuture<'a, ()>;

    /// The next datagram that has come, and from whom as far as the carrier knows: answers go there.
    ///
    /// # Errors
    ///
    /// When nothing will ever come again; all channels over this carrier end then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future must lose no datagram that matters: what is lost is sent again.
    fn receive(&self) -> BoxFuture<'_, io::Result<(NodeId, Vec<u8>)>>;
}
