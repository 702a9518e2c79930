//! What the `tcp` transport promises, over loopback sockets.

use super::*;
use smol::net::TcpStream;

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_bytes([seed; 32])
}

fn node(seed: u8) -> TcpTransport {
    TcpTransport::new(&secret(seed), Clock::real())
}

async fn listen(node: &TcpTransport) -> Box<dyn Listener> {
    node.listen(&"tcp://127.0.0.1:0".parse().unwrap()).await.unwrap()
}

async fn accept(listener: &dyn Listener) -> Result<Connection, HandshakeError> {
    listener.accept().await.unwrap().handshake.await
}

/// A raw stream to `url`, for those who do not keep to the handshake.
async fn raw(url: &NodeUrl) -> TcpStream {
    TcpStream::connect((url.host(), url.port())).await.unwrap()
}

#[test]
fn both_ends_know_each_other_and_can_speak() {
    smol::block_on(async {
        let listening = listen(&node(2)).await;
        let (url, alice) = (listening.url(), node(1));
        let (dialed, accepted) = futures::join!(alice.dial(&url), accept(&*listening));
        let (mut dialed, mut accepted) = (dialed.unwrap(), accepted.unwrap());
        assert_eq!((dialed.peer, accepted.peer), (secret(2).id(), secret(1).id()));
        dialed.writer.write_all(b"hello").await.unwrap();
        dialed.writer.close().await.unwrap();
        let mut heard = String::new();
        accepted.reader.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "hello");
    });
}

#[test]
fn an_unexpected_key_is_reported_and_refused_on_both_sides() {
    smol::block_on(async {
        let listening = listen(&node(2)).await;
        let (url, alice) = (listening.url().with_id(secret(3).id()), node(1));
        let (dialed, accepted) = futures::join!(alice.dial(&url), accept(&*listening));
        match dialed.unwrap_err() {
            DialError::UnexpectedIdentity { expected, found } => {
                assert_eq!((expected, found), (secret(3).id(), secret(2).id()));
            }
            other => panic!("{other}"),
        }
        assert!(matches!(accepted, Err(HandshakeError::Closed)));
    });
}

#[test]
fn a_silent_client_does_not_delay_the_next() {
    smol::block_on(async {
        let listening = listen(&node(2)).await;
        let (url, alice) = (listening.url(), node(1));
        let _silent = raw(&url).await;
        let _first = listening.accept().await.unwrap();
        let (dialed, second) = futures::join!(alice.dial(&url), accept(&*listening));
        assert_eq!((dialed.unwrap().peer, second.unwrap().peer), (secret(2).id(), secret(1).id()));
    });
}

#[test]
fn who_speaks_something_else_is_told_apart() {
    smol::block_on(async {
        let listening = listen(&node(2)).await;
        let mut stream = raw(&listening.url()).await;
        stream.write_all(&[b'x'; HELLO_BYTES]).await.unwrap();
        assert!(matches!(accept(&*listening).await, Err(HandshakeError::OtherProtocol { .. })));
    });
}

/// What the listener makes of a dialer that answers its hello and proof with `reply`.
async fn accept_reply(reply: impl Fn(&Hello, &Hello, [u8; PROOF_BYTES]) -> Vec<u8>) -> Result<NodeId, HandshakeError> {
    let listening = listen(&node(2)).await;
    let url = listening.url();
    let dialing = async {
        let mut stream = raw(&url).await;
        let ours = Hello::new(&secret(1)).unwrap();
        stream.write_all(&ours.0).await.unwrap();
        let theirs = Hello::read(&mut stream).await.unwrap();
        let mut proof = [0; PROOF_BYTES];
        stream.read_exact(&mut proof).await.unwrap();
        stream.write_all(&reply(&ours, &theirs, proof)).await.unwrap();
    };
    let ((), accepted) = futures::join!(dialing, accept(&*listening));
    accepted.map(|connection| connection.peer)
}

#[test]
fn a_replayed_reflected_or_changed_proof_is_refused() {
    let not_proven =
        |accepted| matches!(accepted, Err(HandshakeError::NotProven { claimed }) if claimed == secret(1).id());
    let right = |ours: &Hello, theirs: &Hello| secret(1).sign(&transcript(Role::Dialer, ours, theirs)).to_vec();
    smol::block_on(async {
        assert_eq!(accept_reply(|ours, theirs, _| right(ours, theirs)).await.unwrap(), secret(1).id());
        let replayed = |ours: &Hello, _: &Hello, _| right(ours, &Hello::new(&secret(2)).unwrap());
        assert!(not_proven(accept_reply(replayed).await), "a proof from another connection");
        assert!(not_proven(accept_reply(|_, _, proof| proof.to_vec()).await), "the listener's own proof");
        let other_role =
            |ours: &Hello, theirs: &Hello, _| secret(1).sign(&transcript(Role::Listener, ours, theirs)).to_vec();
        assert!(not_proven(accept_reply(other_role).await), "the other role");
        let changed = |ours: &Hello, theirs: &Hello, _| {
            let mut proof = right(ours, theirs);
            proof[9] ^= 1;
            proof
        };
        assert!(not_proven(accept_reply(changed).await), "one bit changed");
        let other_key =
            |ours: &Hello, theirs: &Hello, _| secret(3).sign(&transcript(Role::Dialer, ours, theirs)).to_vec();
        assert!(not_proven(accept_reply(other_key).await), "another's key");
    });
}

#[test]
fn the_dialer_refuses_a_key_that_is_not_proven() {
    smol::block_on(async {
        let listener = smol::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = NodeUrl::at("tcp", listener.local_addr().unwrap()).unwrap().with_id(secret(2).id());
        let thief = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let theirs = Hello::read(&mut stream).await.unwrap();
            let shown = Hello::new(&secret(2)).unwrap();
            let proof = secret(3).sign(&transcript(Role::Listener, &theirs, &shown));
            stream.write_all(&[&shown.0[..], &proof].concat()).await.unwrap();
            stream
        };
        let alice = node(1);
        let (dialed, _stream) = futures::join!(alice.dial(&url), thief);
        assert!(matches!(dialed, Err(DialError::Handshake(HandshakeError::NotProven { .. }))));
    });
}
