//! A peer that proves its key properly and then writes whatever bytes a test likes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use p2p_net::disconnect::DisconnectReason;
use p2p_net::message::frame::{self, HEADER, Header, Kind};
use p2p_net::message::{Message, MessageId};
use p2p_net::p2p::P2pPtr;
use p2p_net::testing::{Simulation, secret_of};
use p2p_net::transport::{BoxReader, BoxWriter, Connection, Transport};
use p2p_net::{ProtocolSet, Settings};

use crate::plain::Record;

/// A frame as bytes; nothing in it is checked.
pub fn bytes(len: u16, kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    [&len.to_le_bytes()[..], &[kind, flags], &id.to_le_bytes(), payload].concat()
}

/// A frame of a message, with a payload that need not be one.
pub fn frame<M: Message>(kind: Kind, payload: &[u8]) -> Vec<u8> {
    frame_of(kind, M::ID, payload)
}

/// A frame of any lane.
pub fn frame_of(kind: Kind, id: MessageId, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(&mut out, kind, id, payload);
    out
}

/// A request for `M`.
pub fn request<M: Message>(number: u32, payload: &[u8]) -> Vec<u8> {
    frame::<M>(Kind::Request, &[&number.to_le_bytes()[..], payload].concat())
}

/// A frame that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Its lane.
    pub id: MessageId,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// One end of a connection, with no channel on it.
pub struct Raw {
    /// What the node sends.
    pub reader: BoxReader,
    /// What is sent to the node.
    pub writer: BoxWriter,
}

impl Raw {
    /// The bare connection.
    pub fn new(connection: Connection) -> Self {
        Self { reader: connection.reader, writer: connection.writer }
    }

    /// Dials `node` in a simulation, as the host `host`.
    ///
    /// # Panics
    ///
    /// When nobody answers.
    pub async fn dial(sim: &Simulation, host: &str, node: &P2pPtr) -> Self {
        let transport = sim.network().transport(host, &secret_of(host));
        let url = node.advertised().remove(0);
        Self::new(transport.dial(&url).await.unwrap_or_else(|error| panic!("{error}")))
    }

    /// Writes bytes.
    ///
    /// # Errors
    ///
    /// When the node has closed the connection.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes).await?;
        self.writer.flush().await
    }

    /// The next frame; `None` when the connection has ended.
    ///
    /// # Panics
    ///
    /// When what comes is no frame.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; HEADER];
        self.reader.read_exact(&mut head).await.ok()?;
        let header = Header::parse(&head).unwrap_or_else(|error| panic!("{error}"))?;
        let mut payload = vec![0; header.len.into()];
        self.reader.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind: header.kind, id: header.id, payload })
    }

    /// The frame of a kind, whatever comes before it; `None` when the connection ends first.
    pub async fn next_of(&mut self, kind: Kind) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// Reads to the end; the reason in the close frame, `None` when none came.
    pub async fn close_reason(&mut self) -> Option<DisconnectReason> {
        let close = self.next_of(Kind::Close).await?;
        Some(DisconnectReason::from_code(*close.payload.first()?))
    }
}

/// Runs the simulation until `test` is done.
///
/// # Panics
///
/// When a day of its time passes first: nodes always have something to do, so a test that waits in vain would never end.
pub fn run<T>(sim: &Simulation, test: impl Future<Output = T>) -> T {
    let day = Duration::from_secs(24 * 60 * 60);
    sim.run(sim.clock().timeout(day, test)).unwrap_or_else(|timeout| panic!("the test waits in vain: {timeout}"))
}

/// A node of a simulation without a handshake, and what its handlers see.
pub async fn start(sim: &Simulation, host: &str, protocols: ProtocolSet, settings: Settings) -> (P2pPtr, Arc<Record>) {
    let record = Arc::<Record>::default();
    let settings = Settings { outbound_slots: 0, ..settings };
    let node = sim.node(host, settings).protocols(protocols).without_handshake().shared_state(record.clone());
    (sim.start(node).await, record)
}
