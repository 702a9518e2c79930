//! What a caller is told when a call fails.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;

/// The codes of errors: those of JSON-RPC 2.0, and ours in the range it leaves to servers.
///
/// ```
/// use p2p_net::rpc::{RpcError, code};
///
/// assert_eq!(RpcError::method_not_found("chat_sing").code, code::METHOD_NOT_FOUND);
/// ```
pub mod code {
    /// The bytes are no JSON.
    pub const PARSE: i64 = -32_700;
    /// The JSON is no request.
    pub const INVALID_REQUEST: i64 = -32_600;
    /// There is no such method, or it is not offered here.
    pub const METHOD_NOT_FOUND: i64 = -32_601;
    /// The arguments do not fit the method.
    pub const INVALID_PARAMS: i64 = -32_602;
    /// The method panicked: a fault of its author.
    pub const INTERNAL: i64 = -32_603;
    /// The method failed; its message says why. Also the code of errors without one of their own, as in geth.
    pub const FAILED: i64 = -32_000;
    /// This caller may not call: its host, origin or token is not among those that may.
    pub const NOT_ALLOWED: i64 = -32_001;
    /// The method did not answer in time; geth's code.
    pub const TIMED_OUT: i64 = -32_002;
    /// The answer is larger than the server sends; geth's code.
    pub const ANSWER_TOO_LARGE: i64 = -32_003;
    /// Not over this transport: subscriptions over HTTP. The code is EIP-1474's.
    pub const NOT_SUPPORTED: i64 = -32_004;
    /// A limit of the server is exceeded; `data` has its name and value. The code is EIP-1474's.
    pub const LIMIT_EXCEEDED: i64 = -32_005;
    /// Too many calls of this connection are under way; try again when one is answered.
    pub const OVERLOADED: i64 = -32_006;
    /// A peer could not be reached.
    pub const UNREACHABLE: i64 = -32_010;
    /// A peer refused this node, or this node the peer.
    pub const REFUSED: i64 = -32_011;
    /// Somebody else is where the peer should be.
    pub const WRONG_IDENTITY: i64 = -32_012;
    /// This node is not running.
    pub const NOT_RUNNING: i64 = -32_013;
}

/// An error as a caller receives it: a number for programs, a text for people, and whatever else there is to know.
///
/// A method returns one to choose the code; any other error becomes [`code::FAILED`] with its text.
///
/// ```
/// use p2p_net::rpc::RpcError;
///
/// let error = RpcError::new(-32_050, "the shelf is full").with_data(serde_json::json!({ "places": 0 }));
/// assert_eq!(error.to_string(), "the shelf is full (-32050)");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RpcError {
    /// What kind of error: one of [`code`], or the method's own.
    pub code: i64,
    /// One sentence.
    pub message: String,
    /// More, in a form that the method's documentation tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    /// An error with this code and text.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The same with more to know.
    #[must_use]
    pub fn with_data(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }

    /// [`code::METHOD_NOT_FOUND`]: there is no `method`, or it is not offered over this transport.
    pub fn method_not_found(method: &str) -> Self {
        let method = shortened(method);
        Self::new(code::METHOD_NOT_FOUND, format!("method not found: `{method}` does not exist or is not offered here"))
    }

    /// [`code::INVALID_PARAMS`]: what is wrong with the arguments.
    pub fn invalid_params(problem: impl fmt::Display) -> Self {
        Self::new(code::INVALID_PARAMS, format!("invalid params: {problem}"))
    }

    pub(crate) fn invalid_request(problem: impl fmt::Display) -> Self {
        Self::new(code::INVALID_REQUEST, format!("invalid request: {problem}"))
    }

    pub(crate) fn parse(problem: impl fmt::Display) -> Self {
        Self::new(code::PARSE, format!("parse error: {problem}"))
    }

    /// `limit` is the name of the setting, `most` its value.
    pub(crate) fn limit_exceeded(limit: &'static str, most: usize, problem: impl fmt::Display) -> Self {
        let data = serde_json::json!({ "limit": limit, "most": most });
        Self::new(code::LIMIT_EXCEEDED, format!("limit exceeded: {problem}")).with_data(data)
    }
}

/// A name as it may stand in a message or a log: not the megabyte that somebody sent as one.
pub(crate) fn shortened(name: &str) -> String {
    const MOST: usize = 128;
    let mut short: String = name.chars().take(MOST).flat_map(char::escape_debug).collect();
    if name.chars().nth(MOST).is_some() {
        short.push('…');
    }
    short
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for RpcError {}

/// An [`RpcError`] that came by `?` is taken out again; the text of anything else becomes the message.
impl From<Error> for RpcError {
    fn from(error: Error) -> Self {
        error.downcast().unwrap_or_else(|error| Self::new(code::FAILED, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_code_on_the_way_through_ours() {
        let full = RpcError::new(-32_050, "full").with_data(Value::from(3));
        assert_eq!(RpcError::from(Error::from(full.clone())), full);
        let other = RpcError::from(Error::msg("no shelf"));
        assert_eq!((other.code, other.message.as_str()), (code::FAILED, "no shelf"));
    }

    #[test]
    fn a_long_name_is_cut_and_shows_no_control_characters() {
        let error = RpcError::method_not_found(&"\u{1b}é".repeat(1_000_000));
        assert!(error.message.len() < 2_000 && !error.message.contains('\u{1b}'), "{}", error.message.len());
    }
}
