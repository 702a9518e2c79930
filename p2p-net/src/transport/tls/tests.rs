//! What the `tls` transport promises, over loopback sockets.

use super::*;
use futures::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;

fn node(seed: u8) -> TlsTransport {
    TlsTransport::new(&SecretKey::from_bytes([seed; 32]), Clock::real())
}

async fn listen(node: &TlsTransport) -> Box<dyn Listener> {
    node.listen(&"tls://127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// What the listening end makes of its next connection.
async fn accept(listener: &dyn Listener) -> Result<Connection, HandshakeError> {
    listener.accept().await.unwrap().handshake.await
}

async fn connected(dialer: &TlsTransport, listener: &TlsTransport) -> (Connection, Connection) {
    let listening = listen(listener).await;
    let url = listening.url();
    let (dialed, accepted) = futures::join!(dialer.dial(&url), accept(&*listening));
    (dialed.unwrap(), accepted.unwrap())
}

#[test]
fn both_ends_know_each_other() {
    let (alice, bob) = (node(1), node(2));
    let (to_bob, to_alice) = smol::block_on(connected(&alice, &bob));
    assert_eq!((to_bob.peer, to_alice.peer), (bob.ours, alice.ours));
}

#[test]
fn a_mebibyte_goes_both_ways_and_then_the_end() {
    async fn exchange(mut connection: Connection, fill: u8) {
        let sending = async {
            connection.writer.write_all(&vec![fill; 1 << 20]).await.unwrap();
            connection.writer.close().await.unwrap();
        };
        let mut received = Vec::new();
        let receiving = async { connection.reader.read_to_end(&mut received).await.unwrap() };
        futures::join!(sending, receiving);
        assert!(received == vec![!fill; 1 << 20], "{} bytes", received.len());
    }
    smol::block_on(async {
        let (a, b) = connected(&node(1), &node(2)).await;
        futures::join!(exchange(a, 0x55), exchange(b, 0xaa));
    });
}

#[test]
fn an_unexpected_key_is_reported_and_refused_on_both_sides() {
    let (alice, bob, carol) = (node(1), node(2), node(3));
    smol::block_on(async {
        let listening = listen(&bob).await;
        let url = listening.url().with_id(carol.ours);
        let (dialed, accepted) = futures::join!(alice.dial(&url), accept(&*listening));
        match dialed.unwrap_err() {
            DialError::UnexpectedIdentity { expected, found } => assert_eq!((expected, found), (carol.ours, bob.ours)),
            other => panic!("{other}"),
        }
        assert_eq!(accepted.unwrap_err().to_string(), "tls: received fatal alert: AccessDenied");
    });
}

#[test]
fn without_an_id_the_one_found_is_reported() {
    let (alice, bob) = (node(1), node(2));
    smol::block_on(async {
        let listening = listen(&bob).await;
        let url = listening.url().without_id();
        let (dialed, _accepted) = futures::join!(alice.dial(&url), accept(&*listening));
        assert_eq!(dialed.unwrap().peer, bob.ours);
    });
}

#[test]
fn a_listener_has_our_id_and_no_other() {
    let (alice, bob) = (node(1), node(2));
    smol::block_on(async {
        let url = listen(&alice).await.url();
        assert_eq!((url.id(), url.port() == 0), (Some(alice.ours), false));
        let named = "tls://127.0.0.1:0".parse::<NodeUrl>().unwrap().with_id(bob.ours);
        assert!(matches!(alice.listen(&named).await, Err(ListenError::OtherIdentity { .. })));
        assert!(alice.listen(&url).await.is_ok(), "a port just left is free at once");
    });
}

#[test]
fn a_silent_client_does_not_delay_the_next() {
    let (alice, bob) = (node(1), node(2));
    smol::block_on(async {
        let listening = listen(&bob).await;
        let url = listening.url();
        let silent = TcpStream::connect((url.host(), url.port())).await.unwrap();
        let first = listening.accept().await.unwrap();
        let (dialed, second) = futures::join!(alice.dial(&url), accept(&*listening));
        assert_eq!((dialed.unwrap().peer, second.unwrap().peer), (bob.ours, alice.ours));
        drop(silent);
        assert!(matches!(first.handshake.await, Err(HandshakeError::Closed)));
    });
}

#[test]
fn who_speaks_something_else_is_told_apart() {
    smol::block_on(async {
        let listening = listen(&node(2)).await;
        let url = listening.url();
        let mut stream = TcpStream::connect((url.host(), url.port())).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(matches!(accept(&*listening).await, Err(HandshakeError::OtherProtocol { .. })));
    });
}

#[test]
fn a_client_without_key_or_protocol_name_is_refused() {
    let bob = node(2);
    let mut no_protocol = ClientConfig::clone(&node(1).client);
    no_protocol.alpn_protocols.clear();
    let no_key = {
        let verifier = Arc::new(Verifier::new(Arc::new(suites()), None));
        let builder = ClientConfig::builder_with_provider(Arc::new(suites()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap();
        builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
    };
    smol::block_on(async {
        for config in [no_protocol, no_key] {
            let listening = listen(&bob).await;
            let url = listening.url();
            let dialing = async {
                let (io, _) = socket::connect(&Clock::real(), &url).await.unwrap();
                let session = UnbufferedClientConnection::new(Arc::new(config), "p2p.invalid".try_into().unwrap());
                stream::shake_hands(io, session.unwrap(), |_| ()).await.ok()
            };
            let (_kept, accepted) = futures::join!(dialing, accept(&*listening));
            accepted.unwrap_err();
        }
    });
}

#[test]
fn a_key_is_read_in_one_form_only() {
    let id = node(1).ours;
    let right = [&PUBLIC_KEY_PREFIX[..], id.as_bytes()].concat();
    assert_eq!(shown_id(&right.clone().into()), Some(id));
    let mut other_curve = right.clone();
    other_curve[8] ^= 1;
    let nobodys = [&PUBLIC_KEY_PREFIX[..], &[0; 32]].concat();
    for wrong in [right[..43].to_vec(), [&right[..], &[0]].concat(), other_curve, nobodys, Vec::new()] {
        assert_eq!(shown_id(&wrong.into()), None);
    }
}

#[test]
fn a_cut_without_goodbye_is_not_an_end() {
    smol::block_on(async {
        let (a, mut b) = connected(&node(1), &node(2)).await;
        drop(a);
        let error = b.reader.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    });
}
