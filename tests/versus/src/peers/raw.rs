//! A bare TLS 1.3 socket on smol, both ends proving a key: what anything on top of TLS could reach at best.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use futures_rustls::rustls::client::Resumption;
use futures_rustls::rustls::crypto::ring::default_provider;
use futures_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use futures_rustls::rustls::server::WebPkiClientVerifier;
use futures_rustls::rustls::version::TLS13;
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use smol::net::{TcpListener, TcpStream};

use crate::measure::Ledger;
use crate::outcome::{Failure, Outcome};
use crate::runtime::Runtime;
use crate::streams::{Streams, serve};

/// The name in the one certificate, which both ends hold.
const NAME: &str = "localhost";

pub(crate) struct Raw {
    runtime: Runtime,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Raw {
    pub(crate) fn new(runtime: Runtime) -> Outcome<Self> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        let certificate: CertificateDer<'static> = made.cert.der().clone();
        let key = || PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone())?;
        let roots = Arc::new(roots);
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build()?;
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate.clone()], key())?;
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate], key())?;
        client.resumption = Resumption::disabled();
        Ok(Self { runtime, acceptor: Arc::new(server).into(), connector: Arc::new(client).into() })
    }
}

/// The one stream of a connection, until it is opened.
pub(crate) type Socket = Mutex<Option<TlsStream<TcpStream>>>;

impl Streams for Raw {
    type Node = SocketAddr;
    type Link = Socket;
    type Stream = TlsStream<TcpStream>;

    const MANY: bool = false;

    fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    async fn node(&self, ledger: Arc<Ledger>) -> Outcome<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, runtime, acceptor) = (listener.local_addr()?, self.runtime.clone(), self.acceptor.clone());
        self.runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, ledger) = (acceptor.clone(), ledger.clone());
                runtime.spawn(async move {
                    socket.set_nodelay(true)?;
                    serve(TlsStream::from(acceptor.accept(socket).await?), ledger).await
                });
            }
        });
        Ok(address)
    }

    async fn connect(&self, _from: &SocketAddr, to: &SocketAddr) -> Outcome<Socket> {
        let socket = TcpStream::connect(to).await?;
        socket.set_nodelay(true)?;
        let stream = self.connector.connect(NAME.try_into()?, socket).await?;
        Ok(Mutex::new(Some(stream.into())))
    }

    async fn open(&self, link: &Socket) -> Outcome<Self::Stream> {
        let stream = link.lock().unwrap_or_else(PoisonError::into_inner).take();
        stream.ok_or_else(|| Failure::new("the one stream is open already"))
    }

    async fn close(&self, _from: &SocketAddr, link: Socket) {
        drop(link);
    }
}
