//! What can go wrong between two nodes before they are connected.
//!
//! Transports make these errors, sessions read them to decide what to do with an address. They carry what a person needs
//! to put things right, and no secret.

use std::io;

use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::transport::Endpoint;

/// Why a dial came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The URL's scheme has no transport here.
    #[error(transparent)]
    Scheme(#[from] UnknownScheme),
    /// The URL names no port to dial.
    #[error("port 0 cannot be dialled: it only lets the system choose a port to listen on")]
    NoPort,
    /// The host name was not resolved.
    #[error("cannot resolve {host}: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The host name has no address.
    #[error("{host} resolves to no address")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// Nothing took the connection; of several addresses tried, this is the last.
    #[error("cannot connect to {at}: {source}")]
    Connect {
        /// The address.
        at: Endpoint,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else answered.
    #[error("expected node {expected}, but {found} answered: is the id of the url right?")]
    UnexpectedIdentity {
        /// The id that the URL names.
        expected: NodeId,
        /// The id that the other end has.
        found: NodeId,
    },
    /// The two ends did not come to terms.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}

/// Why an address cannot be listened at.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The URL's scheme has no transport here.
    #[error(transparent)]
    Scheme(#[from] UnknownScheme),
    /// The URL names another node.
    #[error("cannot listen as {named}: this node is {ours}; leave the id out or put ours in")]
    OtherIdentity {
        /// The id in the URL.
        named: NodeId,
        /// Our own.
        ours: NodeId,
    },
    /// The host name was not resolved.
    #[error("cannot resolve {host}: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The address is taken, or not one of this machine.
    #[error("cannot listen at {at}: {source}")]
    Bind {
        /// The address.
        at: NodeUrl,
        /// What the system said.
        source: io::Error,
    },
}

/// Why two connected ends did not come to terms; nothing but the handshake was exchanged.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The other end went away: it may have refused us, or its dialer expected somebody else.
    #[error("the other end closed the connection before the handshake was done")]
    Closed,
    /// The connection broke.
    #[error("the connection broke during the handshake: {0}")]
    Io(#[source] io::Error),
    /// The other end speaks something else.
    #[error("the other end does not speak {expected}: is the scheme of the url right?")]
    OtherProtocol {
        /// What was expected.
        expected: &'static str,
    },
    /// The other end does not own the key it showed.
    #[error("the other end showed the key of {claimed} and could not prove that it owns it")]
    NotProven {
        /// Whose key it showed.
        claimed: NodeId,
    },
    /// TLS ended it; the text is what TLS said.
    #[error("tls: {0}")]
    Tls(String),
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Closed } else { Self::Io(error) }
    }
}

/// A URL's scheme has no transport here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no transport for {scheme}:// here, only for {}", list(.allowed))]
pub struct UnknownScheme {
    /// The scheme.
    pub scheme: String,
    /// Those that have one.
    pub allowed: Vec<&'static str>,
}

fn list(schemes: &[&str]) -> String {
    schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(", ")
}

/// What an error of [`Listener::accept`](crate::transport::Listener::accept) leaves its caller to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptRecovery {
    /// One connection went away before it was accepted: accept the next.
    Continue,
    /// The system has no file, socket or memory left, or the network is down: wait a moment, then accept again.
    ///
    /// Going on at once would only burn the processor, for the connection stays in the queue.
    Pause,
    /// The listener is gone.
    Stop,
}

impl AcceptRecovery {
    /// What to do after `error`.
    pub fn after(error: &io::Error) -> Self {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted, InvalidInput, NotConnected, Unsupported,
        };
        /// "Bad file descriptor", the same number on every Unix; the standard library has no kind for it.
        const EBADF: i32 = 9;
        match error.kind() {
            ConnectionAborted | ConnectionReset | Interrupted => Self::Continue,
            BrokenPipe | NotConnected | InvalidInput | Unsupported => Self::Stop,
            _ if cfg!(unix) && error.raw_os_error() == Some(EBADF) => Self::Stop,
            _ => Self::Pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lost_connection_is_not_a_lost_listener() {
        let after = |kind: io::ErrorKind| AcceptRecovery::after(&kind.into());
        assert_eq!(after(io::ErrorKind::ConnectionAborted), AcceptRecovery::Continue);
        assert_eq!(after(io::ErrorKind::OutOfMemory), AcceptRecovery::Pause);
        assert_eq!(after(io::ErrorKind::NotConnected), AcceptRecovery::Stop);
    }

    #[cfg(unix)]
    #[test]
    fn a_process_out_of_files_pauses() {
        let (too_many_files, bad_file) = (io::Error::from_raw_os_error(24), io::Error::from_raw_os_error(9));
        assert_eq!(AcceptRecovery::after(&too_many_files), AcceptRecovery::Pause);
        assert_eq!(AcceptRecovery::after(&bad_file), AcceptRecovery::Stop);
    }
}
