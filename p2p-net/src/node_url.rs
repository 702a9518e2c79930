//! Where a node is reached: `tls://<node id>@host:port`, the form in settings, address books and on the wire.
//!
//! Everybody who names an address uses it. Parsing makes one text of each address (lower case, canonical IP, IPv4-mapped
//! IPv6 as IPv4), so that equal addresses are equal. Nothing here resolves a name or knows which schemes exist.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::identity::{NodeId, NodeIdError};

/// The longest text accepted, in bytes: scheme, id and port need about 80, a DNS name at most 253.
pub const MAX_NODE_URL_BYTES: usize = 512;
/// The longest host name, in bytes: what DNS allows.
const MAX_HOST_BYTES: usize = 253;

/// The address of a node, with or without the id it must prove.
///
/// ```
/// use p2p_net::node_url::NodeUrl;
///
/// let url: NodeUrl = "tls://seed.example.org:9000".parse()?;
/// assert_eq!((url.scheme(), url.host(), url.port(), url.id()), ("tls", "seed.example.org", 9000, None));
/// # Ok::<(), p2p_net::node_url::NodeUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeUrl {
    scheme: String,
    id: Option<NodeId>,
    host: String,
    port: u16,
}

impl NodeUrl {
    /// The URL made of these parts, without an id; `host` is a name or an IP address, IPv6 without brackets.
    ///
    /// # Errors
    ///
    /// [`NodeUrlError`] when scheme or host cannot stand in a URL.
    pub fn new(scheme: &str, host: &str, port: u16) -> Result<Self, NodeUrlError> {
        Ok(Self { scheme: parse_scheme(scheme)?, id: None, host: parse_host(host)?, port })
    }

    /// The URL of a socket address, without an id.
    ///
    /// # Errors
    ///
    /// [`NodeUrlError::Scheme`] when `scheme` cannot stand in a URL.
    pub fn at(scheme: &str, address: SocketAddr) -> Result<Self, NodeUrlError> {
        Self::new(scheme, &address.ip().to_string(), address.port())
    }

    /// The transport's name, such as `tls`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The id the node must prove, when it is known.
    pub fn id(&self) -> Option<NodeId> {
        self.id
    }

    /// A name or an IP address, IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 0, which only listening takes, lets the system choose.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The IP address when the host is a literal one; a name is not resolved.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The same address with this id.
    pub fn with_id(&self, id: NodeId) -> Self {
        Self { id: Some(id), ..self.clone() }
    }

    /// The same address without an id.
    pub fn without_id(&self) -> Self {
        Self { id: None, ..self.clone() }
    }

    /// The same address with this port.
    pub fn with_port(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }
}

/// Why a text is no [`NodeUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeUrlError {
    /// It is longer than [`MAX_NODE_URL_BYTES`].
    #[error("a node url has at most {MAX_NODE_URL_BYTES} bytes, this text has {0}")]
    TooLong(usize),
    /// It does not begin with a scheme.
    #[error("a node url begins with a scheme, such as tls:// (a-z, then a-z 0-9 + . -), not {0:?}")]
    Scheme(String),
    /// What stands before the `@` is no node id.
    #[error("before the @ of a node url stands a node id: {0}")]
    Id(#[from] NodeIdError),
    /// The host is neither a name nor an IP address.
    #[error(
        "the host of a node url is a name (a-z 0-9 . - _), an IPv4 address or an IPv6 address in brackets, not {0:?}"
    )]
    Host(String),
    /// The port is missing.
    #[error("a node url ends with a port, such as :26661")]
    NoPort,
    /// The port is no number from 0 to 65535.
    #[error("the port of a node url is a number from 0 to 65535 and the last part of it, not {0:?}")]
    Port(String),
}

impl FromStr for NodeUrl {
    type Err = NodeUrlError;

    fn from_str(text: &str) -> Result<Self, NodeUrlError> {
        if text.len() > MAX_NODE_URL_BYTES {
            return Err(NodeUrlError::TooLong(text.len()));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| NodeUrlError::Scheme(text.to_owned()))?;
        let scheme = parse_scheme(scheme)?;
        let (id, address) = match rest.split_once('@') {
            Some((id, address)) => (Some(id.parse()?), address),
            None => (None, rest),
        };
        let (host, port) = split_port(address)?;
        Ok(Self { scheme, id, host, port })
    }
}

fn parse_scheme(scheme: &str) -> Result<String, NodeUrlError> {
    let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'.' | b'-');
    if scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.bytes().all(known) {
        return Ok(scheme.to_owned());
    }
    Err(NodeUrlError::Scheme(scheme.to_owned()))
}

/// Host and port of `host:port`, `[ipv6]:port`.
fn split_port(address: &str) -> Result<(String, u16), NodeUrlError> {
    let wrong_host = || NodeUrlError::Host(address.to_owned());
    if let Some(rest) = address.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(wrong_host)?;
        let ip: Ipv6Addr = host.parse().map_err(|_| wrong_host())?;
        let port = rest.strip_prefix(':').ok_or(NodeUrlError::NoPort)?;
        return Ok((IpAddr::V6(ip).to_canonical().to_string(), parse_port(port)?));
    }
    let (host, port) = address.split_once(':').ok_or(NodeUrlError::NoPort)?;
    if port.contains(':') {
        return Err(wrong_host());
    }
    Ok((parse_host(host)?, parse_port(port)?))
}

/// The one text of a host.
fn parse_host(host: &str) -> Result<String, NodeUrlError> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(ip.to_canonical().to_string());
    }
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let name = !host.is_empty() && host.len() <= MAX_HOST_BYTES && host.bytes().all(known);
    if !name || host.starts_with('.') || host.contains("..") || is_disguised_ip(host) {
        return Err(NodeUrlError::Host(host.to_owned()));
    }
    Ok(host.to_ascii_lowercase())
}

/// Whether a resolver could read the name as an IPv4 address in an old form, such as `127.1` or `0x7f000001`.
///
/// Such a text would pass for a name where literal addresses are judged.
fn is_disguised_ip(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    last.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Digits only, no sign and no leading zero, so that a port has one text.
fn parse_port(port: &str) -> Result<u16, NodeUrlError> {
    if port.is_empty() {
        return Err(NodeUrlError::NoPort);
    }
    port.parse::<u16>()
        .ok()
        .filter(|number| number.to_string() == port)
        .ok_or_else(|| NodeUrlError::Port(port.to_owned()))
}

impl fmt::Display for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(id) = &self.id {
            write!(f, "{id}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for NodeUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for NodeUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = NodeUrl;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a node url, such as tls://host:26661")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<NodeUrl, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::SecretKey;

    fn url(text: &str) -> NodeUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn an_address_comes_back_from_its_text() {
        let id = SecretKey::from_bytes([7; 32]).id();
        for text in [
            "tls://example.org:26661",
            "tcp://127.0.0.1:0",
            "tls://[2001:db8::1]:65535",
            "memory://node_1:1",
            "quic+v2.x-y://a:9",
            &format!("tls://{id}@[::1]:80"),
        ] {
            assert_eq!(url(text).to_string(), text);
        }
    }

    #[test]
    fn parts_are_told_apart() {
        let id = SecretKey::from_bytes([7; 32]).id();
        let full = url(&format!("tls://{id}@[::1]:80"));
        assert_eq!((full.scheme(), full.id(), full.host(), full.port()), ("tls", Some(id), "::1", 80));
        assert_eq!(full.ip(), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(full.without_id().with_port(81), url("tls://[::1]:81"));
        assert_eq!(full.without_id().with_id(id), full);
        assert_eq!(url("tls://example.org:1").ip(), None);
    }

    #[test]
    fn equal_addresses_have_one_text() {
        assert_eq!(url("tls://Example.ORG:1"), url("tls://example.org:1"));
        assert_eq!(url("tls://[0:0::0:1]:1"), url("tls://[::1]:1"));
        assert_eq!(url("tls://[::ffff:10.0.0.1]:1"), url("tls://10.0.0.1:1"));
        assert_eq!(NodeUrl::at("tls", "[::ffff:10.0.0.1]:1".parse().unwrap()).unwrap(), url("tls://10.0.0.1:1"));
    }

    #[test]
    fn malformed_texts_are_refused_and_told_why() {
        let error = |text: &str| text.parse::<NodeUrl>().unwrap_err();
        for text in ["", "example.org:1", "://a:1", "TLS://a:1", "1a://a:1", "t_s://a:1"] {
            assert!(matches!(error(text), NodeUrlError::Scheme(_)), "{text}");
        }
        for host in
            ["", "a b", "a/b", "[::1", "[a]", "::1", "a..b", ".a", "1.2.3", "127.1", "a.0x7f", "é", "[fe80::1%2]"]
        {
            assert!(matches!(error(&format!("tls://{host}:1")), NodeUrlError::Host(_)), "{host}");
        }
        for port in ["65536", "-1", "+1", "01", "1/", "1 ", "x"] {
            assert!(matches!(error(&format!("tls://a:{port}")), NodeUrlError::Port(_)), "{port}");
        }
        for text in ["tls://a", "tls://a:", "tls://[::1]", "tls://[::1]x"] {
            assert_eq!(error(text), NodeUrlError::NoPort, "{text}");
        }
        assert!(matches!(error("tls://abc@a:1"), NodeUrlError::Id(_)));
        assert_eq!(error(&format!("tls://{}:1", "a".repeat(512))), NodeUrlError::TooLong(520));
        assert!(matches!(error(&format!("tls://{}:1", "a".repeat(254))), NodeUrlError::Host(_)));
    }

    #[test]
    fn an_address_is_text_in_every_format() {
        let (config, url) = (bincode::config::standard(), url("tls://example.org:26661"));
        let bytes = bincode::serde::encode_to_vec(&url, config).unwrap();
        assert_eq!(&bytes[1..], b"tls://example.org:26661");
        assert_eq!(bincode::serde::decode_from_slice::<NodeUrl, _>(&bytes, config).unwrap().0, url);
        assert_eq!(toml::Value::try_from(&url).unwrap(), toml::Value::String(url.to_string()));
        assert!(toml::Value::String("tls://".into()).try_into::<NodeUrl>().is_err());
    }
}
