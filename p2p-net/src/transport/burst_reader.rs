//! A read buffer that exists only while much arrives.
//!
//! rustls reads 4 KiB at a time, one system call each; a buffer of 128 KiB below it lets one call fetch many, but a
//! thousand idle connections must not hold a thousand of them. So reads go straight through until one fills all it was
//! given; from there the buffer grows step by step while reads fill it, and shrinks by the same steps when they bring
//! little. The `tls` transport alone uses it; it changes no byte and never reads ahead of an error.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};

/// The buffer's sizes in bytes, from none to the most that pays.
const STEPS: [usize; 4] = [0, 8 << 10, 32 << 10, 128 << 10];
/// A read that brings less than this share of the buffer makes it a step smaller.
const SMALL_READ: usize = 8;

/// Reads from `io` through a buffer that grows and shrinks; writes go straight through.
pub(super) struct BurstReader<T> {
    io: T,
    buffer: Vec<u8>,
    /// What of the buffer is read and not yet taken.
    held: std::ops::Range<usize>,
    step: usize,
    highest: usize,
}

impl<T> BurstReader<T> {
    /// Reads straight through until [`allow_bursts`](Self::allow_bursts): a stranger gets no memory of ours.
    pub(super) fn new(io: T) -> Self {
        Self { io, buffer: Vec::new(), held: 0..0, step: 0, highest: 0 }
    }

    /// From now on the buffer may grow.
    pub(super) fn allow_bursts(&mut self) {
        self.highest = STEPS.len() - 1;
    }

    /// Chooses the next buffer after a read brought `got` of `room` bytes.
    fn adapt(&mut self, got: usize, room: usize) {
        if got == room {
            self.step = self.highest.min(self.step + 1);
        } else if got < room / SMALL_READ {
            self.step = self.step.saturating_sub(1);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for BurstReader<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.held.is_empty() {
            if this.buffer.len() != STEPS[this.step] {
                this.buffer = vec![0; STEPS[this.step]];
            }
            if this.buffer.len() <= buf.len() {
                let got = ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
                this.adapt(got, buf.len());
                return Poll::Ready(Ok(got));
            }
            let got = ready!(Pin::new(&mut this.io).poll_read(cx, &mut this.buffer))?;
            this.held = 0..got;
            this.adapt(got, this.buffer.len());
        }
        let taken = buf.len().min(this.held.len());
        buf[..taken].copy_from_slice(&this.buffer[this.held.start..][..taken]);
        this.held.start += taken;
        Poll::Ready(Ok(taken))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for BurstReader<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::AsyncReadExt;

    /// Gives at most `most` bytes a read, each the next number, and counts the reads.
    struct Source {
        most: usize,
        next: u8,
        reads: usize,
    }

    impl AsyncRead for Source {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
            let got = self.most.min(buf.len());
            self.reads += 1;
            for byte in &mut buf[..got] {
                *byte = self.next;
                self.next = self.next.wrapping_add(1);
            }
            Poll::Ready(Ok(got))
        }
    }

    fn reader(most: usize) -> BurstReader<Source> {
        BurstReader::new(Source { most, next: 0, reads: 0 })
    }

    fn read(reader: &mut BurstReader<Source>, times: usize) {
        let mut buf = [0; 4096];
        for _ in 0..times {
            smol::block_on(reader.read(&mut buf)).unwrap();
        }
    }

    #[test]
    fn a_quiet_connection_holds_no_buffer_and_a_burst_gets_one_until_it_ends() {
        let mut reader = reader(100);
        reader.allow_bursts();
        read(&mut reader, 50);
        assert_eq!(reader.buffer.capacity(), 0);
        reader.io.most = usize::MAX;
        read(&mut reader, 1000);
        assert_eq!(reader.buffer.capacity(), 128 << 10);
        let before = reader.io.reads;
        read(&mut reader, 320);
        assert_eq!(reader.io.reads - before, 10, "one read of the socket for 32 of rustls");
        reader.io.most = 100;
        read(&mut reader, 40);
        assert_eq!(reader.buffer.capacity(), 0, "given back");
    }

    #[test]
    fn a_stranger_gets_no_buffer() {
        let mut reader = reader(usize::MAX);
        read(&mut reader, 100);
        assert_eq!(reader.buffer.capacity(), 0);
    }

    #[test]
    fn bytes_keep_their_order_through_every_size() {
        let (mut reader, mut rng, mut expected) = (reader(0), fastrand::Rng::with_seed(5), 0u8);
        reader.allow_bursts();
        let mut buf = [0; 6000];
        for _ in 0..2000 {
            reader.io.most = if rng.bool() { rng.usize(1..400) } else { usize::MAX };
            let room = rng.usize(1..6000);
            let got = smol::block_on(reader.read(&mut buf[..room])).unwrap();
            for &byte in &buf[..got] {
                assert_eq!(byte, expected);
                expected = expected.wrapping_add(1);
            }
        }
    }
}
