//! What a protocol's methods can ask for by the type of an argument.
//!
//! Extractors are taken for every message that a handler takes, so they only hand out what is already there. Other crates
//! add their own by implementing [`FromNode`] or [`FromChannel`].

use std::any::type_name;
use std::sync::Arc;

use super::{Config, Context, Requirement, State};
use crate::channel::Channel;
use crate::error::{Error, Result};
use crate::identity::NodeId;
use crate::p2p::{P2p, P2pPtr};
use crate::settings::Settings;

/// An argument that is taken from the node; it can be asked for anywhere.
///
/// ```
/// use p2p_net::prelude::*;
/// use p2p_net::{FromNode, P2pPtr};
///
/// /// The node, by a name of our own.
/// struct Node(P2pPtr);
///
/// impl FromNode for Node {
///     fn from_node(node: &P2pPtr) -> Result<Self> {
///         Ok(Self(node.clone()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from the node alone",
    label = "not an extractor that needs only the node"
)]
pub trait FromNode: Sized {
    /// What the application must have given the node; asked for when the node is built.
    const REQUIRES: &'static [Requirement] = &[];

    /// Takes the value.
    ///
    /// # Errors
    ///
    /// An error here is an error of the handler, the job or the constructor that asked.
    fn from_node(node: &P2pPtr) -> Result<Self>;

    /// The value for a handler's next message, copied from that of an earlier one where this is quicker than taking it anew.
    ///
    /// By default there is none, and it is taken anew for every message.
    fn again(_earlier: &Self) -> Option<Self> {
        None
    }
}

/// An argument of a protocol with `scope = node`, where there is no channel: in `init`, in jobs and at the end. It may borrow
/// the node.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not available to a protocol with `scope = node` or to a service",
    label = "needs a channel",
    note = "available in `init` and in jobs: `State<T>`, `Config<T>`, `&Settings`, `Arc<Settings>`, `&P2p`, `P2pPtr`, and every type that implements `FromNode`; a handler takes `&Channel` too"
)]
pub trait NodeArgument<'n>: Sized {
    /// What the application must have given the node.
    const REQUIRES: &'static [Requirement] = &[];

    /// Takes the value.
    ///
    /// # Errors
    ///
    /// An error here is an error of the job or the constructor that asked.
    fn take(node: &'n P2pPtr) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: FromNode> NodeArgument<'_> for T {
    const REQUIRES: &'static [Requirement] = T::REQUIRES;

    fn take(node: &P2pPtr) -> Result<Self> {
        T::from_node(node)
    }
}

/// The node, borrowed.
impl<'n> NodeArgument<'n> for &'n P2p {
    fn take(node: &'n P2pPtr) -> Result<Self> {
        Ok(node)
    }
}

/// The node's settings, borrowed.
impl<'n> NodeArgument<'n> for &'n Settings {
    fn take(node: &'n P2pPtr) -> Result<Self> {
        Ok(node.settings())
    }
}

/// An argument that is taken from a channel's [`Context`], and may borrow from it.
///
/// ```
/// use p2p_net::prelude::*;
/// use p2p_net::protocol::Context;
/// use p2p_net::FromChannel;
///
/// /// Where the peer is, as an argument.
/// struct Remote(String);
///
/// impl FromChannel<'_> for Remote {
///     fn from_channel(context: &Context) -> Result<Self> {
///         Ok(Self(context.channel().remote().to_string()))
///     }
/// }
/// ```
// The compiler takes these words for a wrong argument of any method, and never those of `Argument`: they are the same.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an extractor nor a message that can be taken here",
    label = "cannot be an argument here",
    note = "a message is taken by value, by an `#[on]` method, and has `#[derive(Message)]`",
    note = "extractors: `&Channel`, `Channel`, `NodeId`, `State<T>`, `Config<T>`, `&Settings`, `Arc<Settings>`, `&P2p`, `P2pPtr`, and every type that implements `FromChannel` or `FromNode`"
)]
pub trait FromChannel<'c>: Sized {
    /// What the application must have given the node; asked for when the node is built.
    const REQUIRES: &'static [Requirement] = &[];

    /// Takes the value.
    ///
    /// # Errors
    ///
    /// An error here is an error of the handler, the job or the constructor that asked.
    fn from_channel(context: &'c Context) -> Result<Self>;

    /// The value for a handler's next message, copied from that of an earlier one where this is quicker than taking it anew.
    ///
    /// By default there is none, and it is taken anew for every message.
    fn again(_earlier: &Self) -> Option<Self> {
        None
    }
}

#[diagnostic::do_not_recommend]
impl<T: FromNode> FromChannel<'_> for T {
    const REQUIRES: &'static [Requirement] = T::REQUIRES;

    fn from_channel(context: &Context) -> Result<Self> {
        T::from_node(context.node())
    }

    fn again(earlier: &Self) -> Option<Self> {
        T::again(earlier)
    }
}

/// The channel, borrowed.
impl<'c> FromChannel<'c> for &'c Channel {
    fn from_channel(context: &'c Context) -> Result<Self> {
        Ok(context.channel())
    }
}

/// The channel.
impl FromChannel<'_> for Channel {
    fn from_channel(context: &Context) -> Result<Self> {
        Ok(context.channel().clone())
    }
}

/// The peer.
impl FromChannel<'_> for NodeId {
    fn from_channel(context: &Context) -> Result<Self> {
        Ok(context.channel().peer_id())
    }
}

/// The node, borrowed.
impl<'c> FromChannel<'c> for &'c P2p {
    fn from_channel(context: &'c Context) -> Result<Self> {
        Ok(context.node())
    }
}

/// The node.
impl FromNode for P2pPtr {
    fn from_node(node: &P2pPtr) -> Result<Self> {
        Ok(node.clone())
    }
}

/// The node's settings, borrowed.
impl<'c> FromChannel<'c> for &'c Settings {
    fn from_channel(context: &'c Context) -> Result<Self> {
        Ok(context.node().settings())
    }
}

/// The node's settings.
impl FromNode for Arc<Settings> {
    fn from_node(node: &P2pPtr) -> Result<Self> {
        Ok(node.settings().clone())
    }
}

/// How the protocol is configured.
impl<T: Default + Send + Sync + 'static> FromNode for Config<T> {
    const REQUIRES: &'static [Requirement] = &[Self::REQUIREMENT];

    fn from_node(node: &P2pPtr) -> Result<Self> {
        // Only a protocol that joined after the node was built finds none.
        Ok(node.config_of().unwrap_or_else(|| Self::new(T::default())))
    }

    fn again(earlier: &Self) -> Option<Self> {
        Some(earlier.clone())
    }
}

/// What the application gave the node.
impl<T: Send + Sync + 'static> FromNode for State<T> {
    const REQUIRES: &'static [Requirement] = &[Self::REQUIREMENT];

    fn from_node(node: &P2pPtr) -> Result<Self> {
        // Only a protocol that joined after the node was built can miss one.
        node.state_of().ok_or_else(|| Error::msg(format!("nobody gave the node a `State<{}>`", type_name::<T>())))
    }

    fn again(earlier: &Self) -> Option<Self> {
        Some(earlier.clone())
    }
}
