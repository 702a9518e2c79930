//! `admin_peerEvents`: what happens to peers, in geth's shape.

use futures::{Stream, stream};
use serde::{Deserialize, Serialize};

use crate::event::{PeerEvent, Seen};
use crate::message::MessageId;
use crate::p2p::P2p;

/// A notification of `peerEvents`; what does not apply to its kind is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AdminEvent {
    /// `add`, `drop`, `msgsend` or `msgrecv` as in geth; `lost`, when this subscription was too slow for the node.
    #[serde(rename = "type")]
    pub kind: String,
    /// The peer's id; empty for `lost`.
    pub peer: String,
    /// Why it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The protocol whose message it is, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The number of the message's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msg_code: Option<u64>,
    /// Its length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msg_size: Option<u64>,
    /// The name of the message's type; geth has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msg_name: Option<String>,
    /// Where the peer sees this node, once it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_address: Option<String>,
    /// Where the peer is, while it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_address: Option<String>,
    /// How many events are missing before the next; geth has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
}

/// The events of `p2p` from now on, until it stops.
pub(super) fn stream(p2p: &P2p, messages: bool) -> impl Stream<Item = AdminEvent> {
    let events = if messages { p2p.subscribe_message_events() } else { p2p.subscribe_events() };
    stream::unfold((p2p, events), |(p2p, mut events)| async move {
        loop {
            let seen = events.next().await?;
            if let Some(event) = AdminEvent::of(p2p, seen) {
                return Some((event, (p2p, events)));
            }
        }
    })
}

impl AdminEvent {
    /// `None`: geth tells nothing of it, since the peer never was one.
    fn of(p2p: &P2p, seen: Seen) -> Option<Self> {
        let named =
            |kind: &str, peer: crate::NodeId| Self { kind: kind.to_owned(), peer: peer.to_string(), ..Self::default() };
        let message = |kind: &str, peer, protocol: Option<&str>, name: &str, bytes: usize| Self {
            protocol: protocol.map(str::to_owned),
            msg_code: Some(MessageId::of(name).to_wire().into()),
            msg_size: Some(bytes as u64),
            msg_name: Some(name.to_owned()),
            ..named(kind, peer)
        };
        Some(match seen {
            Seen::Lost(many) => Self { kind: "lost".to_owned(), lost: Some(many), ..Self::default() },
            Seen::Event(PeerEvent::Add { peer, .. }) => {
                let info = p2p.channel(&peer).map(|channel| channel.info());
                let (ours, theirs) = info.map(|info| (info.observed, info.remote)).unzip();
                Self {
                    local_address: ours.filter(|address| !address.is_empty()),
                    remote_address: theirs,
                    ..named("add", peer)
                }
            }
            Seen::Event(PeerEvent::Drop { peer, reason }) => {
                Self { error: Some(reason.to_string()), ..named("drop", peer) }
            }
            Seen::Event(PeerEvent::MsgSend { peer, protocol, message: name, bytes }) => {
                message("msgsend", peer, protocol, name, bytes)
            }
            Seen::Event(PeerEvent::MsgRecv { peer, protocol, message: name, bytes }) => {
                message("msgrecv", peer, protocol, name, bytes)
            }
            Seen::Event(PeerEvent::Refused { .. }) => return None,
        })
    }
}
