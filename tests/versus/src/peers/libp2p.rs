//! libp2p: a swarm with the stream behaviour, over TCP with Noise and Yamux or over QUIC; one substream a lane.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};
use libp2p_stream::{Behaviour, Control};
use tokio::sync::{mpsc, oneshot};

use crate::measure::Ledger;
use crate::outcome::{Failure, Outcome};
use crate::runtime::Runtime;
use crate::streams::{Streams, serve};

const PROTOCOL: StreamProtocol = StreamProtocol::new("/versus/1");

/// Longer than any measurement: an idle connection is to stay.
const KEEP_IDLE: Duration = Duration::from_secs(600);

/// Which of its transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    TcpNoiseYamux,
    Quic,
}

pub(crate) struct Libp2p {
    pub(crate) runtime: Runtime,
    pub(crate) transport: Transport,
}

/// What the task that drives a swarm is asked to do.
enum Order {
    Dial(PeerId, Multiaddr, oneshot::Sender<Outcome<()>>),
    HangUp(PeerId),
}

pub(crate) struct Node {
    id: PeerId,
    address: Multiaddr,
    orders: mpsc::Sender<Order>,
    control: Control,
}

/// A connected peer: libp2p opens streams to peers, not on connections.
pub(crate) struct Link {
    peer: PeerId,
    control: Control,
}

fn swarm() -> Outcome<Swarm<Behaviour>> {
    Ok(SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)?
        .with_quic()
        .with_behaviour(|_| Behaviour::new())?
        .with_swarm_config(|config| config.with_idle_connection_timeout(KEEP_IDLE))
        .build())
}

/// Drives a swarm for as long as anybody may ask something of it.
async fn drive(mut swarm: Swarm<Behaviour>, mut orders: mpsc::Receiver<Order>) {
    let mut dials: BTreeMap<ConnectionId, oneshot::Sender<Outcome<()>>> = BTreeMap::new();
    loop {
        tokio::select! {
            event = swarm.select_next_some() => {
                let (dial, result) = match event {
                    SwarmEvent::ConnectionEstablished { connection_id, .. } => (connection_id, Ok(())),
                    SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                        (connection_id, Err(error.into()))
                    }
                    _ => continue,
                };
                if let Some(answer) = dials.remove(&dial) {
                    // Who asked may have given up.
                    let _ = answer.send(result);
                }
            }
            order = orders.recv() => match order {
                Some(Order::Dial(peer, address, answer)) => {
                    // A second connection to a peer is wanted when idle ones are counted.
                    let options = DialOpts::peer_id(peer).addresses(vec![address]);
                    let options = options.condition(PeerCondition::Always).allocate_new_port().build();
                    let dial = options.connection_id();
                    match swarm.dial(options) {
                        Ok(()) => drop(dials.insert(dial, answer)),
                        Err(error) => drop(answer.send(Err(error.into()))),
                    }
                }
                // It may have hung up already.
                Some(Order::HangUp(peer)) => drop(swarm.disconnect_peer_id(peer)),
                None => return,
            },
        }
    }
}

impl Streams for Libp2p {
    type Node = Node;
    type Link = Link;
    type Stream = libp2p::Stream;

    const MANY: bool = true;

    fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    async fn node(&self, ledger: Arc<Ledger>) -> Outcome<Node> {
        let mut swarm = swarm()?;
        let listen = match self.transport {
            Transport::TcpNoiseYamux => "/ip4/127.0.0.1/tcp/0",
            Transport::Quic => "/ip4/127.0.0.1/udp/0/quic-v1",
        };
        swarm.listen_on(listen.parse()?)?;
        let address = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                break address;
            }
        };
        let (id, mut control) = (*swarm.local_peer_id(), swarm.behaviour().new_control());
        let (mut incoming, runtime) = (control.accept(PROTOCOL)?, self.runtime.clone());
        self.runtime.spawn(async move {
            while let Some((_, stream)) = incoming.next().await {
                runtime.spawn(serve(stream, ledger.clone()));
            }
        });
        let (orders, taken) = mpsc::channel(1);
        self.runtime.spawn(drive(swarm, taken));
        Ok(Node { id, address, orders, control })
    }

    async fn connect(&self, from: &Node, to: &Node) -> Outcome<Link> {
        let (answer, answered) = oneshot::channel();
        let gone = |_| Failure::new("the swarm's task ended");
        from.orders.send(Order::Dial(to.id, to.address.clone(), answer)).await.map_err(gone)?;
        answered.await??;
        Ok(Link { peer: to.id, control: from.control.clone() })
    }

    async fn open(&self, link: &Link) -> Outcome<libp2p::Stream> {
        Ok(link.control.clone().open_stream(link.peer, PROTOCOL).await?)
    }

    async fn close(&self, from: &Node, link: Link) {
        // Without its task it has hung up.
        let _ = from.orders.send(Order::HangUp(link.peer)).await;
    }
}
