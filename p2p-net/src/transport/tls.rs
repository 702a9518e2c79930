//! The `tls` transport: TCP under mutual TLS 1.3 with raw public keys (RFC 7250), the default way between nodes.
//!
//! No certificate, no authority, no name: each end shows its Ed25519 key, proves it, and is its [`NodeId`]. What is
//! negotiated is fixed: TLS 1.3, X25519, ALPN [`PROTOCOL`], no resumption and no early data, so that every connection
//! proves both keys afresh and nothing can be replayed. It never looks at what is sent.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::{FutureExt, future::BoxFuture};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption, UnbufferedClientConnection};
use rustls::crypto::{CryptoProvider, ring as provider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage, UnbufferedServerConnection};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, ClientConfig, CommonState, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};

use crate::clock::Clock;
use crate::identity::{NodeId, SecretKey};
use crate::node_url::NodeUrl;
use crate::transport::duplex::Duplex;
use crate::transport::socket;
use crate::transport::{Connection, DialError, Endpoint, HandshakeError, ListenError, Listener, Transport};

/// The application protocol both ends must name (ALPN), with the version of all that follows the handshake.
pub const PROTOCOL: &[u8] = b"p2p/1";

/// What precedes the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410).
const PUBLIC_KEY_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What precedes the 32 bytes of an Ed25519 seed in a PKCS #8 document (RFC 8410).
const SECRET_KEY_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

mod session;
mod stream;

use self::session::Session;

/// Dials and accepts `tls://` URLs as one node.
#[derive(Clone)]
pub struct TlsTransport {
    ours: NodeId,
    clock: Clock,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl TlsTransport {
    /// The transport of the node that owns `secret`.
    pub fn new(secret: &SecretKey, clock: Clock) -> Self {
        let (key, suites) = (certified(secret), Arc::new(suites()));
        let time = Arc::new(Time(clock.clone()));
        let anybody = Arc::new(Verifier::new(suites.clone(), None));
        let mut client = ClientConfig::builder_with_details(suites.clone(), time.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("the cipher suites are those of TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(anybody.clone())
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(key.clone())));
        client.resumption = Resumption::disabled();
        client.enable_sni = false;
        client.alpn_protocols = vec![PROTOCOL.to_vec()];
        let mut server = ServerConfig::builder_with_details(suites, time)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("the cipher suites are those of TLS 1.3")
            .with_client_cert_verifier(anybody)
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        server.max_early_data_size = 0;
        server.alpn_protocols = vec![PROTOCOL.to_vec()];
        Self { ours: secret.id(), clock, client: Arc::new(client), server: Arc::new(server) }
    }

    /// A connection with whoever owns `expected`, or with anybody.
    ///
    /// The expected key is checked within the handshake, by a verifier for this dial alone (a copied configuration is a
    /// few reference counts): a stranger then gets an alert instead of our key and a handshake it believes in.
    pub(crate) async fn secure(
        &self,
        io: impl Duplex,
        remote: Endpoint,
        expected: Option<NodeId>,
    ) -> Result<Connection, DialError> {
        let mut config = ClientConfig::clone(&self.client);
        let verifier = Arc::new(Verifier::new(config.crypto_provider().clone(), expected));
        config.dangerous().set_certificate_verifier(verifier.clone());
        let name = ServerName::try_from("p2p.invalid").expect("a host name").to_owned();
        let session = UnbufferedClientConnection::new(Arc::new(config), name).map_err(failed)?;
        connection(io, session, remote).await.map_err(|error| match (expected, verifier.stranger.get()) {
            (Some(expected), Some(&found)) => DialError::UnexpectedIdentity { expected, found },
            _ => error.into(),
        })
    }

    /// The other side: a connection with whoever is at the other end of `io` and proves its key.
    pub(crate) async fn welcome(&self, io: impl Duplex, remote: Endpoint) -> Result<Connection, HandshakeError> {
        welcome(self.server.clone(), io, remote).await
    }
}

async fn welcome(config: Arc<ServerConfig>, io: impl Duplex, remote: Endpoint) -> Result<Connection, HandshakeError> {
    connection(io, UnbufferedServerConnection::new(config).map_err(failed)?, remote).await
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsTransport(of {:?})", self.ours)
    }
}

impl Transport for TlsTransport {
    fn scheme(&self) -> &'static str {
        "tls"
    }

    fn listen<'a>(&'a self, at: &'a NodeUrl) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        let config = self.server.clone();
        let prove: socket::Prove = Arc::new(move |io, remote| welcome(config.clone(), io, remote).boxed());
        socket::listen(&self.clock, self.ours, at, prove).boxed()
    }

    fn dial<'a>(&'a self, to: &'a NodeUrl) -> BoxFuture<'a, Result<Connection, DialError>> {
        async move {
            let (io, remote) = socket::connect(&self.clock, to).await?;
            self.secure(io, remote, to.id()).await
        }
        .boxed()
    }
}

/// The cryptography offered. AES-128 first, which processors do at several GB/s; ChaCha20 for those without AES. AES-256
/// is left out: the curve gives 128 bits of strength in any case, and TLS 1.3 requires only AES-128 of everybody.
fn suites() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            provider::cipher_suite::TLS13_AES_128_GCM_SHA256,
            provider::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![provider::kx_group::X25519],
        ..provider::default_provider()
    }
}

/// Our key in the form that rustls shows and signs with.
fn certified(secret: &SecretKey) -> Arc<CertifiedKey> {
    let document = [&SECRET_KEY_PREFIX[..], &secret.to_bytes()].concat();
    let signer = provider::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(document)).expect("a seed is an Ed25519 key");
    let shown = [&PUBLIC_KEY_PREFIX[..], secret.id().as_bytes()].concat();
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(shown)], signer))
}

/// The id in a key shown by the other end, unless it is no Ed25519 key or one that anybody can sign with.
fn shown_id(key: &CertificateDer<'_>) -> Option<NodeId> {
    let key = key.strip_prefix(&PUBLIC_KEY_PREFIX)?.try_into().ok()?;
    Some(NodeId::from_bytes(key)).filter(NodeId::is_ownable)
}

/// Shakes hands, and finds out who the other end is.
async fn connection<S: Session>(io: impl Duplex, session: S, remote: Endpoint) -> Result<Connection, HandshakeError> {
    let (reader, writer, peer) = stream::shake_hands(io, session, proven).await.map_err(refused)?;
    let peer = peer.ok_or(HandshakeError::OtherProtocol { expected: "p2p/1 over tls" })?;
    Ok(Connection { peer, remote, reader: Box::new(reader), writer: Box::new(writer) })
}

/// Who the other end has proved to be, if it names our protocol: who names none at all gets through TLS's own negotiation.
fn proven(session: &CommonState) -> Option<NodeId> {
    let peer = session.peer_certificates().and_then(|shown| shown_id(shown.first()?));
    peer.filter(|_| session.alpn_protocol() == Some(PROTOCOL))
}

/// What made a handshake fail.
fn refused(error: io::Error) -> HandshakeError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(tls) => failed(tls.clone()),
        None => error.into(),
    }
}

fn failed(error: Error) -> HandshakeError {
    match error {
        Error::InvalidMessage(_) | Error::NoApplicationProtocol => {
            HandshakeError::OtherProtocol { expected: "p2p/1 over tls" }
        }
        other => HandshakeError::Tls(other.to_string()),
    }
}

/// Accepts any Ed25519 key that the other end proves to own, or only the expected one.
#[derive(Debug)]
struct Verifier {
    suites: Arc<CryptoProvider>,
    expected: Option<NodeId>,
    /// Who proved a key that was not the expected one.
    stranger: OnceLock<NodeId>,
}

impl Verifier {
    fn new(suites: Arc<CryptoProvider>, expected: Option<NodeId>) -> Self {
        Self { suites, expected, stranger: OnceLock::new() }
    }

    /// A raw key stands alone and is an Ed25519 key; who owns it shows in [`prove`](Self::prove).
    fn check(key: &CertificateDer<'_>, further: &[CertificateDer<'_>]) -> Result<(), Error> {
        match shown_id(key) {
            Some(_) if further.is_empty() => Ok(()),
            _ => Err(CertificateError::BadEncoding.into()),
        }
    }

    /// The signature first, the expectation second: so a stranger reported is one who proved its key.
    fn prove(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = SubjectPublicKeyInfoDer::from(key.as_ref());
        let algorithms = &self.suites.signature_verification_algorithms;
        let valid = verify_tls13_signature_with_raw_key(message, &spki, signature, algorithms)?;
        match (self.expected, shown_id(key)) {
            (Some(expected), Some(found)) if expected != found => {
                self.stranger.set(found).ok();
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            _ => Ok(valid),
        }
    }
}

/// TLS 1.2 is never offered, so this cannot be asked for.
fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::General("only TLS 1.3 is spoken here".into()))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        further: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Self::check(key, further).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.prove(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        further: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Self::check(key, further).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.prove(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Lets rustls ask our clock instead of the machine's.
#[derive(Debug)]
struct Time(Clock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.unix_seconds())))
    }
}

#[cfg(test)]
mod tests;
