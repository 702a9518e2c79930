//! Messages over a stream of bytes, one a line: Unix sockets and TCP, at both ends.

use std::io;

use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

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
    ended: bool,
}

pub(crate) struct LinesOut<W>(W);

/// The two directions of `stream`; messages of at most `most` bytes are taken.
pub(crate) fn split<S>(stream: S, most: usize) -> (LinesIn<S>, LinesOut<S>)
where
    S: AsyncRead + AsyncWrite + Clone + Unpin + Send + 'static,
{
    let chunk = vec![0; CHUNK].into_boxed_slice();
    let incoming =
        LinesIn { reader: stream.clone(), splitter: Splitter::new(most), chunk, from: 0, to: 0, ended: false };
    (incoming, LinesOut(stream))
}

impl<R: AsyncRead + Unpin + Send + 'static> Incoming for LinesIn<R> {
    async fn next(&mut self) -> io::Result<Option<Received>> {
        while !self.ended {
            let (taken, received) = self.splitter.feed(self.chunk.get(self.from..self.to).unwrap_or_default());
            self.from += taken;
            if received.is_some() {
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

    async fn finish(&mut self) {
        super::drain(&mut self.0).await;
    }
}
