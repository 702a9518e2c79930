//! The `tcp` transport: plain TCP whose ends prove their keys once, at the start.
//!
//! For machines and networks that protect their traffic by other means, and for measuring what TLS costs; a node must
//! allow it explicitly. It authenticates the **start** of a connection only: whoever sits on the path can read and change
//! every byte after it, and end up speaking in the peer's name. Nothing is encrypted, not even who the two ends are.
//!
//! # The handshake
//!
//! Both ends send a hello, the listener its proof right after it, the dialer its own last, and only to the
//! identity it expects:
//!
//! ```text
//! hello   72 bytes   magic "p2p-tcp", version 1 (u8), nonce [32], public key [32]
//! proof   64 bytes   Ed25519 signature by that key over
//!                    "p2p-net tcp handshake 1", role of the signer (b'd' or b'l'), dialer's hello, listener's hello
//! ```
//!
//! The nonces make each proof fit one connection; the role keeps an end from being shown its own proof.

use std::io;
use std::sync::Arc;

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use futures::{FutureExt, future::BoxFuture};
use ring::rand::{SecureRandom, SystemRandom};

use crate::clock::Clock;
use crate::identity::{NodeId, SecretKey};
use crate::node_url::NodeUrl;
use crate::transport::{Connection, DialError, Endpoint, HandshakeError, ListenError, Listener, Transport, socket};

/// Magic and version: the first bytes either end sends.
const MAGIC: [u8; 8] = *b"p2p-tcp\x01";
/// Keeps a proof from meaning anything elsewhere.
const LABEL: &[u8] = b"p2p-net tcp handshake 1";
const NONCE_BYTES: usize = 32;
const HELLO_BYTES: usize = MAGIC.len() + NONCE_BYTES + 32;
const PROOF_BYTES: usize = 64;

/// Dials and accepts `tcp://` URLs as one node.
#[derive(Debug, Clone)]
pub struct TcpTransport {
    secret: SecretKey,
    clock: Clock,
}

impl TcpTransport {
    /// The transport of the node that owns `secret`.
    pub fn new(secret: &SecretKey, clock: Clock) -> Self {
        Self { secret: secret.clone(), clock }
    }
}

impl Transport for TcpTransport {
    fn scheme(&self) -> &'static str {
        "tcp"
    }

    fn listen<'a>(&'a self, at: &'a NodeUrl) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        let secret = self.secret.clone();
        let prove: socket::Prove = Arc::new(move |mut io, remote| {
            let secret = secret.clone();
            async move {
                let peer = answer(&mut io, &secret).await?;
                Ok(connection(io, peer, remote))
            }
            .boxed()
        });
        socket::listen(&self.clock, self.secret.id(), at, prove).boxed()
    }

    fn dial<'a>(&'a self, to: &'a NodeUrl) -> BoxFuture<'a, Result<Connection, DialError>> {
        async move {
            let (mut io, remote) = socket::connect(&self.clock, to).await?;
            let peer = ask(&mut io, &self.secret, to.id()).await?;
            Ok(connection(io, peer, remote))
        }
        .boxed()
    }
}

fn connection(io: socket::Socket, peer: NodeId, remote: Endpoint) -> Connection {
    Connection { peer, remote, reader: Box::new(io.clone()), writer: Box::new(io) }
}

/// The first message of either end.
#[derive(Clone, Copy)]
struct Hello([u8; HELLO_BYTES]);

impl Hello {
    fn new(secret: &SecretKey) -> Result<Self, HandshakeError> {
        let mut bytes = [0; HELLO_BYTES];
        let (magic, rest) = bytes.split_at_mut(MAGIC.len());
        let (nonce, key) = rest.split_at_mut(NONCE_BYTES);
        magic.copy_from_slice(&MAGIC);
        SystemRandom::new().fill(nonce).map_err(|_| io::Error::other("the system gave no random bytes"))?;
        key.copy_from_slice(secret.id().as_bytes());
        Ok(Self(bytes))
    }

    async fn read(io: &mut (impl AsyncRead + Unpin)) -> Result<Self, HandshakeError> {
        let mut bytes = [0; HELLO_BYTES];
        io.read_exact(&mut bytes).await?;
        if !bytes.starts_with(&MAGIC) {
            return Err(HandshakeError::OtherProtocol { expected: "the p2p-tcp handshake, version 1" });
        }
        Ok(Self(bytes))
    }

    fn id(&self) -> NodeId {
        let key = self.0.last_chunk().expect("a hello ends with a key");
        NodeId::from_bytes(*key)
    }
}

/// Which end of the connection signs.
#[derive(Clone, Copy)]
enum Role {
    Dialer,
    Listener,
}

/// What `role` signs: everything both ends have said.
fn transcript(role: Role, dialer: &Hello, listener: &Hello) -> Vec<u8> {
    let role = match role {
        Role::Dialer => b'd',
        Role::Listener => b'l',
    };
    [LABEL, &[role], &dialer.0, &listener.0].concat()
}

/// The dialer's side; it proves itself only to the identity it expects.
async fn ask<T>(io: &mut T, secret: &SecretKey, expected: Option<NodeId>) -> Result<NodeId, DialError>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let ours = Hello::new(secret)?;
    io.write_all(&ours.0).await.map_err(HandshakeError::from)?;
    let theirs = Hello::read(io).await?;
    let found = read_proof(io, &theirs, &transcript(Role::Listener, &ours, &theirs)).await?;
    if let Some(expected) = expected.filter(|&expected| expected != found) {
        return Err(DialError::UnexpectedIdentity { expected, found });
    }
    let proof = secret.sign(&transcript(Role::Dialer, &ours, &theirs));
    io.write_all(&proof).await.map_err(HandshakeError::from)?;
    Ok(found)
}

/// The listener's side; it says nothing until it is spoken to.
async fn answer<T>(io: &mut T, secret: &SecretKey) -> Result<NodeId, HandshakeError>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let theirs = Hello::read(io).await?;
    let ours = Hello::new(secret)?;
    let proof = secret.sign(&transcript(Role::Listener, &theirs, &ours));
    io.write_all(&[&ours.0[..], &proof].concat()).await?;
    read_proof(io, &theirs, &transcript(Role::Dialer, &theirs, &ours)).await
}

/// Reads the signature that shows who `theirs` is.
async fn read_proof(
    io: &mut (impl AsyncRead + Unpin),
    theirs: &Hello,
    transcript: &[u8],
) -> Result<NodeId, HandshakeError> {
    let mut proof = [0; PROOF_BYTES];
    io.read_exact(&mut proof).await?;
    let claimed = theirs.id();
    if claimed.verify(transcript, &proof) { Ok(claimed) } else { Err(HandshakeError::NotProven { claimed }) }
}

#[cfg(test)]
mod tests;
