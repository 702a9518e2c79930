//! A peer whose bytes never cease is not alone on its thread.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::io::AsyncRead;
use p2p_net::Settings;
use p2p_net::message::frame::Kind;
use p2p_net::node_url::NodeUrl;
use p2p_net::testing::{Simulation, secret_of};
use p2p_net::transport::memory::MemoryTransport;
use p2p_net::transport::{Connection, DialError, ListenError, Listener, Transport};
use p2p_tests::plain::{Ask, Note, office};
use p2p_tests::raw::{frame, run, start};

/// So much, and then the end: a test must not run for ever when it fails.
const ENDLESS: usize = 64 << 20;

/// Bytes that are there whenever they are asked for: frames that wake nobody.
struct Endless {
    frames: Vec<u8>,
    read: Arc<AtomicUsize>,
}

impl AsyncRead for Endless {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = self.read.load(Ordering::Relaxed);
        if read >= ENDLESS {
            return Poll::Ready(Ok(0));
        }
        let rest = &self.frames[read % self.frames.len()..];
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        self.read.fetch_add(len, Ordering::Relaxed);
        Poll::Ready(Ok(len))
    }
}

/// Connections to `mallory` never cease to bring bytes.
struct ToEndless(MemoryTransport, Arc<AtomicUsize>);

impl Transport for ToEndless {
    fn scheme(&self) -> &'static str {
        "memory"
    }

    fn listen<'a>(&'a self, at: &'a NodeUrl) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        self.0.listen(at)
    }

    fn dial<'a>(&'a self, to: &'a NodeUrl) -> BoxFuture<'a, Result<Connection, DialError>> {
        async {
            let connection = self.0.dial(to).await?;
            if to.host() != "mallory" {
                return Ok(connection);
            }
            let frames = frame::<Note>(Kind::Window, &[0; 4]).repeat(1000);
            let reader = Box::new(Endless { frames, read: self.1.clone() });
            Ok(Connection { reader, ..connection })
        }
        .boxed()
    }
}

#[test]
fn a_peer_whose_bytes_never_cease_leaves_others_their_turn() {
    for close in [false, true] {
        let sim = Simulation::new(1);
        run(&sim, async {
            let (bob, _) = start(&sim, "bob", office(), Settings::default()).await;
            let (mallory, _) = start(&sim, "mallory", office(), Settings::default()).await;
            let read = Arc::<AtomicUsize>::default();
            let transport = ToEndless(sim.network().transport("alice", &secret_of("alice")), read.clone());
            let settings = Settings { outbound_slots: 0, ..Settings::default() };
            let alice = sim.node("alice", settings).protocols(office()).without_handshake().transport(transport);
            let alice = sim.start(alice).await;
            alice.add_peer(&bob.advertised()[0]).await.unwrap();
            alice.add_peer(&mallory.advertised()[0]).await.unwrap();
            if close {
                // A channel that has ended is read until the peer has seen the reason: not alone either.
                let reason = p2p_net::disconnect::DisconnectReason::Requested;
                alice.channel(&mallory.id()).unwrap().close(reason, "enough");
            }
            let channel = alice.channel(&bob.id()).unwrap();
            for n in 100..120 {
                assert_eq!(channel.request(Ask { n }).await.unwrap().n, n + 1);
            }
            let read = read.load(Ordering::Relaxed);
            assert!(read > 0 && read < ENDLESS, "{read} bytes were read while twenty questions were answered");
            for node in [alice, bob, mallory] {
                node.stop().await;
            }
        });
    }
}
