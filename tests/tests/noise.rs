//! A hundred megabytes of noise at an open port: memory stays flat, and the peers that are there notice nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use fastrand::Rng;
use futures::AsyncWriteExt;
use p2p_net::identity::SecretKey;
use p2p_net::node_url::NodeUrl;
use p2p_net::p2p::P2pPtr;
use p2p_net::transport::Transport;
use p2p_net::transport::tls::TlsTransport;
use p2p_net::{P2p, Settings};
use p2p_tests::meter::{Flat, alone, open_files};
use p2p_tests::plain::{Ask, office};
use p2p_tests::raw::Raw;
use smol::{Async, Executor};

const NOISE: usize = 100 << 20;
/// A node ends a connection at its first wrong bytes, so most of the noise never gets anywhere.
const CONNECTIONS: usize = 400;

async fn node(executor: &Arc<Executor<'static>>, scheme: &str) -> P2pPtr {
    let listen = vec![format!("{scheme}://127.0.0.1:0").parse().unwrap()];
    let settings = Settings { listen, outbound_slots: 0, transports: vec![scheme.to_owned()], ..Settings::default() };
    let node = P2p::builder(settings).protocols(office()).without_handshake().build().await.unwrap();
    node.clone().start(executor.clone()).await.unwrap();
    executor.spawn(node.clone().run(executor.clone())).detach();
    node
}

fn address(url: &NodeUrl) -> SocketAddr {
    SocketAddr::new(url.ip().unwrap(), url.port())
}

/// Noise that starts with `head`, as long as the node takes it; how many bytes were offered.
async fn shout(at: SocketAddr, head: &[u8], noise: &[u8], most: usize) -> usize {
    let mut stream = Async::<std::net::TcpStream>::connect(at).await.unwrap();
    let mut offered = head.len();
    if stream.write_all(head).await.is_err() {
        return offered;
    }
    while offered < most {
        offered += noise.len();
        if stream.write_all(noise).await.is_err() {
            break;
        }
    }
    offered
}

fn noise_at(scheme: &str, heads: &[&[u8]]) {
    let _alone = alone();
    let executor = Arc::new(Executor::new());
    smol::block_on(executor.run(async {
        let (bob, alice) = (node(&executor, scheme).await, node(&executor, scheme).await);
        let url = bob.advertised().remove(0);
        alice.add_peer(&url).await.unwrap();
        let channel = alice.channel(&bob.id()).unwrap();
        let mut rng = Rng::with_seed(1);
        let mut noise: Vec<u8> = (0..256 << 10).map(|_| rng.u8(..)).collect();
        let (flat, files, mut offered) = (Flat::from_now(), open_files(), 0);
        for round in 0..CONNECTIONS {
            rng.shuffle(&mut noise[..64]);
            let head = heads[round % heads.len()];
            let shouting = shout(address(&url), head, &noise, NOISE / CONNECTIONS);
            let asking = async { channel.request(Ask { n: 1 }).await.unwrap().n };
            let (more, answer) = futures::join!(shouting, asking);
            offered += more;
            assert_eq!(answer, 2);
        }
        assert!(offered >= NOISE, "{offered}");
        flat.check(8 << 20);
        assert!(channel.disconnect().is_none());
        assert_eq!((bob.peer_count(), bob.hosts().bans()), (1, vec![]));
        alice.stop().await;
        bob.stop().await;
        assert_eq!(bob.task_count(), 0);
        assert!(open_files() <= files);
    }));
}

#[test]
fn noise_at_a_tls_port() {
    // Plain noise; what looks like a record of the longest size; a handshake record of the longest message.
    noise_at("tls", &[&[], &[0x16, 3, 1, 0x40, 0], &[0x16, 3, 3, 0x40, 0, 1, 0xff, 0xff, 0xff], b"GET / HTTP/1.1\r\n"]);
}

#[test]
fn noise_at_a_tcp_port() {
    noise_at("tcp", &[&[], b"p2p-tcp\x01", b"p2p-tcp\x02", b"GET / HTTP/1.1\r\n"]);
}

/// The same from a peer that has proved its key, in one connection after another, until it is banned.
#[test]
fn noise_from_a_peer_that_proved_its_key() {
    let _alone = alone();
    let executor = Arc::new(Executor::new());
    smol::block_on(executor.run(async {
        let bob = node(&executor, "tls").await;
        let url = bob.advertised().remove(0);
        let mut rng = Rng::with_seed(2);
        let noise: Vec<u8> = (0..1 << 20).map(|_| rng.u8(..)).collect();
        let flat = Flat::from_now();
        for _ in 0..20 {
            let secret = SecretKey::generate().unwrap();
            let transport = TlsTransport::new(&secret, bob.clock().clone());
            for _ in 0..3 {
                let mut raw = Raw::new(transport.dial(&url).await.unwrap());
                for _ in 0..5 {
                    if raw.write(&noise).await.is_err() {
                        break;
                    }
                }
                drop(raw);
            }
            while bob.hosts().banned_until(Some(secret.id()), None).is_none() {
                smol::future::yield_now().await;
            }
        }
        flat.check(16 << 20);
        bob.stop().await;
        assert_eq!(bob.task_count(), 0);
    }));
}
