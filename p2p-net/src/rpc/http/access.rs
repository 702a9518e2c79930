//! Who may call over HTTP and WebSocket: the name it was called by, the page that calls, the token. Pure.

use std::net::IpAddr;

use super::head::Head;
use super::refusal::{Refusal, Status};
use crate::rpc::settings::{HttpSettings, Token};

/// What stands for any host and any origin.
const ANY: &str = "*";

/// Who may call.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    hosts: Vec<String>,
    origins: Vec<String>,
    token: Option<Token>,
}

impl Access {
    pub(crate) fn new(settings: &HttpSettings) -> Self {
        let HttpSettings { hosts, origins, token, .. } = settings.clone();
        Self { hosts, origins, token }
    }

    /// Checks host and origin; the origin that may see the answer, if a page calls.
    pub(super) fn check(&self, head: &Head) -> Result<Option<String>, Refusal> {
        self.check_host(head)?;
        self.check_origin(head)
    }

    /// Browsers send the name that stands in the URL, and a page whose name was made to lead here has another than ours. An IP
    /// address cannot be made to lead elsewhere.
    fn check_host(&self, head: &Head) -> Result<(), Refusal> {
        let Some(host) = head.header("host")? else {
            return Err(Refusal::new(Status::BadRequest, "the header Host is missing"));
        };
        let host = without_port(std::str::from_utf8(host).unwrap_or_default().trim());
        let is_known = self.hosts.iter().any(|known| known == ANY || known.eq_ignore_ascii_case(host));
        if host.eq_ignore_ascii_case("localhost") || is_ip(host) || is_known {
            return Ok(());
        }
        let host = crate::rpc::error::shortened(host);
        Err(Refusal::new(
            Status::Forbidden,
            format!("the host `{host}` is not served here: name it in the setting `hosts`"),
        ))
    }

    fn check_origin(&self, head: &Head) -> Result<Option<String>, Refusal> {
        let Some(origin) = head.header("origin")? else { return Ok(None) };
        let origin = String::from_utf8_lossy(origin.trim_ascii()).into_owned();
        if self.origins.iter().any(|known| known == ANY || known.eq_ignore_ascii_case(&origin)) {
            return Ok(Some(origin));
        }
        let origin = crate::rpc::error::shortened(&origin);
        let problem = format!("pages of `{origin}` may not call this server: name it in the setting `origins`");
        Err(Refusal::new(Status::Forbidden, problem))
    }

    /// Checks the token, if there is one to know.
    pub(super) fn check_token(&self, head: &Head) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Ok(()) };
        let given = head.header("authorization")?.and_then(bearer);
        if given.is_some_and(|given| token.is(given)) {
            return Ok(());
        }
        let problem =
            if given.is_some() { "the token is another" } else { "a token is missing: `Authorization: Bearer ..`" };
        Err(Refusal::new(Status::Unauthorized, problem).with("WWW-Authenticate", "Bearer"))
    }
}

/// The token of `Bearer <token>`.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.trim_ascii().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// `name` of `name:80`, `::1` of `[::1]:80`.
fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or("", |(ip, _)| ip);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_ip(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &str) -> Head {
        Head::parse(format!("POST / HTTP/1.1\r\n{headers}\r\n").as_bytes()).unwrap().unwrap().0
    }

    fn access(hosts: &[&str], origins: &[&str], token: Option<&str>) -> Access {
        let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
        let token = token.map(|token| token.to_owned().into());
        Access { hosts: owned(hosts), origins: owned(origins), token }
    }

    #[test]
    fn a_name_that_leads_here_is_not_ours() {
        let ours = access(&["node.example.org"], &[], None);
        for host in ["localhost", "LOCALHOST:8545", "127.0.0.1:1", "[::1]:80", "192.0.2.7", "Node.Example.org:80"] {
            assert_eq!(ours.check(&head(&format!("Host: {host}\r\n"))), Ok(None), "{host}");
        }
        for host in ["evil.org", "evil.org:8545", "localhost.evil.org", "", "[evil", "127.0.0.1.evil.org"] {
            let refusal = ours.check(&head(&format!("Host: {host}\r\n"))).unwrap_err();
            assert_eq!(refusal.status, Status::Forbidden, "{host}");
        }
        assert_eq!(ours.check(&head("")).unwrap_err().status, Status::BadRequest);
        assert!(access(&["*"], &[], None).check(&head("Host: evil.org\r\n")).is_ok());
    }

    #[test]
    fn a_page_is_let_in_by_name() {
        let headers = head("Host: localhost\r\nOrigin: https://chat.example.org\r\n");
        let origin = Some("https://chat.example.org".to_owned());
        assert_eq!(access(&[], &["https://chat.example.org"], None).check(&headers), Ok(origin.clone()));
        assert_eq!(access(&[], &["*"], None).check(&headers), Ok(origin));
        assert_eq!(access(&[], &[], None).check(&headers).unwrap_err().status, Status::Forbidden);
        assert!(access(&[], &["https://example.org"], None).check(&headers).is_err());
        let sandboxed = head("Host: localhost\r\nOrigin: null\r\n");
        assert!(access(&[], &["https://chat.example.org"], None).check(&sandboxed).is_err());
    }

    #[test]
    fn a_token_is_proved() {
        let ours = access(&[], &[], Some("0123456789abcdef"));
        assert!(ours.check_token(&head("Authorization: Bearer 0123456789abcdef\r\n")).is_ok());
        assert!(ours.check_token(&head("Authorization: bearer  0123456789abcdef \r\n")).is_ok());
        for headers in [
            "",
            "Authorization: Bearer 0123456789abcdeF\r\n",
            "Authorization: Basic 0123456789abcdef\r\n",
            "Authorization: Bearer\r\n",
        ] {
            assert_eq!(ours.check_token(&head(headers)).unwrap_err().status, Status::Unauthorized, "{headers}");
        }
    }
}
