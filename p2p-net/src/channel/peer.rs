//! What is known of the peer at the other end of a channel.

use std::sync::PoisonError;
use std::time::Duration;

use serde::Serialize;

use super::{Channel, Inner};
use crate::disconnect::Side;
use crate::identity::NodeId;
use crate::node_url::NodeUrl;

/// What is known of a connected peer.
///
/// ```
/// # use p2p_net::{prelude::*, testing};
/// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
/// # #[protocol] async fn shout(_say: Say) {}
/// # testing::pair().with::<shout>().run(async |[alice, bob]| {
/// let peers = alice.peers();
/// assert_eq!(peers.len(), 1);
/// assert_eq!(peers[0].id, bob.id());
/// assert!(!peers[0].inbound, "alice dialled");
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PeerInfo {
    /// The key it proved.
    pub id: NodeId,
    /// Where it is, as this end sees it.
    pub remote: String,
    /// The URL that was dialled, when this end dialled.
    pub url: Option<NodeUrl>,
    /// Whether the peer dialled.
    pub inbound: bool,
    /// Whether it is admitted however many peers there are; see [`P2p::trust`](crate::P2p::trust).
    pub trusted: bool,
    /// Whether this node keeps the connection up: a peer of the settings, or one that was added.
    pub is_static: bool,
    /// The session: `inbound`, `outbound`, `manual`, `seed` or `relayed`.
    pub session: String,
    /// What it calls itself: `name/v1.0.0/linux/…`; empty until the handshake says so.
    pub name: String,
    /// Where it sees this node.
    pub observed: String,
    /// Where it says it listens.
    pub listen: Vec<NodeUrl>,
    /// The protocols both ends run, as `name/version`.
    pub protocols: Vec<String>,
    /// The last round trip that was measured.
    pub rtt: Option<Duration>,
    /// For how long it has been connected.
    pub connected: Duration,
}

/// What protocols found out about a peer.
#[derive(Debug, Default)]
pub(super) struct Facts {
    name: String,
    observed: String,
    listen: Vec<NodeUrl>,
    rtt: Option<Duration>,
    trusted: bool,
    is_static: bool,
}

impl Channel {
    /// Notes how the peer stands with this node.
    pub(crate) fn stand(&self, trusted: bool, is_static: bool) {
        let mut facts = self.inner.facts.lock().unwrap_or_else(PoisonError::into_inner);
        (facts.trusted, facts.is_static) = (trusted, is_static);
    }

    /// Notes what the peer calls itself, where it sees us, and where it says it listens; for handshake protocols.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// let channel = alice.to(&bob);
    /// channel.introduce("bob/v1.0.0", "198.51.100.7:9000", vec![]);
    /// assert_eq!(channel.info().name, "bob/v1.0.0");
    /// # });
    /// ```
    pub fn introduce(&self, name: impl Into<String>, observed: impl Into<String>, listen: Vec<NodeUrl>) {
        let mut facts = self.inner.facts.lock().unwrap_or_else(PoisonError::into_inner);
        facts.name = name.into();
        facts.observed = observed.into();
        facts.listen = listen;
    }

    /// Notes a round trip to the peer; for protocols that measure it. Windows grow by it: see `limits.window_growth`.
    ///
    /// ```
    /// # use p2p_net::{prelude::*, testing};
    /// # #[derive(Message, Serialize, Deserialize)] #[message(max_bytes = 64)] struct Say(String);
    /// # #[protocol] async fn shout(_say: Say) {}
    /// # testing::pair().with::<shout>().run(async |[alice, bob]| {
    /// use std::time::Duration;
    ///
    /// let channel = alice.to(&bob);
    /// channel.record_rtt(Duration::from_millis(3));
    /// assert_eq!(channel.info().rtt, Some(Duration::from_millis(3)));
    /// # });
    /// ```
    pub fn record_rtt(&self, rtt: Duration) {
        self.inner.facts.lock().unwrap_or_else(PoisonError::into_inner).rtt = Some(rtt);
        self.inner.subsystem.measured(rtt);
    }
}

impl Inner {
    /// The last round trip that was measured.
    pub(super) fn rtt(&self) -> Option<Duration> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).rtt
    }

    pub(super) fn info(&self) -> PeerInfo {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        PeerInfo {
            id: self.peer,
            remote: self.remote.to_string(),
            url: self.origin.url.clone(),
            inbound: self.origin.dialled_by == Side::Remote,
            trusted: facts.trusted,
            is_static: facts.is_static,
            session: self.origin.session.to_string(),
            name: facts.name.clone(),
            observed: facts.observed.clone(),
            listen: facts.listen.clone(),
            protocols: self
                .agreement
                .get()
                .map(|agreed| agreed.names_but(|name| self.departed.has(name)))
                .unwrap_or_default(),
            rtt: facts.rtt,
            connected: self.clock.now().saturating_duration_since(self.since),
        }
    }
}
