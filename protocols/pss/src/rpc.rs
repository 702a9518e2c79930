//! The relay as an API for other processes, in the names and the order of arguments of the original; feature `rpc`.
//!
//! Bytes are texts of hexadecimal digits with `0x` in front, in both directions: [`Hex`]. What is wrong with an argument is
//! `-32602`, and says which argument it is; so is a key or a receiver that nobody made known before. That nothing could be
//! sent is `-32000`, that nobody answered a handshake `-32010`.

mod hex;

use std::future::ready;

use futures::StreamExt;
use p2p_net::NodeId;
use p2p_net::prelude::*;
use p2p_net::rpc::{RpcError, code};

pub use self::hex::{AsBytes, Hex, KeyName};
use crate::address::{Address, Prefix};
use crate::errors::{HandshakeError, SendError};
use crate::keys::{SymmetricKey, sealing_key};
use crate::mailbox::Heard;
use crate::pss::Pss;
use crate::received::{Received, Sender};
use crate::topic::Topic;

/// The namespace `pss`: keys, messages and handshakes of one node's relay. `PssApiClient` is its typed client.
///
/// ```
/// use p2p_net::rpc::{Apis, RpcSettings, Server};
/// use p2p_net::{P2p, ProtocolSet, Settings};
/// use p2p_pss::rpc::{Hex, PssApi, PssApiClient};
/// use p2p_pss::{Pss, PssLink, PssNode, Topic};
///
/// # let ex = std::sync::Arc::new(smol::Executor::new());
/// # smol::block_on(ex.run(async {
/// let set = ProtocolSet::empty().with::<PssNode>().with::<PssLink>();
/// let node = P2p::builder(Settings::default()).protocols(set).without_handshake().build().await?;
/// node.clone().start(ex.clone()).await?;
/// let apis = Apis::new().with(PssApi::new(Pss::of(&node).expect("it runs a relay")))?;
/// let server = Server::start(apis, RpcSettings::default(), &ex).await?;
/// let pss = PssApiClient::from(server.client());
/// assert_eq!(pss.string_to_topic("bar".to_owned()).await?, Hex(Topic::of("bar")));
/// # server.stop().await;
/// # node.stop().await;
/// # Ok::<_, Box<dyn std::error::Error>>(()) }))?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PssApi(Pss);

/// What `receive` notifies of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PssNotification {
    /// A message.
    Message {
        /// What it says.
        msg: Hex<Vec<u8>>,
        /// Whether it was sealed to this node's public key.
        asymmetric: bool,
        /// Whose public key signed it, in hexadecimal, if it is asymmetric; otherwise the name of the key that opened it, and
        /// nothing if it came raw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// This subscription was too slow for the node.
    Lost {
        /// How many messages are missing before the next.
        lost: u64,
    },
}

impl PssApi {
    /// The API of a relay.
    pub fn new(pss: Pss) -> Self {
        Self(pss)
    }
}

/// Messages to nodes there is no connection with.
#[p2p_net::rpc(namespace = "pss")]
impl PssApi {
    /// The topic of a name.
    async fn string_to_topic(&self, name: String) -> Hex<Topic> {
        Hex(Topic::of(&name))
    }

    /// The address of this node in the overlay.
    async fn base_addr(&self) -> Hex<Address> {
        Hex(self.0.base_addr())
    }

    /// The key that others seal messages to this node with.
    async fn get_public_key(&self) -> Hex<NodeId> {
        Hex(self.0.public_key())
    }

    /// Says where the owner of a public key gets messages about a topic: as much of its address as messages shall show, from
    /// nothing, `0x`, to all 32 bytes.
    async fn set_peer_public_key(
        &self,
        pubkey: Hex<NodeId>,
        topic: Hex<Topic>,
        address: Hex<Prefix>,
    ) -> Result<(), RpcError> {
        sealing_key(&pubkey.0).map_err(RpcError::invalid_params)?;
        self.0.set_peer_public_key(pubkey.0, topic.0, address.0).map_err(|error| failed(&error))
    }

    /// Sends to the owner of a public key, who learns for certain that this node did.
    async fn send_asym(&self, pubkey: Hex<NodeId>, topic: Hex<Topic>, msg: Hex<Vec<u8>>) -> Result<(), RpcError> {
        self.0.send_asym(&pubkey.0, topic.0, &msg.0).map(drop).map_err(unsent)
    }

    /// Tries a shared key of 32 bytes on messages about a topic from now on, and sends with it to an address; the key's name,
    /// for `sendSym`. Keys serve both directions, so that `decrypt` may not be false.
    async fn set_symmetric_key(
        &self,
        key: Hex<SymmetricKey>,
        topic: Hex<Topic>,
        address: Hex<Prefix>,
        decrypt: Option<bool>,
    ) -> Result<KeyName, RpcError> {
        if decrypt == Some(false) {
            return Err(RpcError::invalid_params("argument 4, `decrypt`: a key serves both directions, leave it out"));
        }
        self.0.set_symmetric_key(key.0, topic.0, address.0).map(KeyName).map_err(|error| failed(&error))
    }

    /// Sends under a shared key or in a session, given by its name.
    async fn send_sym(&self, key: KeyName, topic: Hex<Topic>, msg: Hex<Vec<u8>>) -> Result<(), RpcError> {
        self.0.send_sym(key.0, topic.0, &msg.0).map(drop).map_err(unsent)
    }

    /// Sends as it is, for applications that encrypt for themselves.
    async fn send_raw(&self, address: Hex<Prefix>, topic: Hex<Topic>, msg: Hex<Vec<u8>>) -> Result<(), RpcError> {
        self.0.send_raw(address.0, topic.0, &msg.0).map(drop).map_err(unsent)
    }

    /// Agrees on keys about a topic with whoever offers to, from now on.
    async fn add_handshake(&self, topic: Hex<Topic>) {
        self.0.add_handshake(topic.0);
    }

    /// Agrees with the owner of a public key on keys of a session; their names, of which there is one. If `sync` is false
    /// nothing is waited for, and there is none yet; if `flush` is, keys that there are already are not replaced.
    async fn handshake(
        &self,
        pubkey: Hex<NodeId>,
        topic: Hex<Topic>,
        sync: Option<bool>,
        flush: Option<bool>,
    ) -> Result<Vec<KeyName>, RpcError> {
        let agreed = if flush == Some(false) { self.0.session(&pubkey.0, topic.0) } else { None };
        if let Some(key) = agreed {
            return Ok(vec![KeyName(key)]);
        }
        if sync == Some(false) {
            return self.0.offer(&pubkey.0, topic.0).map(|()| Vec::new()).map_err(no_handshake);
        }
        let key = self.0.handshake(&pubkey.0, topic.0).await;
        key.map(|key| vec![KeyName(key)]).map_err(no_handshake)
    }

    /// What is received about a topic: what was sealed, and if `raw` is true what was not, too.
    fn receive(&self, topic: Hex<Topic>, raw: Option<bool>) -> impl Stream<Item = PssNotification> {
        let raw = raw.unwrap_or(false);
        self.0.subscribe(topic.0).filter_map(move |heard| ready(PssNotification::of(heard, raw)))
    }
}

impl PssNotification {
    fn of(heard: Heard<Received>, raw: bool) -> Option<Self> {
        let message = match heard {
            Heard::Message(message) => message,
            Heard::Lost(lost) => return Some(Self::Lost { lost }),
        };
        let key = match message.sender {
            Sender::Asymmetric(node) => Some(Hex(node).to_string()),
            Sender::Symmetric(key) | Sender::Session { key, .. } => Some(key.to_string()),
            Sender::Raw if raw => None,
            Sender::Raw => return None,
        };
        let asymmetric = matches!(message.sender, Sender::Asymmetric(_));
        Some(Self::Message { msg: Hex(message.payload), asymmetric, key })
    }
}

fn failed(error: &impl ToString) -> RpcError {
    RpcError::new(code::FAILED, error.to_string())
}

/// What the caller could have known is an argument that is wrong.
fn unsent(error: SendError) -> RpcError {
    match error {
        SendError::UnknownPeer(..) | SendError::UnknownKey(_) | SendError::TooLarge(_) | SendError::NotAKey(_) => {
            RpcError::invalid_params(error)
        }
        _ => failed(&error),
    }
}

fn no_handshake(error: HandshakeError) -> RpcError {
    match error {
        HandshakeError::Send(error) => unsent(error),
        HandshakeError::NoAnswer(_) => RpcError::new(code::UNREACHABLE, error.to_string()),
        HandshakeError::Step(_) => failed(&error),
    }
}
