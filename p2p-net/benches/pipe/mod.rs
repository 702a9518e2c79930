//! Two nodes in one thread with the shortest way between them: bytes are copied into a ring and out of it, nothing else.
//!
//! The `memory` transport hashes every byte it carries and makes room chunk by chunk; what counts instructions or
//! allocations would count mostly that. Here there is no delay, no trace, and no allocation once the ring is there.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::io::{AsyncRead, AsyncWrite};
use p2p_net::p2p::P2pBuilder;
use p2p_net::settings::Limits;
use p2p_net::testing::{Simulation, secret_of};
use p2p_net::transport::{Connection, DialError, Endpoint, Incoming, ListenError, Listener, Transport};
use p2p_net::{NodeId, P2p, P2pPtr, Settings, node_url::NodeUrl};
use smol::channel::{Receiver, Sender};

/// What a way holds, in bytes: as much as the `memory` transport does.
const RING: usize = 256 << 10;

/// What the windows of one channel may need, in bytes: a bound and no cost, for programs with more protocols than most.
pub(crate) const CHANNEL_MEMORY: usize = 1 << 30;

/// The most that one read brings, in bytes: what is in one record of TLS.
const READ: usize = 16 << 10;

/// Two nodes of `sim`, the first of which has dialled the second; both run all linked protocols, and `share` gives each
/// what they ask for.
pub(crate) async fn pair(sim: &Simulation, share: impl Fn(P2pBuilder) -> P2pBuilder) -> [P2pPtr; 2] {
    let arrivals = smol::channel::bounded(1);
    let start = async |host: &str| {
        let (secret, listen) = (secret_of(host), vec![format!("pipe://{host}:1").parse().unwrap()]);
        let pipe = Pipe { ours: secret.id(), arrivals: arrivals.clone() };
        let transports = vec!["pipe".to_owned()];
        let limits = Limits { channel_memory: CHANNEL_MEMORY, ..Limits::default() };
        let settings =
            Settings { listen, transports, limits, outbound_slots: 0, random_seed: Some(1), ..Settings::default() };
        let node = P2p::builder(settings).identity(secret).transport(pipe).clock(sim.clock().clone());
        sim.start(share(node).without_handshake()).await
    };
    let (bob, alice) = (start("bob").await, start("alice").await);
    alice.add_peer(&bob.advertised()[0]).await.unwrap();
    [alice, bob]
}

/// The transport of one end; whoever dials arrives at whoever accepts.
struct Pipe {
    ours: NodeId,
    arrivals: (Sender<Incoming>, Receiver<Incoming>),
}

struct Accepts {
    url: NodeUrl,
    arrivals: Receiver<Incoming>,
}

impl Transport for Pipe {
    fn scheme(&self) -> &'static str {
        "pipe"
    }

    fn listen<'a>(&'a self, at: &'a NodeUrl) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        let (url, arrivals) = (at.with_id(self.ours), self.arrivals.1.clone());
        async { Ok(Box::new(Accepts { url, arrivals }) as Box<dyn Listener>) }.boxed()
    }

    fn dial<'a>(&'a self, to: &'a NodeUrl) -> BoxFuture<'a, Result<Connection, DialError>> {
        async {
            let (there, back) = (Way::default(), Way::default());
            let end = |peer, reader: &Way, writer: &Way| Connection {
                peer,
                remote: Endpoint::Memory("pipe".to_owned()),
                reader: Box::new(reader.clone()),
                writer: Box::new(writer.clone()),
            };
            let theirs = end(self.ours, &there, &back);
            let handshake = async { Ok(theirs) }.boxed();
            let incoming = Incoming { remote: Endpoint::Memory("pipe".to_owned()), handshake };
            self.arrivals.0.send(incoming).await.unwrap();
            Ok(end(to.id().unwrap(), &back, &there))
        }
        .boxed()
    }
}

impl Listener for Accepts {
    fn url(&self) -> NodeUrl {
        self.url.clone()
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<Incoming>> {
        self.arrivals.recv().map(|arrived| arrived.map_err(io::Error::other)).boxed()
    }
}

/// One direction.
#[derive(Clone)]
struct Way(Arc<Mutex<Ring>>);

struct Ring {
    bytes: VecDeque<u8>,
    ended: bool,
    waiting: Option<Waker>,
}

impl Default for Way {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Ring { bytes: VecDeque::with_capacity(RING), ended: false, waiting: None })))
    }
}

impl AsyncRead for Way {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut ring = self.0.lock().unwrap();
        if ring.bytes.is_empty() && !ring.ended {
            ring.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let most = buf.len().min(READ);
        let read = ring.bytes.read(&mut buf[..most]);
        ring.waiting.take().into_iter().for_each(Waker::wake);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Way {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut ring = self.0.lock().unwrap();
        let taken = buf.len().min(RING - ring.bytes.len());
        if taken == 0 {
            ring.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        ring.bytes.extend(&buf[..taken]);
        ring.waiting.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ring = self.0.lock().unwrap();
        ring.ended = true;
        ring.waiting.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}
