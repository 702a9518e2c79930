//! The smallest libp2p program that does what dchat does: reach one node, learn of the others from it, and chat with all.
//!
//! Its pieces stand for ours: Noise and Yamux over TCP for tls://, identify for version, ping for ping, Kademlia for
//! address, gossipsub for the chat. `build` of the program above measures what it costs to compile.

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use futures::StreamExt;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity};
use libp2p::kad::{self, store::MemoryStore};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, StreamProtocol, Swarm, SwarmBuilder, identify, identity, noise, ping, tcp, yamux};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// What the program speaks.
const PROTOCOL: &str = "/libp2p-chat/1";

/// How long a connection that nobody uses stays.
const KEEP_IDLE: Duration = Duration::from_secs(3600);

/// A chat over libp2p.
#[derive(Parser)]
struct Args {
    /// What the others see.
    #[arg(long)]
    name: String,
    /// Where to listen.
    #[arg(long, default_value = "/ip4/127.0.0.1/tcp/0")]
    listen: Multiaddr,
    /// A node to ask for others.
    #[arg(long)]
    seed: Vec<Multiaddr>,
}

#[derive(NetworkBehaviour)]
struct Chat {
    gossip: gossipsub::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    kademlia: kad::Behaviour<MemoryStore>,
}

impl Chat {
    fn new(key: &identity::Keypair) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let id = key.public().to_peer_id();
        let author = MessageAuthenticity::Signed(key.clone());
        let kademlia = kad::Config::new(StreamProtocol::new("/libp2p-chat/kad/1"));
        let mut kademlia = kad::Behaviour::with_config(id, MemoryStore::new(id), kademlia);
        kademlia.set_mode(Some(kad::Mode::Server));
        Ok(Self {
            gossip: gossipsub::Behaviour::new(author, gossipsub::Config::default())?,
            identify: identify::Behaviour::new(identify::Config::new(PROTOCOL.to_owned(), key.public())),
            ping: ping::Behaviour::default(),
            kademlia,
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)?
        .with_behaviour(Chat::new)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(KEEP_IDLE))
        .build();
    let topic = IdentTopic::new("chat");
    swarm.behaviour_mut().gossip.subscribe(&topic)?;
    swarm.listen_on(args.listen)?;
    for seed in args.seed {
        swarm.dial(seed)?;
    }
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => {
                    let said = format!("{}: {line}", args.name);
                    if let Err(error) = swarm.behaviour_mut().gossip.publish(topic.clone(), said) {
                        println!("! nobody heard it: {error}");
                    }
                }
                None => return Ok(()),
            },
            event = swarm.select_next_some() => heard(&mut swarm, event),
        }
    }
}

fn heard(swarm: &mut Swarm<Chat>, event: SwarmEvent<ChatEvent>) {
    match event {
        SwarmEvent::NewListenAddr { address, .. } => println!("listening at {address}/p2p/{}", swarm.local_peer_id()),
        SwarmEvent::Behaviour(ChatEvent::Gossip(gossipsub::Event::Message { message, .. })) => {
            println!("{}", String::from_utf8_lossy(&message.data));
        }
        SwarmEvent::Behaviour(ChatEvent::Identify(identify::Event::Received { peer_id, info, .. })) => {
            for address in info.listen_addrs {
                swarm.behaviour_mut().kademlia.add_address(&peer_id, address);
            }
            // Asks the new neighbour for nodes near us, which is how the others are found; it needs a known node, and has one.
            let _ = swarm.behaviour_mut().kademlia.bootstrap();
        }
        SwarmEvent::ConnectionEstablished { peer_id, .. } => println!("+ {peer_id}"),
        SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => println!("- {peer_id}"),
        _ => {}
    }
}
