//! `docs/wire.md` against the code: what transports say before the first frame, spoken by hand.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use futures_rustls::TlsConnector;
use p2p_net::NodeId;
use p2p_net::clock::Clock;
use p2p_net::identity::SecretKey;
use p2p_net::transport::tcp::TcpTransport;
use p2p_net::transport::tls::{PROTOCOL, TlsTransport};
use p2p_net::transport::{Listener, Transport};
use p2p_tests::wire::{Vector, hex, show, vectors_of};
use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use smol::Async;

type Socket = Async<std::net::TcpStream>;

async fn connect(listener: &dyn Listener) -> Socket {
    let url = listener.url();
    Socket::connect((url.ip().unwrap(), url.port())).await.unwrap()
}

#[test]
fn an_id_is_the_public_key_of_its_seed() {
    for vector in vectors_of("node-id") {
        let id = SecretKey::from_bytes(vector.seed("seed")).id();
        assert_eq!(vector.text("id"), show(id.as_bytes()), "line {}", vector.line);
    }
}

fn hello(nonce: &[u8; 32], id: NodeId) -> Vec<u8> {
    [b"p2p-tcp\x01", &nonce[..], id.as_bytes()].concat()
}

fn transcript(signer: u8, dialer: &[u8], listener: &[u8]) -> Vec<u8> {
    [b"p2p-net tcp handshake 1", &[signer][..], dialer, listener].concat()
}

#[test]
fn a_tcp_proof_is_as_written() {
    for vector in vectors_of("tcp-proof") {
        let [dialer, listener] = ["dialer-seed", "listener-seed"].map(|key| SecretKey::from_bytes(vector.seed(key)));
        let dialer_hello = hello(&vector.seed("dialer-nonce"), dialer.id());
        let listener_hello = hello(&vector.seed("listener-nonce"), listener.id());
        let proof = |secret: &SecretKey, signer| secret.sign(&transcript(signer, &dialer_hello, &listener_hello));
        let found = [
            ("dialer-hello", show(&dialer_hello)),
            ("listener-hello", show(&listener_hello)),
            ("listener-proof", show(&proof(&listener, b'l'))),
            ("dialer-proof", show(&proof(&dialer, b'd'))),
        ];
        for (key, bytes) in found {
            assert_eq!(vector.text(key), bytes, "line {}: {key}", vector.line);
        }
    }
}

/// A dialer made from the document alone is let in by the listener, and a listener by the dialer.
#[test]
fn who_speaks_tcp_as_written_is_let_in() {
    smol::block_on(async {
        let vector = vectors_of("tcp-proof").remove(0);
        let [dialer, listener] = ["dialer-seed", "listener-seed"].map(|key| SecretKey::from_bytes(vector.seed(key)));
        let transport = TcpTransport::new(&listener, Clock::real());
        let listening = transport.listen(&"tcp://127.0.0.1:0".parse().unwrap()).await.unwrap();
        let mut socket = connect(&*listening).await;
        let incoming = listening.accept().await.unwrap();
        let by_hand = async {
            let ours = vector.bytes("dialer-hello");
            socket.write_all(&ours).await.unwrap();
            let (mut theirs, mut proof) = ([0; 72], [0; 64]);
            socket.read_exact(&mut theirs).await.unwrap();
            socket.read_exact(&mut proof).await.unwrap();
            assert_eq!((&theirs[..8], &theirs[40..]), (&b"p2p-tcp\x01"[..], &listener.id().as_bytes()[..]));
            assert!(listener.id().verify(&transcript(b'l', &ours, &theirs), &proof));
            socket.write_all(&dialer.sign(&transcript(b'd', &ours, &theirs))).await.unwrap();
        };
        let (accepted, ()) = futures::join!(incoming.handshake, by_hand);
        assert_eq!(accepted.unwrap().peer, dialer.id());
    });
}

/// Notes the key that a listener shows, and owns none itself.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<u8>>);

impl ServerCertVerifier for Notes {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().unwrap() = key.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("tls 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// The key of `secret` as a vector writes that of another.
fn shown(secret: &SecretKey, vector: &Vector) -> Arc<CertifiedKey> {
    // RFC 8410: an Ed25519 seed as PKCS #8.
    let document = [&hex("302e020100300506032b657004220420")[..], &secret.to_bytes()].concat();
    let signer = any_eddsa_type(&PrivatePkcs8KeyDer::from(document)).unwrap();
    let mut key = vector.bytes("bytes");
    key.splice(12.., secret.id().as_bytes().iter().copied());
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(key)], signer))
}

/// What the document asks of a dialer who shows `key`.
fn written(key: Arc<CertifiedKey>, notes: Arc<Notes>) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(notes)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(key)));
    config.alpn_protocols = vec![vectors_of("alpn").remove(0).bytes("bytes")];
    config
}

#[test]
fn who_speaks_tls_as_written_is_let_in() {
    let dialer = SecretKey::from_bytes([7; 32]);
    assert_eq!(vectors_of("alpn").remove(0).bytes("bytes"), PROTOCOL);
    smol::block_on(async {
        for vector in vectors_of("public-key-info") {
            let secret = SecretKey::from_bytes(vector.seed("seed"));
            let transport = TlsTransport::new(&secret, Clock::real());
            let listening = transport.listen(&"tls://127.0.0.1:0".parse().unwrap()).await.unwrap();
            let (notes, name) = (Arc::<Notes>::default(), ServerName::try_from("p2p.invalid").unwrap());
            let config = written(shown(&dialer, &vector), notes.clone());
            let socket = connect(&*listening).await;
            let incoming = listening.accept().await.unwrap();
            let by_hand = TlsConnector::from(Arc::new(config)).connect(name, socket);
            let (accepted, connected) = futures::join!(incoming.handshake, by_hand);
            assert_eq!((accepted.unwrap().peer, connected.is_ok()), (dialer.id(), true));
            assert_eq!(show(&notes.0.lock().unwrap()), vector.text("bytes"), "line {}", vector.line);
        }
    });
}

/// A socket that takes little at once, so that what is written arrives in pieces of every size.
struct Pieces {
    io: Socket,
    rng: fastrand::Rng,
}

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let most = if self.rng.bool() { self.rng.usize(1..30) } else { self.rng.usize(1..30_000) };
        Pin::new(&mut self.io).poll_write(cx, &buf[..buf.len().min(most)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_close(cx)
    }
}

/// Another implementation of the streams, which changes its keys, asks for ours to be changed, and writes in any pieces.
#[test]
fn tls_goes_on_through_changed_keys_and_in_pieces_of_any_size() {
    let dialer = SecretKey::from_bytes([7; 32]);
    let vector = vectors_of("public-key-info").remove(0);
    let mut rng = fastrand::Rng::with_seed(4);
    smol::block_on(async {
        let transport = TlsTransport::new(&SecretKey::from_bytes(vector.seed("seed")), Clock::real());
        let listening = transport.listen(&"tls://127.0.0.1:0".parse().unwrap()).await.unwrap();
        let config = written(shown(&dialer, &vector), Arc::default());
        let io = Pieces { io: connect(&*listening).await, rng: rng.fork() };
        let incoming = listening.accept().await.unwrap();
        let by_hand = TlsConnector::from(Arc::new(config)).connect("p2p.invalid".try_into().unwrap(), io);
        let (accepted, connected) = futures::join!(incoming.handshake, by_hand);
        let (mut ours, mut theirs) = (accepted.unwrap(), connected.unwrap());
        for round in 0..40 {
            if round % 3 == 1 {
                theirs.get_mut().1.refresh_traffic_keys().unwrap();
            }
            let sent: Vec<u8> = (0..rng.usize(1..100_000)).map(|_| rng.u8(..)).collect();
            let (mut there, mut back) = (vec![0; sent.len()], vec![0; sent.len()]);
            let echo = async {
                let mut at = 0;
                while at < there.len() {
                    let end = there.len().min(at + rng.usize(1..5_000));
                    let read = ours.reader.read(&mut there[at..end]).await.unwrap();
                    assert!(read > 0, "the other end is there still");
                    at += read;
                }
                ours.writer.write_all(&there).await.unwrap();
                ours.writer.flush().await.unwrap();
            };
            let peer = async {
                theirs.write_all(&sent).await.unwrap();
                theirs.flush().await.unwrap();
                theirs.read_exact(&mut back).await.unwrap();
            };
            futures::join!(echo, peer);
            assert!(sent == back, "round {round}, {} bytes", sent.len());
        }
        theirs.close().await.unwrap();
        assert_eq!(ours.reader.read(&mut [0; 8]).await.unwrap(), 0, "said to be the end");
        ours.writer.write_all(b"and goodbye").await.unwrap();
        ours.writer.close().await.unwrap();
        let mut rest = Vec::new();
        theirs.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"and goodbye");
    });
}
