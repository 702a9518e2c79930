//! One node's way into a [`MemoryNetwork`](super::MemoryNetwork): dialing, listening, and the two ends of a connection.
//!
//! Reached through the [`Transport`] trait like any other. The handshake is one byte each way through the connection's
//! own pipes: so a dial costs one round trip, and latency, cuts and crashes apply to it by themselves.

use std::fmt;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::io::{AsyncRead, AsyncWrite};
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};

use super::pipe::{Pipe, Waiting};
use super::{BACKLOG, Hub, Listening, Live, SCHEME};
use crate::identity::NodeId;
use crate::node_url::NodeUrl;
use crate::transport::{Connection, DialError, Endpoint, HandshakeError, Incoming, ListenError, Listener, Transport};

/// The byte by which each end of a new connection shows the other that it is there and content.
const HERE: u8 = 1;

/// Dials and accepts `memory://` URLs as one node on one host.
#[derive(Clone)]
pub struct MemoryTransport {
    hub: Arc<Hub>,
    host: String,
    id: NodeId,
}

impl MemoryTransport {
    pub(super) fn new(hub: Arc<Hub>, host: String, id: NodeId) -> Self {
        Self { hub, host, id }
    }

    /// Takes a place among the network's listeners.
    fn bind(&self, at: &NodeUrl) -> io::Result<MemoryListener> {
        if at.host() != self.host {
            return Err(io::Error::new(ErrorKind::AddrNotAvailable, format!("this host is {}", self.host)));
        }
        let (sender, arrivals) = smol::channel::bounded(BACKLOG);
        let mut state = self.hub.lock();
        let port = state.free_port(&self.host, at.port())?;
        let number = state.number();
        let listening = Listening { number, id: self.id, arrivals: sender };
        state.listeners.insert((self.host.clone(), port), listening);
        Ok(MemoryListener { hub: self.hub.clone(), number, url: at.with_id(self.id).with_port(port), arrivals })
    }

    /// Reaches a listener: our end of a new connection and the id of its other end, which now waits to be accepted.
    fn arrive(&self, to: &NodeUrl) -> io::Result<(NodeId, Reader, Writer)> {
        let (found, arrivals, ours, theirs) = {
            let mut state = self.hub.lock();
            let there = (to.host().to_owned(), to.port());
            let Some(listening) = state.listeners.get(&there) else { return Err(ErrorKind::ConnectionRefused.into()) };
            let (found, arrivals) = (listening.id, listening.arrivals.clone());
            let cut = state.cuts.contains(&super::unordered(&self.host, to.host()));
            let mut pipe = |from: &str, to: &str| {
                let link = state.link(from, to);
                Arc::new(Pipe::new(self.hub.clock.clone(), self.hub.trace.clone(), link, cut, state.rng.fork()))
            };
            let pipes = [pipe(&self.host, to.host()), pipe(to.host(), &self.host)];
            let number = state.number();
            let [there, back] = pipes.clone();
            let live = Live { hosts: [self.host.clone(), to.host().to_owned()], pipes, ends: 2 };
            state.connections.insert(number, live);
            let ours = End { hub: self.hub.clone(), number, incoming: back.clone(), outgoing: there.clone() };
            let theirs = End { hub: self.hub.clone(), number, incoming: there, outgoing: back };
            (found, arrivals, ours.split(), theirs.split())
        };
        // Without the lock: an end that is refused drops, and takes the lock for that.
        arrivals.try_send(incoming(self.id, self.host.clone(), theirs)).map_err(|_| ErrorKind::ConnectionRefused)?;
        Ok((found, ours.0, ours.1))
    }

    async fn connect(&self, to: &NodeUrl) -> Result<Connection, DialError> {
        if to.port() == 0 {
            return Err(DialError::NoPort);
        }
        let remote = Endpoint::Memory(to.host().to_owned());
        let failed = |source| DialError::Connect { at: Endpoint::Memory(to.host().to_owned()), source };
        self.hub.travel(&self.host, to.host()).await;
        let (found, mut reader, mut writer) = match self.arrive(to) {
            Ok(arrived) => arrived,
            Err(refused) => {
                self.hub.travel(to.host(), &self.host).await;
                return Err(failed(refused));
            }
        };
        reader.read_exact(&mut [0]).await.map_err(failed)?;
        if let Some(expected) = to.id().filter(|&expected| expected != found) {
            return Err(DialError::UnexpectedIdentity { expected, found });
        }
        writer.write_all(&[HERE]).await.map_err(failed)?;
        Ok(Connection { peer: found, remote, reader: Box::new(reader), writer: Box::new(writer) })
    }
}

/// The listening end of a new connection. Its byte leaves at once, as a system answers before a program accepts; the
/// dialer's own comes when it is content.
fn incoming(peer: NodeId, from: String, (mut reader, mut writer): (Reader, Writer)) -> Incoming {
    let remote = Endpoint::Memory(from);
    let endpoint = remote.clone();
    let answered = writer.write_all(&[HERE]).now_or_never();
    debug_assert!(matches!(answered, Some(Ok(()))), "a new pipe has room");
    let handshake = async move {
        reader.read_exact(&mut [0]).await?;
        Ok(Connection { peer, remote, reader: Box::new(reader), writer: Box::new(writer) })
    };
    Incoming { remote: endpoint, handshake: handshake.map(|done: Result<_, HandshakeError>| done).boxed() }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryTransport(of {:?} on {})", self.id, self.host)
    }
}

impl Transport for MemoryTransport {
    fn scheme(&self) -> &'static str {
        SCHEME
    }

    fn listen<'a>(&'a self, at: &'a NodeUrl) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        async {
            if let Some(named) = at.id().filter(|&named| named != self.id) {
                return Err(ListenError::OtherIdentity { named, ours: self.id });
            }
            match self.bind(at) {
                Ok(listener) => Ok(Box::new(listener) as Box<dyn Listener>),
                Err(source) => Err(ListenError::Bind { at: at.clone(), source }),
            }
        }
        .boxed()
    }

    fn dial<'a>(&'a self, to: &'a NodeUrl) -> BoxFuture<'a, Result<Connection, DialError>> {
        self.connect(to).boxed()
    }
}

/// A place among the network's listeners.
struct MemoryListener {
    hub: Arc<Hub>,
    number: u64,
    url: NodeUrl,
    arrivals: smol::channel::Receiver<Incoming>,
}

impl Listener for MemoryListener {
    fn url(&self) -> NodeUrl {
        self.url.clone()
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<Incoming>> {
        let crashed = |_| io::Error::new(ErrorKind::NotConnected, "the host crashed");
        self.arrivals.recv().map(move |arrived| arrived.map_err(crashed)).boxed()
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        // After a crash somebody else may listen in our place.
        let place = (self.url.host().to_owned(), self.url.port());
        let mut state = self.hub.lock();
        let ours = state.listeners.get(&place).is_some_and(|listening| listening.number == self.number);
        let left = if ours { state.listeners.remove(&place) } else { None };
        drop(state);
        drop(left);
    }
}

/// One end of a connection, shared by its two halves.
struct End {
    hub: Arc<Hub>,
    number: u64,
    incoming: Arc<Pipe>,
    outgoing: Arc<Pipe>,
}

impl End {
    fn split(self) -> (Reader, Writer) {
        let end = Arc::new(self);
        (Reader { end: end.clone(), waiting: None }, Writer { end, waiting: None })
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.outgoing.close();
        self.incoming.abandon();
        let mut state = self.hub.lock();
        if let Some(live) = state.connections.get_mut(&self.number) {
            live.ends -= 1;
            if live.ends == 0 {
                state.connections.remove(&self.number);
            }
        }
    }
}

struct Reader {
    end: Arc<End>,
    waiting: Waiting,
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let Self { end, waiting } = self.get_mut();
        end.incoming.poll_read(cx, waiting, buf)
    }
}

struct Writer {
    end: Arc<End>,
    waiting: Waiting,
}

impl AsyncWrite for Writer {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Self { end, waiting } = self.get_mut();
        end.outgoing.poll_write(cx, waiting, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end.outgoing.close();
        Poll::Ready(Ok(()))
    }
}
