//! TLS on a socket, as two halves that share a session and hold no buffer while nothing is under way.
//!
//! rustls's own streams keep 4 KiB for every connection to read into, as long as it lives. Here the socket is read into
//! scratch memory of the thread, records are decrypted where they lie, and a connection keeps only the start of a record
//! whose rest has not come; what is written is encrypted in the same scratch, and kept only when the socket does not take it.
//! The session is locked while it encrypts or decrypts, and never while the system is asked for something.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use rustls::{CommonState, Error};

use super::session::{Core, HEADER, READ, Rest, Room, Session, Step};
use crate::transport::duplex::Duplex;

/// The largest record, in bytes of ciphertext (RFC 8446, 5.2), with its header.
const MAX_RECORD: usize = HEADER + (16 << 10) + 256;
/// The most a record adds to what it carries: its header, its type, and the tag of any cipher offered.
const OVERHEAD: usize = HEADER + 1 + 16;
/// The most plaintext in one record.
const FRAGMENT: usize = 16 << 10;
/// The most bytes encrypted at once: what a socket that is stuck leaves in memory, and how long the other half waits. A
/// channel writes 64 KiB of large messages with what there is of small ones; all of that is one call of the system.
const CHUNK: usize = 80 << 10;
/// The most bytes of the other end's that lie unprocessed: the largest handshake message rustls takes is 64 KiB.
const MAX_HELD: usize = (64 << 10) + MAX_RECORD;
/// How many reads without plaintext one poll makes before other tasks have their turn: the other end may send handshake
/// messages for as long as it likes.
const TURNS: usize = 16;
/// Room for what the session itself has to say when something is encrypted: a change of keys, or its last alert.
const CONTROL: usize = 256;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Runs `f` with `len` bytes that keep their memory from call to call on this thread, and whatever was in them.
fn with_scratch<R>(len: usize, f: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut scratch = SCRATCH.take();
    if scratch.len() < len {
        scratch.resize(len, 0);
    }
    let result = f(&mut scratch[..len]);
    SCRATCH.set(scratch);
    result
}

fn invalid(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// What both halves of a connection share.
pub(super) struct Shared<S>(Mutex<Core<S>>);

impl<S: Session> Shared<S> {
    fn lock(&self) -> io::Result<MutexGuard<'_, Core<S>>> {
        self.0.lock().map_err(|_| io::Error::other("the TLS session broke while it was used"))
    }
}

/// Shakes hands over `io`; `known` is told of the session once it is there.
pub(super) async fn shake_hands<S: Session, D: Duplex, T>(
    mut io: D,
    session: S,
    known: impl FnOnce(&CommonState) -> T,
) -> io::Result<(Reader<S, D::Reader>, Writer<S, D::Writer>, T)> {
    let mut core = Core { session, rest: Rest::default() };
    let mut chunk = Vec::new();
    loop {
        let step = core.receive(&mut chunk, &mut Room::new(&mut []));
        if !core.rest.control.is_empty() {
            let sent = io.write_all(&std::mem::take(&mut core.rest.control)).await;
            // After a mistake too: the other end learns of it, if it still listens.
            if step.is_ok() {
                sent?;
            }
        }
        match step.map_err(invalid)? {
            Step::Send | Step::Again => {
                chunk = std::mem::take(&mut core.rest.held);
                continue;
            }
            Step::Open if !core.session.common().is_handshaking() => break,
            Step::Closed => return Err(io::ErrorKind::UnexpectedEof.into()),
            Step::Open | Step::Blocked => {}
        }
        chunk = std::mem::take(&mut core.rest.held);
        let (held, wanted) = (chunk.len(), *READ.start());
        if held > MAX_HELD {
            return Err(invalid(Error::General("a handshake message that never ends".to_owned())));
        }
        chunk.resize(held + wanted, 0);
        let read = io.read(&mut chunk[held..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        chunk.truncate(held + read);
    }
    let known = known(core.session.common());
    let shared = Arc::new(Shared(Mutex::new(core)));
    let (from, to) = io.halves();
    let reader = Reader { io: from, shared: shared.clone() };
    Ok((reader, Writer { io: to, shared, unsent: Vec::new(), at: 0, closing: false }, known))
}

/// The receiving half.
pub(super) struct Reader<S, R> {
    io: R,
    shared: Arc<Shared<S>>,
}

impl<S: Session, R: AsyncRead + Unpin> AsyncRead for Reader<S, R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let Self { io, shared } = self.get_mut();
        let mut room = Room::new(buf);
        for turn in 0.. {
            let (held, wanted) = {
                let Core { rest, .. } = &mut *shared.lock()?;
                rest.take_plain(&mut room);
                if room.filled > 0 || room.buffer.is_empty() || rest.ended {
                    return Poll::Ready(Ok(room.filled));
                }
                (rest.held.len(), rest.wanted(room.buffer.len()))
            };
            if turn == TURNS {
                break;
            }
            ready!(with_scratch(held + wanted, |scratch| {
                let read = ready!(Pin::new(&mut *io).poll_read(cx, &mut scratch[held..]))?;
                let mut core = shared.lock()?;
                if read == 0 {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
                // This half alone adds to what is held; the other may have done with some of it meanwhile.
                let start = held - core.rest.held.len();
                scratch[start..held].copy_from_slice(&core.rest.held);
                Poll::Ready(core.receive_all(&mut scratch[start..held + read], &mut room).map_err(invalid))
            }))?;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The sending half.
pub(super) struct Writer<S, W> {
    io: W,
    shared: Arc<Shared<S>>,
    /// Ciphertext that the socket has not taken, from `at` on.
    unsent: Vec<u8>,
    at: usize,
    closing: bool,
}

impl<S: Session, W: AsyncWrite + Unpin> Writer<S, W> {
    /// Hands the socket what it did not take before.
    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.at < self.unsent.len() {
            match ready!(Pin::new(&mut self.io).poll_write(cx, &self.unsent[self.at..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.at += written,
            }
        }
        self.unsent.clear();
        self.at = 0;
        Poll::Ready(Ok(()))
    }

    /// Encrypts `plaintext`, or the end of this direction, and hands it to the socket as far as that takes it; `unsent` is
    /// empty. Says whether anything may still be sent.
    fn send(&mut self, plaintext: Option<&[u8]>, cx: &mut Context<'_>) -> io::Result<bool> {
        let len = plaintext.map_or(0, <[u8]>::len);
        with_scratch(len + (len / FRAGMENT + 1) * OVERHEAD + CONTROL, |scratch| {
            let encrypted = {
                let mut core = self.shared.lock()?;
                let encrypted = core.encrypt(plaintext, scratch).map_err(invalid)?;
                self.unsent.append(&mut core.rest.control);
                encrypted
            };
            let Some(encrypted) = encrypted else { return Ok(false) };
            let mut bytes = &scratch[..encrypted];
            // What the session had to say comes first, and is rare.
            if self.unsent.is_empty()
                && let Poll::Ready(written) = Pin::new(&mut self.io).poll_write(cx, bytes)
            {
                bytes = &bytes[written?..];
            }
            self.unsent.extend_from_slice(bytes);
            Ok(true)
        })
    }
}

impl<S: Session, W: AsyncWrite + Unpin> AsyncWrite for Writer<S, W> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_unsent(cx))?;
        let chunk = &buf[..buf.len().min(CHUNK)];
        Poll::Ready(match this.send(Some(chunk), cx)? {
            true => Ok(chunk.len()),
            false => Err(io::ErrorKind::BrokenPipe.into()),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_unsent(cx))?;
        // Nothing is under way any more, so nothing is kept.
        this.unsent = std::mem::take(&mut this.shared.lock()?.rest.control);
        this.poll_unsent(cx)
    }

    /// Tells the other end that nothing more comes, and ends the socket's sending direction.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        let this = self.get_mut();
        if !std::mem::replace(&mut this.closing, true) {
            // A session that has failed has said so already.
            let _ = this.send(None, cx);
        }
        ready!(this.poll_unsent(cx))?;
        Pin::new(&mut this.io).poll_close(cx)
    }
}
