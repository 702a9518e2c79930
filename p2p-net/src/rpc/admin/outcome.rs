//! What came of connecting to a peer, as an error that a program can tell apart.

use serde_json::{Value, json};

use super::super::error::{RpcError, code};
use crate::disconnect::{Disconnect, DisconnectReason, Side};
use crate::session::ConnectError;
use crate::transport::DialError;

/// Why there is no connection: `data.outcome` is a word for each code.
pub(super) fn of(error: &ConnectError) -> RpcError {
    let (code, data) = match error {
        ConnectError::NotRunning => (code::NOT_RUNNING, json!({ "outcome": "not running" })),
        ConnectError::Dial { error: DialError::UnexpectedIdentity { expected, found }, .. } => {
            (code::WRONG_IDENTITY, json!({ "outcome": "wrong identity", "expected": expected, "found": found }))
        }
        ConnectError::Refused { reason, .. } => refused(reason),
        ConnectError::Transport(_) | ConnectError::Dial { .. } | ConnectError::TimedOut { .. } => {
            (code::UNREACHABLE, json!({ "outcome": "unreachable" }))
        }
    };
    RpcError::new(code, error.to_string()).with_data(data)
}

fn refused(end: &Disconnect) -> (i64, Value) {
    let by = match end.by {
        Side::Local => "this node",
        Side::Remote => "the peer",
    };
    let (code, outcome) = match end.reason {
        DisconnectReason::UnexpectedIdentity => (code::WRONG_IDENTITY, "wrong identity"),
        _ => (code::REFUSED, "refused"),
    };
    let (reason, number) = (end.reason.to_string(), end.reason.code());
    (code, json!({ "outcome": outcome, "by": by, "reason": reason, "reasonCode": number, "detail": end.detail }))
}
