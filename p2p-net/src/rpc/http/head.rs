//! The head of a request: its first line and its headers. Pure.

use super::refusal::{Refusal, Status};

/// Bytes of a head; what browsers send with their cookies fits.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// Headers in a head.
pub(super) const MAX_HEADERS: usize = 64;

/// What a request says before its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    /// HTTP/1.0 or HTTP/1.1: the last digit.
    minor: u8,
    /// Names in lower case.
    headers: Vec<(String, Vec<u8>)>,
}

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Bytes(u64),
    Chunked,
}

impl Head {
    /// The head at the start of `bytes`, and how many bytes it is; `None` when it is not whole yet.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Refusal> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => length,
            Ok(httparse::Status::Partial) if bytes.len() <= MAX_HEAD => return Ok(None),
            Ok(_) => {
                return Err(Refusal::new(Status::HeadTooLarge, format!("the head has more than {MAX_HEAD} bytes")));
            }
            Err(httparse::Error::TooManyHeaders) => {
                return Err(Refusal::new(Status::HeadTooLarge, format!("there are more than {MAX_HEADERS} headers")));
            }
            Err(error) => return Err(Refusal::new(Status::BadRequest, format!("this is no HTTP/1.1: {error}"))),
        };
        let headers = request.headers.iter().map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec()));
        let head = Self {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            minor: request.version.unwrap_or(1),
            headers: headers.collect(),
        };
        Ok(Some((head, length)))
    }

    /// The one header of this name, which is in lower case; two of them are a mistake.
    pub(super) fn header(&self, name: &str) -> Result<Option<&[u8]>, Refusal> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_slice());
        let first = found.next();
        if found.next().is_some() {
            return Err(Refusal::new(Status::BadRequest, format!("the header `{name}` is given twice")));
        }
        Ok(first)
    }

    /// Whether a header that is a list of words has this one.
    pub(super) fn has_word(&self, name: &str, word: &str) -> bool {
        let values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
        values
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|one| one.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Whether the caller wants to send another request over this connection.
    pub(super) fn keeps_alive(&self) -> bool {
        if self.minor == 0 { self.has_word("connection", "keep-alive") } else { !self.has_word("connection", "close") }
    }

    /// Whether it asks to speak WebSocket from here on.
    pub(super) fn upgrades(&self) -> bool {
        self.method == "GET" && self.has_word("connection", "upgrade") && self.has_word("upgrade", "websocket")
    }

    /// How long the body is.
    pub(super) fn length(&self) -> Result<Length, Refusal> {
        let (length, encoding) = (self.header("content-length")?, self.header("transfer-encoding")?);
        let wrong = |problem: &str| Err(Refusal::new(Status::BadRequest, problem));
        match (length, encoding) {
            // Two lengths are how requests are smuggled past a proxy.
            (Some(_), Some(_)) => wrong("there are both Content-Length and Transfer-Encoding"),
            (None, Some(encoding)) if encoding.trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(Length::Chunked),
            (None, Some(_)) => wrong("the only Transfer-Encoding taken is chunked"),
            (Some(length), None) => {
                let text = std::str::from_utf8(length.trim_ascii()).unwrap_or_default();
                let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let number = is_number.then(|| text.parse().ok()).flatten();
                number.map_or_else(|| wrong("the Content-Length is no number"), |bytes| Ok(Length::Bytes(bytes)))
            }
            (None, None) => {
                let problem = "the length of the body is missing: send Content-Length, or in chunks";
                Err(Refusal::new(Status::LengthRequired, problem))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        Head::parse(text.as_bytes()).unwrap().unwrap().0
    }

    fn status(text: &str) -> u16 {
        Head::parse(text.as_bytes()).unwrap_err().status.code()
    }

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
        for cut in 0..text.len() - 2 {
            assert_eq!(Head::parse(&text.as_bytes()[..cut]), Ok(None), "{cut}");
        }
        let (head, length) = Head::parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!((head.method.as_str(), head.target.as_str(), &text[length..]), ("POST", "/", "{}"));
        assert_eq!(head.length(), Ok(Length::Bytes(2)));
    }

    #[test]
    fn what_is_no_http_is_refused_at_once() {
        assert_eq!(status("{\"jsonrpc\":\"2.0\"}\n"), 400);
        assert_eq!(status("GET / HTTP/3.7\r\n\r\n"), 400);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(MAX_HEAD))), 431);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(MAX_HEADERS + 1))), 431);
    }

    #[test]
    fn a_body_has_one_length() {
        let length = |headers: &str| head(&format!("POST / HTTP/1.1\r\n{headers}\r\n")).length();
        assert_eq!(length("Transfer-Encoding: Chunked\r\n"), Ok(Length::Chunked));
        for (headers, code) in [
            ("", 411),
            ("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", 400),
            ("Content-Length: 2\r\nContent-Length: 2\r\n", 400),
            ("Content-Length: +2\r\n", 400),
            ("Content-Length: 99999999999999999999\r\n", 400),
            ("Transfer-Encoding: gzip\r\n", 400),
        ] {
            assert_eq!(length(headers).unwrap_err().status.code(), code, "{headers}");
        }
    }

    #[test]
    fn a_connection_is_kept_unless_somebody_closes_it() {
        assert!(head("GET / HTTP/1.1\r\n\r\n").keeps_alive());
        assert!(!head("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n").keeps_alive());
        assert!(!head("GET / HTTP/1.0\r\n\r\n").keeps_alive());
        assert!(head("GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n").upgrades());
    }
}
