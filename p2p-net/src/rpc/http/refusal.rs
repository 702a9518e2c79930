//! What a caller is told that cannot be served: a status for HTTP, and an error of JSON-RPC that says why.

use super::super::error::{RpcError, code};

/// The statuses that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    NoContent,
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Timeout,
    LengthRequired,
    BodyTooLarge,
    MediaType,
    UpgradeRequired,
    HeadTooLarge,
    Unavailable,
}

impl Status {
    #[cfg(test)]
    pub(super) fn code(self) -> u16 {
        self.parts().0
    }

    /// The number, and the words beside it.
    pub(super) fn parts(self) -> (u16, &'static str) {
        match self {
            Self::Ok => (200, "OK"),
            Self::NoContent => (204, "No Content"),
            Self::BadRequest => (400, "Bad Request"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::Forbidden => (403, "Forbidden"),
            Self::NotFound => (404, "Not Found"),
            Self::MethodNotAllowed => (405, "Method Not Allowed"),
            Self::Timeout => (408, "Request Timeout"),
            Self::LengthRequired => (411, "Length Required"),
            Self::BodyTooLarge => (413, "Content Too Large"),
            Self::MediaType => (415, "Unsupported Media Type"),
            Self::UpgradeRequired => (426, "Upgrade Required"),
            Self::HeadTooLarge => (431, "Request Header Fields Too Large"),
            Self::Unavailable => (503, "Service Unavailable"),
        }
    }
}

/// Why a request is not served.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: Status,
    pub(super) error: RpcError,
    /// A header that goes with the status.
    pub(super) header: Option<(&'static str, &'static str)>,
}

impl Refusal {
    pub(super) fn new(status: Status, problem: impl Into<String>) -> Self {
        let code = match status {
            Status::Unauthorized | Status::Forbidden => code::NOT_ALLOWED,
            Status::Timeout => code::TIMED_OUT,
            _ => code::INVALID_REQUEST,
        };
        Self { status, error: RpcError::new(code, problem), header: None }
    }

    pub(super) fn with(self, name: &'static str, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    /// More than a limit of the settings allows.
    pub(super) fn over(status: Status, limit: &'static str, most: usize, problem: &str) -> Self {
        Self { status, error: RpcError::limit_exceeded(limit, most, problem), header: None }
    }
}
