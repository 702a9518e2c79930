//! The seed session: short visits to seed nodes, to learn of others. In DarkFi: `SeedSyncSession`.

use std::sync::Weak;

use futures::future::join_all;

use super::connector::{Backoff, connect};
use super::serve::serve;
use crate::channel::Origin;
use crate::disconnect::{DisconnectReason, Side};
use crate::node_url::NodeUrl;
use crate::p2p::{P2p, P2pPtr};
use crate::protocol::SessionFlags;

/// Visits the seeds of the settings.
#[derive(Debug)]
pub struct SeedSession {
    node: Weak<P2p>,
}

impl SeedSession {
    pub(crate) fn new(node: Weak<P2p>) -> Self {
        Self { node }
    }

    /// Visits every seed at once; returns when each has connected and been left, failed, or timed out.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the visits end.
    pub(crate) async fn visit_all(&self) {
        let Some(node) = self.node.upgrade() else { return };
        let seeds = node.settings().seeds.clone();
        if seeds.is_empty() {
            log::info!(target: "net", "Not configured with seeds.");
            return;
        }
        join_all(seeds.iter().map(|seed| visit(&node, seed))).await;
    }

    /// Visits the seeds again whenever the node runs out of addresses, less and less often.
    pub(crate) fn start(&self) {
        let Some(node) = self.node.upgrade() else { return };
        if node.settings().seeds.is_empty() {
            return;
        }
        let task = node.clone();
        node.spawn("the seed session", async move { again(&task).await });
    }
}

async fn again(node: &P2pPtr) {
    let mut backoff = Backoff::new(node);
    loop {
        let wanted = node.hosts().wait_wanted();
        if !node.session_outbound().is_hungry() {
            backoff.reset(node);
            if node.stop_signal().unless(wanted).await.is_none() {
                return;
            }
        }
        let wait = backoff.next(node);
        if node.stop_signal().unless(node.clock().sleep(wait)).await.is_none() {
            return;
        }
        if node.session_outbound().is_hungry() {
            node.session_seed().visit_all().await;
        }
    }
}

/// One visit, bounded by the setting `limits.seed_timeout`.
async fn visit(node: &P2pPtr, url: &NodeUrl) {
    let origin = Origin { session: SessionFlags::SEED, dialled_by: Side::Local, url: Some(url.clone()) };
    let visit = async {
        match connect(node, url).await {
            Ok(connection) if node.connected_peers().find_direct(&connection.peer).is_some() => {
                log::debug!(target: "net", "seed {url}: connected already");
            }
            Ok(connection) => {
                let end = serve(node, connection, origin, node.handshake_deadline(), |_| ()).await;
                match end.reason {
                    DisconnectReason::Requested => log::debug!(target: "net", "seed {url}: visited"),
                    _ => log::warn!(target: "net", "seed {url}: {end}"),
                }
            }
            Err(error) => log::warn!(target: "net", "seed: {error}"),
        }
    };
    let limit = node.settings().limits.seed_timeout;
    if let Some(Err(timeout)) = node.stop_signal().unless(node.clock().timeout(limit, visit)).await {
        log::warn!(target: "net", "seed {url}: {timeout}");
    }
}
