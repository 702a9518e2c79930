//! Why a channel ended: the reasons, their codes on the wire, and who decided.
//!
//! The channel fills these in, the close frame carries the code, events and logs show them. Nothing here judges a
//! peer: [`is_violation`](DisconnectReason::is_violation) only says which reasons prove misbehaviour, so that an honest
//! accident never counts against anybody.

use std::fmt;

/// Longest detail in bytes: it travels behind a one-byte length.
pub const MAX_DETAIL: usize = 255;

/// Writes the enum, its codes and its explanations from one table, so that they cannot drift apart.
macro_rules! reasons {
    ($($code:literal $name:ident $text:literal)*) => {
        /// Why a channel ended; the codes are part of the wire format and never change their meaning.
        ///
        /// ```
        /// use p2p_net::disconnect::DisconnectReason;
        ///
        /// assert_eq!(DisconnectReason::TooManyPeers.to_string(), "too many peers");
        /// assert_eq!(DisconnectReason::from_code(2), DisconnectReason::TooManyPeers);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum DisconnectReason {
            $(#[doc = concat!("Code ", $code, ": ", $text, ".")] $name,)*
            /// The connection broke; known only to this side and never sent.
            NetworkError,
            /// A code this version does not know.
            Other(u8),
        }

        impl DisconnectReason {
            /// Every reason that can be sent, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code on the wire.
            pub fn code(self) -> u8 {
                match self {
                    $(Self::$name => $code,)*
                    Self::NetworkError => u8::MAX,
                    Self::Other(code) => code,
                }
            }

            /// The reason a received code stands for.
            ///
            /// Never [`NetworkError`](Self::NetworkError): a peer that sends its code gets [`Other`](Self::Other).
            pub fn from_code(code: u8) -> Self {
                match code {
                    $($code => Self::$name,)*
                    other => Self::Other(other),
                }
            }
        }

        impl fmt::Display for DisconnectReason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name => f.write_str($text),)*
                    Self::NetworkError => f.write_str("the connection broke"),
                    Self::Other(code) => write!(f, "unknown reason {code}"),
                }
            }
        }
    };
}

reasons! {
    0 Requested "disconnect requested"
    1 Stopped "the node is shutting down"
    2 TooManyPeers "too many peers"
    3 AlreadyConnected "already connected"
    4 SelfConnection "connected to itself"
    5 NetworkMismatch "the peer is in another network"
    6 IncompatibleVersion "no common protocol version"
    7 UnexpectedIdentity "the peer is not the node that was dialled"
    8 Banned "banned"
    9 HandshakeTimeout "the handshake took too long"
    10 HandshakeRefused "the handshake was refused"
    11 Timeout "a request was not answered in time"
    12 WriteStall "the peer stopped reading"
    13 UnknownKind "a frame of unknown kind"
    14 UnknownMessage "a message nobody announced"
    15 MessageTooLarge "a message larger than its type allows"
    16 WindowExceeded "more bytes than the window allows"
    17 Malformed "a frame or message that does not decode"
    18 HandlerFailed "a protocol handler failed"
    19 Probe "address check done"
    20 Replaced "replaced by another connection to the same node"
    21 RateLimited "more messages than the rate allows"
}

impl DisconnectReason {
    /// Whether a peer can be told: of a connection that broke it cannot.
    pub(crate) fn is_sent(self) -> bool {
        self != Self::NetworkError
    }

    /// Whether this reason proves that the other side broke the protocol, on purpose or by a bug.
    ///
    /// Everything that slow networks, crashes, full nodes or differing settings can cause is none.
    ///
    /// ```
    /// use p2p_net::disconnect::DisconnectReason;
    ///
    /// assert!(DisconnectReason::WindowExceeded.is_violation());
    /// assert!(!DisconnectReason::NetworkError.is_violation());
    /// ```
    pub fn is_violation(self) -> bool {
        use DisconnectReason as R;
        matches!(
            self,
            R::UnknownKind | R::UnknownMessage | R::MessageTooLarge | R::WindowExceeded | R::Malformed | R::RateLimited
        )
    }
}

/// One of the two ends of a channel, seen from this node.
///
/// ```
/// use p2p_net::disconnect::Side;
///
/// assert_eq!(format!("closed {}", Side::Remote), "closed by the peer");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// This node.
    Local,
    /// The peer.
    Remote,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "by this node",
            Self::Remote => "by the peer",
        })
    }
}

/// The end of a channel: the reason, what exactly happened, and who decided.
///
/// ```
/// use p2p_net::disconnect::{Disconnect, DisconnectReason};
///
/// let end = Disconnect::remote(DisconnectReason::TooManyPeers, "64 are enough");
/// assert_eq!(end.to_string(), "too many peers (by the peer: 64 are enough)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnect {
    /// The reason.
    pub reason: DisconnectReason,
    /// What exactly happened, empty or for people to read, at most [`MAX_DETAIL`] bytes.
    pub detail: String,
    /// Who ended the channel.
    pub by: Side,
}

impl Disconnect {
    /// This node ends the channel.
    pub fn local(reason: DisconnectReason, detail: impl Into<String>) -> Self {
        Self::new(reason, detail.into(), Side::Local)
    }

    /// The peer ended the channel.
    pub fn remote(reason: DisconnectReason, detail: impl Into<String>) -> Self {
        Self::new(reason, detail.into(), Side::Remote)
    }

    /// What a close frame carries: the code, then the detail.
    pub(crate) fn to_wire(&self) -> Vec<u8> {
        let mut payload = vec![self.reason.code()];
        payload.extend_from_slice(self.detail.as_bytes());
        payload
    }

    /// What the peer's close frame says; one without a code gives no reason, which is a reason too.
    pub(crate) fn from_wire(payload: &[u8]) -> Self {
        let (code, detail) = payload.split_first().unwrap_or((&0, &[]));
        Self::remote(DisconnectReason::from_code(*code), String::from_utf8_lossy(detail))
    }

    fn new(reason: DisconnectReason, mut detail: String, by: Side) -> Self {
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL));
        Self { reason, detail, by }
    }
}

impl From<DisconnectReason> for Disconnect {
    fn from(reason: DisconnectReason) -> Self {
        Self::local(reason, "")
    }
}

impl fmt::Display for Disconnect {
    /// The detail may come from the peer: control characters are escaped, so that it cannot forge log lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.reason, self.by)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail.escape_debug())?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back_as_its_reason() {
        for (code, reason) in (0..).zip(DisconnectReason::ALL) {
            assert_eq!((reason.code(), DisconnectReason::from_code(code)), (code, *reason));
        }
        assert_eq!(DisconnectReason::ALL.len(), 22);
        for code in 22..=u8::MAX {
            assert_eq!(DisconnectReason::from_code(code), DisconnectReason::Other(code));
            assert_eq!(DisconnectReason::Other(code).code(), code);
        }
    }

    #[test]
    fn accidents_are_no_violations() {
        use DisconnectReason as R;
        for reason in [R::Requested, R::Stopped, R::NetworkError, R::Timeout, R::WriteStall, R::Probe, R::Other(99)] {
            assert!(!reason.is_violation(), "{reason}");
        }
        assert_eq!(R::ALL.iter().filter(|reason| reason.is_violation()).count(), 6);
    }

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let end = Disconnect::remote(DisconnectReason::Malformed, "ü".repeat(200));
        assert_eq!(end.detail.len(), 254);
        assert_eq!(Disconnect::local(DisconnectReason::Malformed, "x".repeat(255)).detail.len(), 255);
    }

    #[test]
    fn it_reads_as_a_sentence_and_cannot_forge_a_log_line() {
        assert_eq!(Disconnect::from(DisconnectReason::Banned).to_string(), "banned (by this node)");
        let end = Disconnect::remote(DisconnectReason::Requested, "bye\nERROR");
        assert_eq!(end.to_string(), "disconnect requested (by the peer: bye\\nERROR)");
    }
}
