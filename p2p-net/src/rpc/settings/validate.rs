//! Whether settings can work; each refusal names the field and what would be right.

use std::net::SocketAddr;
use std::time::Duration;

use super::{HttpSettings, RpcLimits, RpcSettings};
use crate::settings::SettingsError;

/// The longest path of a socket in bytes: the address of a Unix socket holds 104 on the smallest system, and the socket is made
/// in a folder beside its place, whose name takes a few.
const MAX_PATH: usize = 85;
/// The deepest JSON that the decoder itself takes.
const MAX_DEPTH: usize = 127;
/// The smallest message worth taking: an empty call with a long name.
const MIN_BYTES: usize = 1_024;
/// The longest time: moments that far ahead can still be computed.
const MAX_TIME: Duration = Duration::from_secs(366 * 24 * 3_600);

type Check = Result<(), SettingsError>;

fn ensure(condition: bool, field: &str, problem: impl Into<String>, remedy: &str) -> Check {
    if condition { Ok(()) } else { Err(SettingsError::invalid(field, problem, remedy)) }
}

impl RpcSettings {
    /// Whether a server can run with these settings.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Invalid`] for the first field that cannot work.
    ///
    /// ```
    /// use p2p_net::rpc::{HttpSettings, RpcSettings};
    ///
    /// let settings = RpcSettings { http: Some(HttpSettings::default()), ..RpcSettings::default() };
    /// let expected = "`http.apis` is empty: name the namespaces to offer, or `*` for all";
    /// assert_eq!(settings.validate().unwrap_err().to_string(), expected);
    /// ```
    pub fn validate(&self) -> Result<(), SettingsError> {
        if let Some(ipc) = &self.ipc {
            let bytes = ipc.path.as_os_str().len();
            ensure(bytes > 0, "ipc.path", "is empty", "name a file, such as `node.ipc` in the data folder")?;
            ensure(bytes <= MAX_PATH, "ipc.path", format!("has {bytes} bytes"), "use a path of at most 85")?;
            offers("ipc.apis", &ipc.apis)?;
        }
        if let Some(tcp) = &self.tcp {
            offers("tcp.apis", &tcp.apis)?;
        }
        for (name, http) in [("http", &self.http), ("websocket", &self.websocket)] {
            if let Some(http) = http {
                http.validate(name)?;
            }
        }
        self.check_ports()?;
        self.limits.validate()
    }

    /// HTTP and WebSocket may share a port; TCP, whose callers speak first and no HTTP, shares none.
    fn check_ports(&self) -> Check {
        let Some(tcp) = &self.tcp else { return Ok(()) };
        let others = [&self.http, &self.websocket].into_iter().flatten().map(|http| http.listen);
        let taken = |other: SocketAddr| other == tcp.listen && other.port() != 0;
        let problem = format!("is `{}`, where HTTP or WebSocket listens too", tcp.listen);
        ensure(!others.into_iter().any(taken), "tcp.listen", problem, "use another port, or 0 for any free one")
    }
}

impl HttpSettings {
    fn validate(&self, name: &str) -> Check {
        offers(&format!("{name}.apis"), &self.apis)?;
        for host in &self.hosts {
            let is_name =
                !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte));
            let problem = format!("has `{}`, which is no name", host.escape_debug());
            ensure(is_name, &format!("{name}.hosts"), problem, "write a name without scheme and port, or `*`")?;
        }
        for origin in &self.origins {
            let is_origin = origin == "*"
                || origin.split_once("://").is_some_and(|(_, host)| !host.is_empty() && !host.contains('/'));
            let problem = format!("has `{}`, which is no origin", origin.escape_debug());
            let remedy = "write scheme and host without a path, such as `https://chat.example.org`, or `*`";
            ensure(is_origin, &format!("{name}.origins"), problem, remedy)?;
        }
        let usable = self.token.as_ref().is_none_or(super::Token::is_usable);
        let remedy = "use 16 to 256 printable characters without spaces";
        ensure(usable, &format!("{name}.token"), "cannot be used", remedy)
    }
}

fn offers(field: &str, apis: &[String]) -> Check {
    ensure(!apis.is_empty(), field, "is empty", "name the namespaces to offer, or `*` for all")
}

impl RpcLimits {
    fn validate(&self) -> Check {
        for (field, size, least) in [
            ("limits.body_bytes", self.body_bytes, MIN_BYTES),
            ("limits.answer_bytes", self.answer_bytes, MIN_BYTES),
            ("limits.queued_bytes", self.queued_bytes, MIN_BYTES),
            ("limits.queued_answer_bytes", self.queued_answer_bytes, MIN_BYTES),
            ("limits.batch", self.batch, 1),
            ("limits.depth", self.depth, 2),
            ("limits.connections", self.connections, 1),
            ("limits.concurrent_calls", self.concurrent_calls, 1),
            ("limits.queued_notifications", self.queued_notifications, 1),
        ] {
            ensure(size >= least, field, format!("is {size}"), &format!("use at least {least}"))?;
        }
        let depth = self.depth;
        ensure(depth <= MAX_DEPTH, "limits.depth", format!("is {depth}"), "use at most 127, what the decoder takes")?;
        for (field, time) in [
            ("limits.request_timeout", self.request_timeout),
            ("limits.read_timeout", self.read_timeout),
            ("limits.idle_timeout", self.idle_timeout),
            ("limits.write_stall", self.write_stall),
            ("limits.close_linger", self.close_linger),
        ] {
            ensure(!time.is_zero(), field, "is zero", "use a time above 0, such as `5s`")?;
            ensure(time <= MAX_TIME, field, "is longer than a year", "use at most `8784h`")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{IpcSettings, TcpSettings};
    use super::*;

    fn refusal(change: impl FnOnce(&mut RpcSettings)) -> String {
        let mut settings = RpcSettings::default();
        settings.validate().unwrap();
        change(&mut settings);
        settings.validate().unwrap_err().to_string()
    }

    #[test]
    fn a_socket_has_a_path_that_every_system_takes() {
        let at = |path: String| refusal(|settings| settings.ipc = Some(IpcSettings::at(path)));
        assert!(at(String::new()).starts_with("`ipc.path` is empty"));
        assert_eq!(at("x".repeat(86)), "`ipc.path` has 86 bytes: use a path of at most 85");
    }

    #[test]
    fn what_is_offered_is_named() {
        assert!(refusal(|s| s.tcp = Some(TcpSettings::default())).starts_with("`tcp.apis` is empty"));
        assert!(refusal(|s| s.websocket = Some(HttpSettings::default())).starts_with("`websocket.apis` is empty"));
    }

    #[test]
    fn tcp_shares_no_port_with_http() {
        let listen = "127.0.0.1:8545".parse().unwrap();
        let error = refusal(|settings| {
            settings.tcp = Some(TcpSettings { listen, ..TcpSettings::offering(["*"]) });
            settings.http = Some(HttpSettings { listen, ..HttpSettings::offering(["*"]) });
        });
        assert!(error.starts_with("`tcp.listen` is `127.0.0.1:8545`, where HTTP"), "{error}");
    }

    #[test]
    fn hosts_origins_and_tokens_have_a_form() {
        let http = |change: fn(&mut HttpSettings)| {
            refusal(|settings| {
                let mut http = HttpSettings::offering(["*"]);
                change(&mut http);
                settings.http = Some(http);
            })
        };
        assert!(http(|http| http.hosts = vec!["a:80".into()]).starts_with("`http.hosts` has `a:80`, which is no name"));
        assert!(http(|http| http.origins = vec!["a.org".into()]).starts_with("`http.origins` has `a.org`"));
        assert!(http(|http| http.origins = vec!["http://a/b".into()]).starts_with("`http.origins` has"));
        for token in ["short", "with spaces in between", "ümläuts-are-not-ascii"] {
            let settings = RpcSettings {
                http: Some(HttpSettings { token: Some(token.to_owned().into()), ..HttpSettings::offering(["*"]) }),
                ..RpcSettings::default()
            };
            let error = settings.validate().unwrap_err().to_string();
            assert!(error.starts_with("`http.token` cannot be used") && !error.contains(token), "{error}");
        }
    }

    #[test]
    fn limits_have_a_workable_minimum() {
        assert_eq!(refusal(|s| s.limits.body_bytes = 1_023), "`limits.body_bytes` is 1023: use at least 1024");
        assert_eq!(refusal(|s| s.limits.connections = 0), "`limits.connections` is 0: use at least 1");
        assert!(refusal(|s| s.limits.depth = 128).starts_with("`limits.depth` is 128: use at most 127"));
        assert!(refusal(|s| s.limits.read_timeout = Duration::ZERO).starts_with("`limits.read_timeout` is zero"));
        assert!(refusal(|s| s.limits.idle_timeout = Duration::MAX).starts_with("`limits.idle_timeout` is longer"));
    }
}
