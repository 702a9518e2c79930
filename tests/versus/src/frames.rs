//! Messages on a byte stream, for libraries that carry bytes: a length in front of each, as their users write it.

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::outcome::{Failure, Outcome};
use crate::peer::Batching;

/// Bytes of a length, little-endian.
const LENGTH: usize = 4;

/// Room for what one read brings.
const READ_BUFFER: usize = 64 * 1024;

/// Up to here a message is copied behind its length and written with it; what is longer is written from where it is.
const COPIED: usize = 32 * 1024;

/// What a batch gathers before it is written: the largest record of TLS holds a quarter of it, a QUIC packet far less.
const BATCH: usize = 60 * 1024;

/// A byte stream as a stream of messages, both ways.
pub(crate) struct Frames<S> {
    stream: S,
    input: Vec<u8>,
    /// What of `input` is read and not taken.
    unread: std::ops::Range<usize>,
    /// The last message that was too long for `input`.
    long: Vec<u8>,
    output: Vec<u8>,
    batching: Batching,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Frames<S> {
    pub(crate) fn new(stream: S, batching: Batching) -> Self {
        Self { stream, input: vec![0; READ_BUFFER], unread: 0..0, long: Vec::new(), output: Vec::new(), batching }
    }

    /// Sends a message, at once or with those that follow.
    pub(crate) async fn send(&mut self, message: &[u8]) -> Outcome<()> {
        self.output.extend_from_slice(&u32::try_from(message.len())?.to_le_bytes());
        if message.len() > COPIED {
            self.write_gathered().await?;
            self.stream.write_all(message).await?;
        } else {
            self.output.extend_from_slice(message);
        }
        match self.batching {
            Batching::EachAlone => self.flush().await,
            Batching::Best if self.output.len() >= BATCH => self.write_gathered().await,
            Batching::Best => Ok(()),
        }
    }

    /// Writes what was gathered, through to the transport.
    pub(crate) async fn flush(&mut self) -> Outcome<()> {
        self.write_gathered().await?;
        Ok(self.stream.flush().await?)
    }

    async fn write_gathered(&mut self) -> Outcome<()> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output).await?;
            self.output.clear();
        }
        Ok(())
    }

    /// The next message, or nothing at the end of the stream. It is lent from a buffer, so that none is allocated.
    pub(crate) async fn next(&mut self) -> Outcome<Option<&[u8]>> {
        if !self.fill(LENGTH).await? {
            return Ok(None);
        }
        let length = self.input[self.unread.start..].first_chunk::<LENGTH>().copied().unwrap_or_default();
        let length = usize::try_from(u32::from_le_bytes(length))?;
        self.unread.start += LENGTH;
        if length > COPIED {
            return self.next_long(length).await.map(Some);
        }
        if !self.fill(length).await? {
            return Err(Failure::new("the stream ended within a message"));
        }
        let start = self.unread.start;
        self.unread.start += length;
        Ok(Some(&self.input[start..start + length]))
    }

    async fn next_long(&mut self, length: usize) -> Outcome<&[u8]> {
        self.long.clear();
        self.long.reserve_exact(length);
        let there = self.unread.len().min(length);
        self.long.extend_from_slice(&self.input[self.unread.start..self.unread.start + there]);
        self.unread.start += there;
        let rest = u64::try_from(length - there)?;
        (&mut self.stream).take(rest).read_to_end(&mut self.long).await?;
        if self.long.len() < length {
            return Err(Failure::new("the stream ended within a message"));
        }
        Ok(&self.long)
    }

    /// Reads until `wanted` bytes are there; false when the stream ended first.
    async fn fill(&mut self, wanted: usize) -> Outcome<bool> {
        while self.unread.len() < wanted {
            if self.unread.start > 0 {
                self.input.copy_within(self.unread.clone(), 0);
                self.unread = 0..self.unread.len();
            }
            let read = self.stream.read(&mut self.input[self.unread.end..]).await?;
            if read == 0 {
                return Ok(false);
            }
            self.unread.end += read;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;
    use smol::block_on;

    use super::{COPIED, Frames, READ_BUFFER};
    use crate::peer::Batching;

    #[test]
    fn what_is_sent_is_what_comes_whatever_its_size_and_however_it_is_batched() {
        for batching in [Batching::EachAlone, Batching::Best] {
            let sizes = [0, 1, 64, COPIED, COPIED + 1, READ_BUFFER, 3 * READ_BUFFER + 7, 5];
            let mut frames = Frames::new(Cursor::new(Vec::new()), batching);
            block_on(async {
                for (number, size) in sizes.into_iter().enumerate() {
                    frames.send(&vec![number as u8; size]).await.unwrap();
                }
                frames.flush().await.unwrap();
                frames.stream.set_position(0);
                for (number, size) in sizes.into_iter().enumerate() {
                    assert_eq!(frames.next().await.unwrap().unwrap(), vec![number as u8; size]);
                }
                assert!(frames.next().await.unwrap().is_none());
            });
        }
    }

    #[test]
    fn a_stream_cut_within_a_message_is_an_error() {
        let mut bytes = 10_u32.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"short");
        let mut frames = Frames::new(Cursor::new(bytes), Batching::EachAlone);
        assert!(block_on(frames.next()).is_err());
    }
}
