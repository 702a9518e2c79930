//! A caller that sends what it likes, byte by byte.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::Value;

/// What is answered to `bytes` over a new connection of its own, after which nothing more is sent.
pub(crate) async fn answered(address: SocketAddr, bytes: impl Into<Vec<u8>>) -> String {
    let bytes = bytes.into();
    smol::unblock(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        // A server that has heard enough may close before it has read all.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    })
    .await
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
