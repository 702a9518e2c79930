//! Whether the other end takes what is sent to it: judged by the bytes that go, not by how long the whole takes.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use smol::io::{AsyncRead, AsyncWrite};

use crate::clock::Clock;

/// Bytes that the other end has taken so far; clones share the count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// What `work` brings, unless it goes on for `limit` without one byte taken.
    pub(crate) async fn unless_stalled<T>(
        &self,
        clock: &Clock,
        limit: Duration,
        work: impl Future<Output = io::Result<T>>,
    ) -> io::Result<T> {
        let mut work = pin!(work);
        loop {
            let before = self.0.load(Ordering::Relaxed);
            match clock.timeout(limit, work.as_mut()).await {
                Ok(outcome) => return outcome,
                Err(timed_out) if self.0.load(Ordering::Relaxed) == before => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, timed_out));
                }
                Err(_) => {}
            }
        }
    }
}

/// A stream that counts what it could write.
#[derive(Debug, Clone)]
pub(crate) struct Counted<S> {
    stream: S,
    written: Progress,
}

impl<S> Counted<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, written: Progress::default() }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.written.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, bytes)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(many)) = &written {
            self.written.0.fetch_add(*many as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
