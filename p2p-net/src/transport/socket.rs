//! TCP sockets as the `tcp` and `tls` transports use them: resolving, connecting, listening, and a patient way to read.
//!
//! Those two transports alone call it. It never runs cryptography and never blocks a thread of the executor.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::io::{AsyncRead, AsyncWrite};
use smol::Async;

use crate::clock::Clock;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::transport::duplex::Duplex;
use crate::transport::{Connection, DialError, Endpoint, HandshakeError, Incoming, ListenError, Listener};

/// How often a reader looks at an empty socket, giving way between, before it asks the reactor: 20 looks cost less than
/// the reactor's wake and brought a round trip between two threads from 52 to 10 µs.
const PATIENCE: u32 = 20;
/// A wait in the reactor below this many microseconds shows that looking again would have paid.
const SHORT_WAIT: Duration = Duration::from_micros(100);
/// How long one of several addresses of a name is tried: one that swallows everything must leave time for the next
/// within a connect timeout of 10 s.
const ADDRESS_LIMIT: Duration = Duration::from_secs(3);

/// A connected socket, shared by its clones.
///
/// Its reader looks again up to [`PATIENCE`] times before it asks the reactor. Patience is kept only where it pays: a
/// long wait halves it, a wait below [`SHORT_WAIT`] makes it full again, so an idle connection burns nothing.
#[derive(Clone)]
pub(super) struct Socket {
    io: Arc<Async<TcpStream>>,
    clock: Clock,
    patience: u32,
    looks: u32,
    asked: Option<Instant>,
}

impl Socket {
    /// Takes a stream just connected or accepted and turns Nagle's algorithm off: the writer above batches by itself, and
    /// a small message must not wait for the acknowledgement of the last.
    pub(super) fn new(io: Async<TcpStream>, clock: Clock) -> io::Result<Self> {
        io.get_ref().set_nodelay(true)?;
        Ok(Self { io: Arc::new(io), clock, patience: 0, looks: 0, asked: None })
    }

    /// Something will come soon: looks again before it asks the reactor.
    pub(super) fn expect(&mut self) {
        self.patience = PATIENCE;
    }

    /// After a read that succeeded or failed for good: adjusts patience to how long it took.
    fn settle(&mut self) {
        self.looks = 0;
        if let Some(asked) = self.asked.take() {
            let waited = self.clock.now().saturating_duration_since(asked);
            self.patience = if waited < SHORT_WAIT { PATIENCE } else { self.patience / 2 };
        }
    }
}

impl Duplex for Socket {
    type Reader = Self;
    type Writer = Self;

    fn halves(mut self) -> (Self, Self) {
        // Both ends now say who they are; within microseconds, where the way is short.
        self.expect();
        (self.clone(), self)
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.io.get_ref().read(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                done => {
                    self.settle();
                    return Poll::Ready(done);
                }
            }
            if self.looks < self.patience {
                self.looks += 1;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.asked.is_none() {
                self.asked = Some(self.clock.now());
            }
            ready!(self.io.poll_readable(cx))?;
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Of one record, as every small message is, the plainer call takes the kernel less.
        match bufs {
            [buf] => Pin::new(&mut &*self.io).poll_write(cx, buf),
            bufs => Pin::new(&mut &*self.io).poll_write_vectored(cx, bufs),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the sending direction only; the other end reads all that was sent, then the end.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match self.io.get_ref().shutdown(Shutdown::Write) {
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
            done => done,
        })
    }
}

/// Connects to a URL's host, address by address.
pub(super) async fn connect(clock: &Clock, to: &NodeUrl) -> Result<(Socket, Endpoint), DialError> {
    if to.port() == 0 {
        return Err(DialError::NoPort);
    }
    let failed = |source| DialError::Resolve { host: to.host().to_owned(), source };
    let addresses = resolve(to).await.map_err(failed)?;
    match connect_to_any(clock, &addresses).await {
        Some(done) => done,
        None => Err(DialError::NoAddress { host: to.host().to_owned() }),
    }
}

/// All addresses of a URL's host. A literal address is taken as it is; a name is looked up on a thread that may block.
async fn resolve(url: &NodeUrl) -> io::Result<Vec<SocketAddr>> {
    if let Some(ip) = url.ip() {
        return Ok(vec![SocketAddr::new(ip, url.port())]);
    }
    let name = (url.host().to_owned(), url.port());
    smol::unblock(move || name.to_socket_addrs().map(Iterator::collect)).await
}

/// The first connection that any of `addresses` takes, the last error if none does, or nothing if there are none.
async fn connect_to_any(clock: &Clock, addresses: &[SocketAddr]) -> Option<Result<(Socket, Endpoint), DialError>> {
    let mut outcome = None;
    for (at, &address) in addresses.iter().enumerate() {
        let connecting = Async::<TcpStream>::connect(address);
        let connected = if at + 1 == addresses.len() {
            connecting.await
        } else {
            let timed_out = |limit| io::Error::new(ErrorKind::TimedOut, limit);
            clock.timeout(ADDRESS_LIMIT, connecting).await.map_err(timed_out).flatten()
        };
        let endpoint = Endpoint::Socket(address);
        match connected.and_then(|io| Socket::new(io, clock.clone())) {
            Ok(socket) => return Some(Ok((socket, endpoint))),
            Err(source) => outcome = Some(Err(DialError::Connect { at: endpoint, source })),
        }
    }
    outcome
}

/// The handshake that a transport runs on each socket accepted.
pub(super) type Prove = Arc<dyn Fn(Socket, Endpoint) -> Proof + Send + Sync>;
/// A handshake under way.
pub(super) type Proof = BoxFuture<'static, Result<Connection, HandshakeError>>;

/// A listening socket, and what to do with the connections that arrive.
pub(super) struct SocketListener {
    io: Async<TcpListener>,
    url: NodeUrl,
    clock: Clock,
    prove: Prove,
}

/// Listens at a URL's host for `ours`. On Unix the standard library lets a port be taken again that was just left.
pub(super) async fn listen(
    clock: &Clock,
    ours: NodeId,
    at: &NodeUrl,
    prove: Prove,
) -> Result<Box<dyn Listener>, ListenError> {
    if let Some(named) = at.id().filter(|&named| named != ours) {
        return Err(ListenError::OtherIdentity { named, ours });
    }
    let unresolved = |source| ListenError::Resolve { host: at.host().to_owned(), source };
    let addresses = resolve(at).await.map_err(unresolved)?;
    let bind = || {
        let io = Async::new(TcpListener::bind(&addresses[..])?)?;
        let url = at.with_id(ours).with_port(io.get_ref().local_addr()?.port());
        Ok(SocketListener { io, url, clock: clock.clone(), prove })
    };
    let listener = bind().map_err(|source| ListenError::Bind { at: at.clone(), source })?;
    Ok(Box::new(listener))
}

impl Listener for SocketListener {
    fn url(&self) -> NodeUrl {
        self.url.clone()
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<Incoming>> {
        async {
            let (io, address) = self.io.accept().await?;
            let (remote, clock, prove) = (Endpoint::Socket(address), self.clock.clone(), self.prove.clone());
            let endpoint = remote.clone();
            // The socket is set up in the handshake: a peer already gone fails its own handshake, not our accept.
            let handshake = async move { prove(Socket::new(io, clock)?, endpoint).await }.boxed();
            Ok(Incoming { remote, handshake })
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{AsyncReadExt, AsyncWriteExt};

    fn bound() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Two sockets connected to each other.
    async fn pair(clock: &Clock) -> (Socket, Socket) {
        let (listener, address) = bound();
        let listener = Async::new(listener).unwrap();
        let addresses = [address];
        let (dialed, accepted) = futures::join!(connect_to_any(clock, &addresses), listener.accept());
        (dialed.unwrap().unwrap().0, Socket::new(accepted.unwrap().0, clock.clone()).unwrap())
    }

    #[test]
    fn both_ends_send_without_delay() {
        let (dialed, accepted) = smol::block_on(pair(&Clock::real()));
        assert!(dialed.io.get_ref().nodelay().unwrap());
        assert!(accepted.io.get_ref().nodelay().unwrap());
    }

    #[test]
    fn every_address_is_tried_and_the_last_error_reported() {
        let clock = Clock::real();
        // Ports that nothing listens on, and that the system gives to nobody who asks for any.
        let closed = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (listener, open) = bound();
        let (_, found) = smol::block_on(connect_to_any(&clock, &[closed(1), closed(2), open])).unwrap().unwrap();
        assert_eq!(found, Endpoint::Socket(open));
        drop(listener);
        let last = closed(2);
        match smol::block_on(connect_to_any(&clock, &[closed(1), last])).unwrap() {
            Err(DialError::Connect { at, source }) => {
                assert_eq!((at, source.kind()), (Endpoint::Socket(last), ErrorKind::ConnectionRefused));
            }
            other => panic!("{:?}", other.map(|(_, found)| found)),
        }
        assert!(smol::block_on(connect_to_any(&clock, &[])).is_none());
    }

    #[test]
    fn a_url_without_port_or_with_a_name_nobody_has_is_not_dialled() {
        let dial = |text: &str| smol::block_on(connect(&Clock::real(), &text.parse().unwrap())).map(drop).unwrap_err();
        assert!(matches!(dial("tcp://127.0.0.1:0"), DialError::NoPort));
        // A label above 63 bytes is refused before anything is sent to a name server.
        assert!(matches!(dial(&format!("tcp://{}.invalid:1", "a".repeat(64))), DialError::Resolve { .. }));
    }

    #[test]
    fn closing_one_direction_leaves_the_other_open() {
        smol::block_on(async {
            let (mut a, mut b) = pair(&Clock::real()).await;
            a.write_all(b"last words").await.unwrap();
            a.close().await.unwrap();
            let mut heard = Vec::new();
            b.read_to_end(&mut heard).await.unwrap();
            b.write_all(b"answer").await.unwrap();
            drop(b);
            let mut answer = Vec::new();
            a.read_to_end(&mut answer).await.unwrap();
            assert_eq!((&heard[..], &answer[..]), (&b"last words"[..], &b"answer"[..]));
        });
    }

    #[test]
    fn patience_is_full_after_a_short_wait_and_halves_after_long_ones() {
        let clock = Clock::simulated();
        let (mut socket, _other) = smol::block_on(pair(&clock));
        let mut wait = |micros| {
            socket.asked = Some(clock.now());
            let mut sleep = clock.sleep(Duration::from_micros(micros));
            let mut cx = Context::from_waker(std::task::Waker::noop());
            assert!(sleep.poll_unpin(&mut cx).is_pending() && clock.advance(Duration::MAX));
            socket.settle();
            socket.patience
        };
        assert_eq!([wait(99), wait(100), wait(100), wait(99)], [20, 10, 5, 20]);
    }
}
