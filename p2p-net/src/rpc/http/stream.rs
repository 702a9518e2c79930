//! Requests out of a stream of bytes, and answers into it.

use std::io;

use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::head::{Head, Length, MAX_HEAD};
use super::refusal::{Refusal, Status};
use crate::rpc::transport::drain;
use crate::rpc::transport::progress::{Counted, Progress};

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;
/// Bytes of the line before a chunk: a length, and extensions that nobody uses.
const MAX_CHUNK_LINE: usize = 256;

/// A connection of HTTP: what has been read of it and not taken yet.
pub(super) struct HttpStream<S> {
    stream: Counted<S>,
    read: Vec<u8>,
}

/// Why there is no request.
#[derive(Debug)]
pub(super) enum Failed {
    /// The connection broke, or ended in the middle.
    Io(io::Error),
    /// It is one that is not served.
    Refused(Box<Refusal>),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: Status,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) keeps_alive: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> HttpStream<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream: Counted::new(stream), read: Vec::new() }
    }

    /// The stream, and what has been read of it already.
    pub(super) fn into_parts(self) -> (Counted<S>, Vec<u8>) {
        (self.stream, self.read)
    }

    /// How much of what is sent the other end has taken.
    pub(super) fn progress(&self) -> Progress {
        self.stream.progress()
    }

    /// Waits for the first byte of a request; whether one came before the end.
    pub(super) async fn begins(&mut self) -> io::Result<bool> {
        Ok(!self.read.is_empty() || self.fill().await? > 0)
    }

    pub(super) async fn head(&mut self) -> Result<Head, Failed> {
        loop {
            if let Some((head, length)) = Head::parse(&self.read)? {
                self.read.drain(..length);
                return Ok(head);
            }
            self.more().await?;
        }
    }

    /// The body of a request, at most `most` bytes.
    pub(super) async fn body(&mut self, head: &Head, most: usize) -> Result<Vec<u8>, Failed> {
        let length = head.length()?;
        if matches!(length, Length::Bytes(bytes) if bytes > most as u64) {
            return Err(too_large(most).into());
        }
        if head.has_word("expect", "100-continue") && self.read.is_empty() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        match length {
            Length::Bytes(bytes) => Ok(self.take(usize::try_from(bytes).unwrap_or(most)).await?),
            Length::Chunked => self.chunks(most).await,
        }
    }

    async fn chunks(&mut self, most: usize) -> Result<Vec<u8>, Failed> {
        let mut body = Vec::new();
        loop {
            let size = self.chunk_size().await?;
            if size == 0 {
                break;
            }
            if size > (most - body.len()) as u64 {
                return Err(too_large(most).into());
            }
            body.extend(self.take(usize::try_from(size).unwrap_or(most)).await?);
            if self.take(2).await? != b"\r\n" {
                return Err(Refusal::new(Status::BadRequest, "a chunk is longer than it says").into());
            }
        }
        // What may follow are headers, up to an empty line; nobody asks for them.
        let mut trailing = 0;
        loop {
            let line = self.line(MAX_HEAD).await?;
            trailing += line.len();
            match line.as_slice() {
                b"\r\n" | b"\n" => return Ok(body),
                _ if trailing > MAX_HEAD => {
                    return Err(Refusal::new(Status::HeadTooLarge, "too much follows the last chunk").into());
                }
                _ => {}
            }
        }
    }

    async fn chunk_size(&mut self) -> Result<u64, Failed> {
        let line = self.line(MAX_CHUNK_LINE).await?;
        match httparse::parse_chunk_size(&line) {
            Ok(httparse::Status::Complete((_, size))) => Ok(size),
            _ => Err(Refusal::new(Status::BadRequest, "a chunk begins with its length in hexadecimal").into()),
        }
    }

    async fn line(&mut self, most: usize) -> Result<Vec<u8>, Failed> {
        loop {
            if let Some(end) = self.read.iter().take(most).position(|byte| *byte == b'\n') {
                return Ok(self.read.drain(..=end).collect());
            }
            if self.read.len() >= most {
                return Err(Refusal::new(Status::BadRequest, "a line of the body is too long").into());
            }
            self.more().await?;
        }
    }

    async fn take(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        while self.read.len() < bytes {
            self.more().await?;
        }
        Ok(self.read.drain(..bytes).collect())
    }

    async fn more(&mut self) -> io::Result<()> {
        if self.fill().await? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = vec![0; CHUNK];
        let many = self.stream.read(&mut chunk).await?;
        self.read.extend_from_slice(chunk.get(..many).unwrap_or_default());
        Ok(many)
    }

    pub(super) async fn respond(&mut self, response: &Response) -> io::Result<()> {
        let (code, words) = response.status.parts();
        let mut text = format!("HTTP/1.1 {code} {words}\r\n");
        for (name, value) in &response.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !response.body.is_empty() {
            text.push_str("Content-Type: application/json\r\n");
        }
        if response.status != Status::NoContent {
            text.push_str(&format!("Content-Length: {}\r\n", response.body.len()));
        }
        if !response.keeps_alive {
            text.push_str("Connection: close\r\n");
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&response.body);
        self.send(&bytes).await
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Closes it, when the other end has had the time to read the answer.
    pub(super) async fn close(&mut self) {
        drain(&mut self.stream).await;
    }
}

fn too_large(most: usize) -> Refusal {
    Refusal::over(Status::BodyTooLarge, "body_bytes", most, &format!("a body of more than {most} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::io::Cursor;

    fn body(text: &str, most: usize) -> Result<String, u16> {
        let mut stream = HttpStream::new(Cursor::new(text.as_bytes().to_vec()));
        smol::block_on(async {
            let head = stream.head().await.unwrap();
            match stream.body(&head, most).await {
                Ok(body) => Ok(String::from_utf8(body).unwrap()),
                Err(Failed::Refused(refusal)) => Err(refusal.status.code()),
                Err(Failed::Io(_)) => Err(0),
            }
        })
    }

    fn chunked(chunks: &str, most: usize) -> Result<String, u16> {
        body(&format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"), most)
    }

    #[test]
    fn a_body_comes_whole_or_in_chunks() {
        assert_eq!(body("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcdef", 3), Ok("abc".to_owned()));
        assert_eq!(chunked("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nA: b\r\n\r\n", 5), Ok("abcde".to_owned()));
    }

    #[test]
    fn a_body_is_bounded_before_it_is_read() {
        assert_eq!(body("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n", 3), Err(413));
        assert_eq!(chunked("3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", 3), Err(413));
        assert_eq!(chunked("ffffffffffffffff\r\n", 3), Err(413));
    }

    #[test]
    fn wrong_chunks_are_refused() {
        for wrong in ["x\r\n", "3\r\nabcd\r\n0\r\n\r\n", "fffffffffffffffff\r\n", &"1".repeat(300)] {
            assert_eq!(chunked(wrong, 100), Err(400), "{wrong}");
        }
        assert_eq!(chunked("3\r\nab", 100), Err(0), "a connection that ends in the middle");
    }
}
