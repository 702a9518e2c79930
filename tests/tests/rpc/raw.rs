//! A caller that sends what it likes, byte by byte.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

/// What is answered to `bytes` over a new connection of its own, after which nothing more is sent.
pub(crate) async fn answered(address: SocketAddr, bytes: impl Into<Vec<u8>>) -> String {
    let bytes = bytes.into();
    smol::unblock(move || {
        let stream = TcpStream::connect(address).unwrap();
        told(&stream, &bytes, || stream.shutdown(Shutdown::Write))
    })
    .await
}

/// The same over a Unix socket.
pub(crate) async fn answered_by_socket(path: &Path, bytes: impl Into<Vec<u8>>) -> String {
    let (path, bytes) = (path.to_owned(), bytes.into());
    smol::unblock(move || {
        let stream = UnixStream::connect(path).unwrap();
        told(&stream, &bytes, || stream.shutdown(Shutdown::Write))
    })
    .await
}

fn told(mut stream: impl Read + Write, bytes: &[u8], done: impl FnOnce() -> std::io::Result<()>) -> String {
    // A server that has heard enough may close before it has read all.
    let _ = stream.write_all(bytes);
    let _ = done();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

/// A connection to `address` that speaks WebSocket from now on.
pub(crate) fn upgraded(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n";
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{key}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        read.extend(byte);
    }
    assert!(read.starts_with(b"HTTP/1.1 101 "), "{}", read.escape_ascii());
    stream
}

/// One frame of a kind, as a client of WebSocket sends it.
pub(crate) fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
    // A mask of zeros leaves the content as it is.
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[0x80 | kind, 0x80 | 126, length[0], length[1], 0, 0, 0, 0], content].concat()
}

/// A POST of `body` to `/` with these headers besides.
pub(crate) fn post(headers: &str, body: &str) -> String {
    let kind = "Content-Type: application/json\r\n";
    let length = body.len();
    format!("POST / HTTP/1.1\r\nHost: localhost\r\n{kind}Content-Length: {length}\r\n{headers}\r\n{body}")
}

/// The status and the body of an answer of HTTP.
#[track_caller]
pub(crate) fn http(answer: &str) -> (u16, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() })
}

/// The code of an error.
pub(crate) fn code_of(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {answer}"))
}
