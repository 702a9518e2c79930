//! iroh: QUIC over 127.0.0.1, no relay and no discovery; one bidirectional stream a lane.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use iroh::endpoint::{Connection, RecvStream, SendStream, presets};
use iroh::{Endpoint, EndpointAddr};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use crate::measure::Ledger;
use crate::outcome::{Failure, Outcome};
use crate::runtime::Runtime;
use crate::streams::{Streams, serve};

const PROTOCOL: &[u8] = b"versus/1";

pub(crate) struct Iroh {
    pub(crate) runtime: Runtime,
}

/// Both halves of a stream as one, with the traits of `futures`.
type Both = Compat<tokio::io::Join<RecvStream, SendStream>>;

fn both(send: SendStream, receive: RecvStream) -> Both {
    tokio::io::join(receive, send).compat()
}

/// Serves every stream of a connection that was accepted.
async fn accept(runtime: Runtime, connection: Connection, ledger: Arc<Ledger>) {
    while let Ok((send, receive)) = connection.accept_bi().await {
        runtime.spawn(serve(both(send, receive), ledger.clone()));
    }
}

impl Streams for Iroh {
    type Node = Endpoint;
    type Link = Connection;
    type Stream = Both;

    const MANY: bool = true;

    fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    async fn node(&self, ledger: Arc<Ledger>) -> Outcome<Endpoint> {
        let builder = Endpoint::builder(presets::Minimal).alpns(vec![PROTOCOL.to_vec()]).clear_ip_transports();
        let endpoint = builder.bind_addr("127.0.0.1:0")?.bind().await?;
        let (listener, runtime) = (endpoint.clone(), self.runtime.clone());
        self.runtime.spawn(async move {
            while let Some(incoming) = listener.accept().await {
                let (ledger, runtime) = (ledger.clone(), runtime.clone());
                let streams = runtime.clone();
                runtime.spawn(async move {
                    if let Ok(connection) = incoming.await {
                        accept(streams, connection, ledger).await;
                    }
                });
            }
        });
        Ok(endpoint)
    }

    async fn connect(&self, from: &Endpoint, to: &Endpoint) -> Outcome<Connection> {
        let socket = to.bound_sockets().first().copied().ok_or_else(|| Failure::new("iroh listens nowhere"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, socket.port()));
        Ok(from.connect(EndpointAddr::new(to.id()).with_ip_addr(address), PROTOCOL).await?)
    }

    async fn open(&self, link: &Connection) -> Outcome<Both> {
        let (send, receive) = link.open_bi().await?;
        Ok(both(send, receive))
    }

    async fn close(&self, _from: &Endpoint, link: Connection) {
        link.close(0_u32.into(), b"done");
    }
}
