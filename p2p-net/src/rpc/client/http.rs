//! Calls over HTTP: each a POST over a connection of its own.

use std::io;

use serde_json::Value;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;

use super::super::api::Answer;
use super::super::wire::{self, Call, Id, Params};
use super::LONGEST_ANSWER;
use super::connect::dial;
use super::error::CallError;
use super::link::answer_of;

/// Bytes of the head of an answer.
const MAX_HEAD: usize = 16 * 1024;
/// Headers in it.
const MAX_HEADERS: usize = 64;

/// A server that is reached by HTTP.
#[derive(Debug)]
pub(super) struct Endpoint {
    authority: String,
    path: String,
    token: Option<String>,
}

impl Endpoint {
    /// The server at `host:port/path`.
    pub(super) fn new(place: &str, token: Option<&str>) -> Result<Self, String> {
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let text = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if authority.is_empty() || !text(authority) || !text(path) || !token.is_none_or(text) {
            return Err("the URL of a server is `http://host:port`, and a token has no spaces".to_owned());
        }
        Ok(Self { authority: authority.to_owned(), path: format!("/{path}"), token: token.map(str::to_owned) })
    }

    pub(super) async fn call(&self, method: &str, params: Params) -> Result<Value, CallError> {
        let call = Call { id: Some(Id::Number(1.into())), method: method.to_owned(), params };
        let mut answer = self.post(wire::to_bytes(&wire::request(call))).await?;
        Ok(answer_of(&mut answer)?)
    }

    pub(super) async fn notify(&self, method: &str, params: Params) -> Result<(), CallError> {
        let call = Call { id: None, method: method.to_owned(), params };
        let mut answer = self.post(wire::to_bytes(&wire::request(call))).await?;
        // Nothing is answered, unless the server refuses the whole.
        answer_of(&mut answer)?;
        Ok(())
    }

    pub(super) async fn batch(&self, calls: Vec<(String, Params)>) -> Result<Vec<Answer>, CallError> {
        let many = calls.len();
        let calls = (1_u64..)
            .zip(calls)
            .map(|(id, (method, params))| wire::request(Call { id: Some(Id::Number(id.into())), method, params }));
        let answered = self.post(wire::to_bytes(&Value::Array(calls.collect()))).await?;
        let mut found = match answered {
            Value::Array(answers) => answers,
            mut one => {
                answer_of(&mut one)?;
                return Err(CallError::Protocol("a batch was answered by one answer".to_owned()));
            }
        };
        let mut in_order = Vec::new();
        for id in (1_u64..).take(many) {
            let answer = found.iter_mut().find(|answer| answer.get("id").and_then(Value::as_u64) == Some(id));
            let answer = answer.ok_or_else(|| CallError::Protocol("an answer of the batch is missing".to_owned()))?;
            in_order.push(answer_of(answer));
        }
        Ok(in_order)
    }

    /// Posts a message; what is answered.
    async fn post(&self, body: Vec<u8>) -> Result<Value, CallError> {
        let failed = |problem: String| CallError::Connect { address: format!("http://{}", self.authority), problem };
        let mut stream = dial(&self.authority).await.map_err(failed)?;
        let answered = self.exchange(&mut stream, &body).await;
        let (status, body) = answered.map_err(|error| CallError::Disconnected(error.to_string()))?;
        if body.is_empty() && (200..300).contains(&status) {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|_| CallError::Protocol(format!("status {status} without an answer")))
    }

    async fn exchange(&self, stream: &mut TcpStream, body: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let Self { authority, path, token } = self;
        let token = token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!("POST {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n{token}");
        let length = body.len();
        let head = format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        // A server that refuses may close before it has read all; its answer says more than the broken pipe.
        let sent = async {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body).await?;
            stream.flush().await
        };
        let sent = sent.await;
        match read(stream).await {
            Err(error) => Err(sent.err().unwrap_or(error)),
            answer => answer,
        }
    }
}

/// Reads an answer to the end of the connection.
async fn read(stream: &mut TcpStream) -> io::Result<(u16, Vec<u8>)> {
    let mut bytes = Vec::new();
    let most = (MAX_HEAD + LONGEST_ANSWER) as u64;
    let read = stream.take(most).read_to_end(&mut bytes).await;
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(start)) = response.parse(&bytes) else {
        read?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is no HTTP"));
    };
    let status = response.code.unwrap_or_default();
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse::<usize>().ok());
    let chunked = response.headers.iter().any(|header| header.name.eq_ignore_ascii_case("transfer-encoding"));
    let body = bytes.get(start..).unwrap_or_default();
    if chunked {
        return Ok((status, unchunk(body).ok_or(io::ErrorKind::UnexpectedEof)?));
    }
    match length {
        Some(length) => Ok((status, body.get(..length).ok_or(io::ErrorKind::UnexpectedEof)?.to_vec())),
        None => Ok((status, body.to_vec())),
    }
}

/// A body in chunks, put together; `None` when it is not whole.
fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(bytes) else { return None };
        let (size, rest) = (usize::try_from(size).ok()?, bytes.get(line..)?);
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        bytes = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together() {
        assert_eq!(unchunk(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").as_deref(), Some(&b"abcde"[..]));
        assert_eq!(unchunk(b"3\r\nab"), None);
    }

    #[test]
    fn a_url_brings_no_header_of_its_own() {
        assert!(Endpoint::new("localhost:1/\r\nEvil:", None).is_err());
        assert!(Endpoint::new("localhost:1", Some("a\r\nEvil: b")).is_err());
        assert!(Endpoint::new("localhost:1/rpc", Some("token")).is_ok());
    }
}
