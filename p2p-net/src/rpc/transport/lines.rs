//! Messages over a stream of bytes, one a line: Unix sockets and TCP, at both ends.
//!
//! Whoever speaks JSON-RPC begins a connection with a map, or with a list for a batch. A connection that begins otherwise is
//! heard to the end of its first line, which gets its error, and no further. For anybody can make a browser, or another
//! program, send what a line of its own may be one in: the body of a POST, a field of a TLS greeting. None of these can begin
//! with a bracket, so none of what is in them is ever a call.

use std::io;

use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::progress::{Counted, Progress};
use super::splitter::Splitter;
use super::{Incoming, Outgoing, Received};

/// Bytes read at once: a page or two of small calls.
const CHUNK: usize = 16 * 1024;

pub(crate) struct LinesIn<R> {
    reader: R,
    splitter: Splitter,
    chunk: Box<[u8]>,
    /// What of the chunk is not taken yet.
    from: usize,
    to: usize,
    /// The first byte, spaces left out.
    first: Option<u8>,
    ended: bool,
}

pub(crate) struct LinesOut<W>(Counted<W>);

/// The two directions of `stream`; messages of at most `most` bytes are taken.
pub(crate) fn split<S>(stream: S, most: usize) -> (LinesIn<S>, LinesOut<S>)
where
    S: AsyncRead + AsyncWrite + Clone + Unpin + Send + 'static,
{
    let chunk = vec![0; CHUNK].into_boxed_slice();
    let (reader, splitter) = (stream.clone(), Splitter::new(most));
    let incoming = LinesIn { reader, splitter, chunk, from: 0, to: 0, first: None, ended: false };
    (incoming, LinesOut(Counted::new(stream)))
}

impl<R> LinesIn<R> {
    /// Whether this is how somebody begins who speaks JSON-RPC; who has not begun may yet.
    fn is_spoken(&self) -> bool {
        matches!(self.first, None | Some(b'[' | b'{'))
    }
}

impl<R: AsyncRead + Unpin + Send + 'static> Incoming for LinesIn<R> {
    async fn next(&mut self) -> io::Result<Option<Received>> {
        while !self.ended {
            let rest = self.chunk.get(self.from..self.to).unwrap_or_default();
            self.first = self.first.or_else(|| rest.iter().copied().find(|byte| !byte.is_ascii_whitespace()));
            let (taken, received) = self.splitter.feed(rest);
            self.from += taken;
            if received.is_some() {
                if !self.is_spoken() {
                    log::warn!(target: "net", "rpc: a connection that began with no call is ended");
                    self.ended = true;
                }
                return Ok(received);
            }
            self.to = self.reader.read(&mut self.chunk).await?;
            self.from = 0;
            self.ended = self.to == 0;
        }
        Ok(self.splitter.finish())
    }
}

impl<W: AsyncRead + AsyncWrite + Unpin + Send + 'static> Outgoing for LinesOut<W> {
    async fn send(&mut self, mut message: Vec<u8>) -> io::Result<()> {
        message.push(b'\n');
        self.0.write_all(&message).await?;
        self.0.flush().await
    }

    fn progress(&self) -> Progress {
        self.0.progress()
    }

    async fn finish(&mut self) {
        super::drain(&mut self.0).await;
    }
}
