//! What can go wrong with a call, seen from the caller.

use std::time::Duration;

use super::super::error::RpcError;

/// A call without the answer that was wanted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The method, or the server, says why.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The connection is lost: the method may have run or not.
    #[error("the connection to the server is lost: {0}")]
    Disconnected(String),
    /// There is no server, or it does not let this client in.
    #[error("cannot connect to {address}: {problem}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        problem: String,
    },
    /// No answer came in time: the method may have run or not.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// An argument has no form in JSON.
    #[error("an argument of `{method}` has no form in JSON: {problem}")]
    Encode {
        /// The method.
        method: String,
        /// Why.
        problem: String,
    },
    /// What was answered is of another type.
    #[error("the answer of `{method}` is of another type: {problem}")]
    Decode {
        /// The method.
        method: String,
        /// What the deserializer says.
        problem: String,
    },
    /// The server speaks no JSON-RPC, or not now.
    #[error("the server does not answer as one of JSON-RPC: {0}")]
    Protocol(String),
    /// Not over this transport: subscriptions over HTTP.
    #[error("subscriptions need a connection that stays: use WebSocket, a Unix socket or TCP")]
    NotSupported,
}

impl CallError {
    pub(super) fn decode(method: &str, error: &serde_json::Error) -> Self {
        Self::Decode { method: method.to_owned(), problem: error.to_string() }
    }
}

/// Something that is wrong with a subscription.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// This many notifications before the next one are lost: somebody did not read them in time. The subscription goes on.
    #[error("{0} notifications are lost")]
    Lost(u64),
    /// A notification is of another type. The subscription goes on.
    #[error("a notification is of another type: {0}")]
    Decode(String),
    /// It has ended with an error.
    #[error("the subscription has ended: {0}")]
    Ended(RpcError),
    /// The connection is lost, and with it the subscription.
    #[error("the connection to the server is lost: {0}")]
    Disconnected(String),
}
