//! What TLS runs over: a stream of bytes each way, whose directions are used by a task each.
//!
//! A socket is one, and so is a connection over a relay. It knows nothing of what is sent.

use futures::io::{AsyncRead, AsyncWrite};

/// A stream of bytes each way.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// The receiving direction.
    type Reader: AsyncRead + Send + Unpin + 'static;
    /// The sending direction.
    type Writer: AsyncWrite + Send + Unpin + 'static;

    /// Each direction for itself, once the two ends know each other.
    fn halves(self) -> (Self::Reader, Self::Writer);
}
