//! The exchange of addresses: whom do you know? In DarkFi: `ProtocolAddress` and `ProtocolSeed`.
//!
//! An answer holds only addresses the answering node has reached itself. A node asks when it runs out of addresses, and
//! never sooner than 1 s after it asked the same peer, ever later while nothing new comes; on a visit to a seed it asks once.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use p2p_net::hosts::book::Stored;
use p2p_net::node_url::NodeUrl;
use p2p_net::prelude::*;
use p2p_net::rate::{Rate, TokenBucket};

/// Addresses in one answer: enough to fill every slot several times, and few enough to fit a frame.
const MAX_ADDRESSES: usize = 64;

/// How soon a peer is asked again; twice as late each time it has told nothing new. A young network learns by the second.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The latest a peer that has told nothing new is asked again.
const ASK_AT_LAST: Duration = Duration::from_secs(600);

/// How often one peer is answered; beyond it, the answer is empty.
const ANSWERS: Rate = Rate::new(1, Duration::from_secs(5), 8);

/// Whom do you know?
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024, reply = Addresses)]
pub struct GetAddresses {
    /// The most addresses the answer should hold.
    pub most: u16,
}

/// These I have reached myself.
#[derive(Debug, Message, Serialize, Deserialize)]
#[message(max_bytes = 40_000, window = 128 * 1024)]
pub struct Addresses {
    /// The addresses, with the ids proven there.
    pub known: Vec<NodeUrl>,
}

/// Answers and asks for addresses.
#[derive(Debug, Default)]
pub struct ProtocolAddress {
    answered: Mutex<TokenBucket>,
}

/// The exchange of addresses: whom do you know?
#[protocol(name = "address", sessions = ALL)]
impl ProtocolAddress {
    #[on]
    async fn get_addresses(&self, ask: GetAddresses, node: &P2p, peer: NodeId) -> Addresses {
        if !self.may_answer(node.clock().now()) {
            return Addresses { known: Vec::new() };
        }
        let most = MAX_ADDRESSES.min(ask.most.into());
        let mut known = node.hosts().known_good(most + 1);
        known.retain(|url| url.id() != Some(peer));
        known.truncate(most);
        Addresses { known }
    }

    #[job]
    async fn ask(&self, node: &P2p, channel: &Channel) -> Result<()> {
        let wants = |node: &P2p| node.session_outbound().is_hungry();
        let mut pause = ASK_AGAIN;
        loop {
            let wanted = node.hosts().wait_wanted();
            if channel.session() == SessionFlags::SEED || wants(node) {
                let news = self.ask_once(node, channel).await?;
                if channel.session() == SessionFlags::SEED {
                    return Ok(());
                }
                if news {
                    pause = ASK_AGAIN;
                }
                node.clock().sleep(pause).await;
                pause = (pause * 2).min(ASK_AT_LAST);
            } else {
                wanted.await;
            }
        }
    }
}

impl ProtocolAddress {
    /// Asks; whether anything new was told.
    async fn ask_once(&self, node: &P2p, channel: &Channel) -> Result<bool> {
        let most = u16::try_from(MAX_ADDRESSES).unwrap_or(u16::MAX);
        let Addresses { known } = channel.request(GetAddresses { most }).await?;
        let mut news = false;
        for url in known.iter().take(MAX_ADDRESSES) {
            match node.hosts().hear_from(url, channel.peer_id(), channel.remote().ip()) {
                Ok(stored) => news |= stored == Stored::New,
                Err(error) => log::debug!(target: "net", "{url} is not stored: {error}"),
            }
        }
        Ok(news)
    }

    fn may_answer(&self, now: Instant) -> bool {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).take(&ANSWERS, now)
    }
}
