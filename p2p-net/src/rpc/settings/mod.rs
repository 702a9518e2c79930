//! What a program decides about its RPC: which transports, what each offers to whom, and how much.
//!
//! Plain data, written in code or read from TOML. Nothing here opens a socket.

mod limits;
mod text;
mod token;
mod validate;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use limits::RpcLimits;
pub use token::Token;

use super::apis::EVERY;

/// The settings of a server; default: nothing is offered but in process.
///
/// ```
/// use p2p_net::rpc::RpcSettings;
///
/// let settings = RpcSettings::from_toml(
///     r#"
///     [ipc]
///     path = "/run/chat/node.ipc"
///
///     [http]
///     listen = "127.0.0.1:8545"
///     apis = ["chat"]
///     origins = ["https://chat.example.org"]
///     "#,
/// )?;
/// settings.validate()?;
/// assert!(settings.tcp.is_none(), "off unless configured");
/// # Ok::<_, p2p_net::settings::SettingsError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RpcSettings {
    /// A Unix socket, for programs of the same user; default off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc: Option<IpcSettings>,
    /// Messages over TCP, one a line; default off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpSettings>,
    /// HTTP, one message a POST; default off. It has no subscriptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSettings>,
    /// WebSocket; default off. With the address of `http` the two share a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub websocket: Option<HttpSettings>,
    /// Bounds and waiting times, the same for every transport.
    pub limits: RpcLimits,
}

/// A Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IpcSettings {
    /// Where the socket is, at most 85 bytes, which every system takes; the file is readable and writable by its owner only.
    pub path: PathBuf,
    /// The namespaces it offers; default `["*"]`, all: whoever may open the file may read the node's key.
    pub apis: Vec<String>,
}

/// A TCP port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TcpSettings {
    /// Where it listens; default `127.0.0.1:0`: this machine alone, at any free port.
    pub listen: SocketAddr,
    /// The namespaces it offers, `*` for all; no default: every user and program of this machine may call them.
    pub apis: Vec<String>,
}

/// A port for HTTP or WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Where it listens; default `127.0.0.1:0`: this machine alone, at any free port.
    pub listen: SocketAddr,
    /// The namespaces it offers, `*` for all; no default: every user and program of this machine may call them.
    pub apis: Vec<String>,
    /// Names it may be called by in a URL, besides `localhost` and any IP address; default none; `*`: any. A page that makes
    /// its own name lead here (DNS rebinding) is refused by it.
    pub hosts: Vec<String>,
    /// Pages of a browser that may call it, as `https://chat.example.org`; default none; `*`: any. Callers that are no browser
    /// send no origin and are not asked for one.
    pub origins: Vec<String>,
    /// What every caller must prove to know, as `Authorization: Bearer <token>`; default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
}

/// This machine alone, at any free port.
fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

impl Default for IpcSettings {
    fn default() -> Self {
        Self { path: PathBuf::new(), apis: vec![EVERY.to_owned()] }
    }
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self { listen: loopback(), apis: Vec::new() }
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { listen: loopback(), apis: Vec::new(), hosts: Vec::new(), origins: Vec::new(), token: None }
    }
}

impl IpcSettings {
    /// A socket at `path` that offers everything.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }
}

impl TcpSettings {
    /// Any free port of this machine, for these namespaces.
    pub fn offering<S: Into<String>>(apis: impl IntoIterator<Item = S>) -> Self {
        Self { apis: apis.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}

impl HttpSettings {
    /// Any free port of this machine, for these namespaces.
    pub fn offering<S: Into<String>>(apis: impl IntoIterator<Item = S>) -> Self {
        Self { apis: apis.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}
