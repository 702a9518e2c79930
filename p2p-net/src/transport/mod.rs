//! Byte streams to proven peers: what a channel needs of a network, and nothing else.
//!
//! A connector finds the [`Transport`] of a URL by its scheme and dials, an acceptor listens; both get a [`Connection`]:
//! an ordered, reliable byte stream whose other end has proved its [`NodeId`]. A transport knows no message, keeps no
//! list of peers and spawns no task; it sets no deadline on the whole of a dial or a handshake: callers do, with
//! [`Clock::timeout`](crate::clock::Clock::timeout).

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::io::{AsyncRead, AsyncWrite};

use crate::identity::NodeId;
use crate::node_url::NodeUrl;

mod duplex;
mod error;
pub mod memory;

mod socket;
pub mod tcp;
pub mod tls;

pub(crate) use duplex::Duplex;
pub use error::{AcceptRecovery, DialError, HandshakeError, ListenError, UnknownScheme};

/// The receiving half of a connection.
pub type BoxReader = Box<dyn AsyncRead + Send + Unpin>;
/// The sending half of a connection; closing it tells the other end that nothing more comes.
pub type BoxWriter = Box<dyn AsyncWrite + Send + Unpin>;

/// A way to reach nodes, found by the scheme of their URLs.
pub trait Transport: Send + Sync + 'static {
    /// The scheme of the URLs it serves, such as `tls`.
    fn scheme(&self) -> &'static str;

    /// Begins to listen at an address, at once also reachable when its port was just left.
    ///
    /// # Errors
    ///
    /// [`ListenError`] when the address is not ours to listen at.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    fn listen<'a>(&'a self, at: &'a NodeUrl) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>>;

    /// Connects and has the other end prove its key, before anything but the handshake is sent to it.
    ///
    /// # Errors
    ///
    /// [`DialError`]; [`DialError::UnexpectedIdentity`] when `to` names an id and the other end has another.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what it opened.
    fn dial<'a>(&'a self, to: &'a NodeUrl) -> BoxFuture<'a, Result<Connection, DialError>>;
}

/// An address being listened at; dropping it stops that.
pub trait Listener: Send + Sync {
    /// Where it listens, with the port it really has and our own id.
    fn url(&self) -> NodeUrl;

    /// The next connection that arrives; quick, for no cryptography runs here and no peer is waited for.
    ///
    /// # Errors
    ///
    /// What the system says. Most of it concerns one connection or one bad moment, not the listener:
    /// [`AcceptRecovery::after`] tells whether to go on at once, after a pause, or not at all.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no connection.
    fn accept(&self) -> BoxFuture<'_, io::Result<Incoming>>;
}

/// A connection that arrived and whose peer is not known yet; dropping it closes it.
pub struct Incoming {
    /// Where it comes from.
    pub remote: Endpoint,
    /// The rest of the way to a connection. The caller runs it in a task of its own, counts it, and limits its time:
    /// until then the peer may be anybody, and may stay silent for ever.
    pub handshake: BoxFuture<'static, Result<Connection, HandshakeError>>,
}

/// A byte stream to a proven peer; dropping both halves closes it.
pub struct Connection {
    /// The id the other end has proved.
    pub peer: NodeId,
    /// Where it is.
    pub remote: Endpoint,
    /// What it sends.
    pub reader: BoxReader,
    /// What is sent to it.
    pub writer: BoxWriter,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming(from {})", self.remote)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({:?} at {})", self.peer, self.remote)
    }
}

/// The other end's place in the network, as the transport sees it; unlike a [`NodeUrl`] not where it can be dialled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// A socket.
    Socket(SocketAddr),
    /// A host of a [`MemoryNetwork`](memory::MemoryNetwork), by name.
    Memory(String),
    /// Wherever a node is; what leads there is a relay.
    Relayed(NodeId),
}

impl Endpoint {
    /// The IP address, for limits per address: an IPv4-mapped IPv6 address is the IPv4 address it stands for.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Socket(address) => Some(address.ip().to_canonical()),
            Self::Memory(_) | Self::Relayed(_) => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => SocketAddr::new(address.ip().to_canonical(), address.port()).fmt(f),
            Self::Memory(host) => f.write_str(host),
            Self::Relayed(_) => f.write_str("relay"),
        }
    }
}

/// The transports a node may use, found by URL scheme; what is not in it is not allowed.
#[derive(Clone, Default)]
pub struct Transports(BTreeMap<&'static str, Arc<dyn Transport>>);

impl Transports {
    /// The same with one more; it replaces one of the same scheme.
    #[must_use]
    pub fn with(mut self, transport: impl Transport) -> Self {
        self.0.insert(transport.scheme(), Arc::new(transport));
        self
    }

    /// The same with one more that others hold too.
    #[must_use]
    pub(crate) fn with_shared(mut self, transport: Arc<dyn Transport>) -> Self {
        self.0.insert(transport.scheme(), transport);
        self
    }

    /// Of these, the ones whose scheme is in `allowed`.
    #[must_use]
    pub(crate) fn only(mut self, allowed: &[String]) -> Self {
        self.0.retain(|scheme, _| allowed.iter().any(|name| name == scheme));
        self
    }

    /// The transport that serves `url`.
    ///
    /// # Errors
    ///
    /// [`UnknownScheme`], which names the schemes that are allowed.
    pub fn by_scheme(&self, url: &NodeUrl) -> Result<&Arc<dyn Transport>, UnknownScheme> {
        self.0
            .get(url.scheme())
            .ok_or_else(|| UnknownScheme { scheme: url.scheme().to_owned(), allowed: self.schemes().collect() })
    }

    /// The schemes that are allowed, in alphabetical order.
    pub fn schemes(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.keys().copied()
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.schemes()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::identity::SecretKey;

    #[test]
    fn a_transport_is_found_by_scheme_and_the_error_names_the_allowed_ones() {
        let (secret, clock) = (SecretKey::from_bytes([1; 32]), Clock::real());
        let transports = Transports::default()
            .with(tls::TlsTransport::new(&secret, clock.clone()))
            .with(tcp::TcpTransport::new(&secret, clock));
        let find = |text: &str| transports.by_scheme(&text.parse().unwrap()).map(|found| found.scheme());
        assert_eq!(find("tls://a:1").unwrap(), "tls");
        assert_eq!(
            find("quic://a:1").unwrap_err().to_string(),
            "no transport for quic:// here, only for tcp://, tls://"
        );
        assert_eq!(format!("{transports:?}"), r#"{"tcp", "tls"}"#);
    }

    #[test]
    fn an_ipv4_mapped_address_counts_as_ipv4() {
        let endpoint = Endpoint::Socket("[::ffff:10.0.0.1]:7".parse().unwrap());
        assert_eq!(endpoint.ip(), Some("10.0.0.1".parse().unwrap()));
        assert_eq!(endpoint.to_string(), "10.0.0.1:7");
        assert_eq!(Endpoint::Memory("alice".into()).ip(), None);
    }
}
