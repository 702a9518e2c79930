//! The messages of the shipped plugins, and values of them by chance.

use std::collections::BTreeMap;

use fastrand::Rng;
use p2p_net::node_url::NodeUrl;
use p2p_net::prelude::*;
use p2p_net::testing;
use p2p_protocols::address::{Addresses, GetAddresses};
use p2p_protocols::ping::{Ping, Pong};
use p2p_protocols::version::{Verack, Version};

use crate::family::{Any, Visit};

/// Visits every message of the shipped plugins; `every_linked_message_is_among_them` sees to it that none is missing.
pub fn every_message(visit: &mut impl Visit) {
    visit.message::<Ping>();
    visit.message::<Pong>();
    visit.message::<GetAddresses>();
    visit.message::<Addresses>();
    visit.message::<Version>();
    visit.message::<Verack>();
}

impl Any for Ping {
    fn any(_: &mut Rng) -> Self {
        Self
    }
}
impl Any for Pong {
    fn any(_: &mut Rng) -> Self {
        Self
    }
}
impl Any for Verack {
    fn any(_: &mut Rng) -> Self {
        Self
    }
}
impl Any for GetAddresses {
    fn any(rng: &mut Rng) -> Self {
        Self { most: Any::any(rng) }
    }
}
impl Any for Addresses {
    fn any(rng: &mut Rng) -> Self {
        Self { known: Any::any(rng) }
    }
}

/// As bytes, because only a node makes an [`Offer`](p2p_net::protocol::Offer).
impl Any for Version {
    fn any(rng: &mut Rng) -> Self {
        let like = VersionLike {
            network: Any::any(rng),
            agent: Any::any(rng),
            offer: Any::any(rng),
            listen: Any::any(rng),
            observed: Any::any(rng),
        };
        // One that nobody may send is made again, of fewer.
        let version = testing::encode(&like).ok().and_then(|bytes| testing::decode(&bytes).ok());
        version.unwrap_or_else(|| Self::any(rng))
    }
}

/// Name, version, handshake, here, paired, messages.
type Offered = (String, (u16, (bool, (bool, (bool, BTreeMap<u32, u64>)))));

/// Encoded like a [`Version`].
#[derive(Message, Serialize, Deserialize)]
struct VersionLike {
    network: String,
    agent: String,
    offer: Vec<Offered>,
    listen: Vec<NodeUrl>,
    observed: String,
}
