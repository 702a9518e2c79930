//! Visits to addresses that were only heard of: an address is told to others only after this node reached it itself.

use std::time::Duration;

use futures::future::select;

use super::connector::connect;
use crate::channel::{Channel, Origin};
use crate::disconnect::{DisconnectReason, Side};
use crate::p2p::P2pPtr;
use crate::protocol::SessionFlags;

/// How long after news of an address it is visited: longer than it takes to connect to whoever told it and say hello, and
/// nobody waits for a visit.
const LATER: Duration = Duration::from_millis(200);

/// Verifies one address after the other while no outbound slot needs them, until the node stops.
pub(crate) async fn refine(node: &P2pPtr) {
    while !node.is_stopping() {
        let changed = node.hosts().wait_changed();
        // A free slot dials the same addresses, and verifies them by using them.
        if !node.session_outbound().is_hungry()
            && let Some(dial) = node.hosts().pick_to_verify()
        {
            probe(node, &dial).await;
            continue;
        }
        let sleep = node.clock().sleep(node.settings().limits.refine_interval);
        // Not at once: an address mostly comes from a peer that is just being connected, and a visit is a handshake of its own.
        let woken = async {
            select(changed, sleep).await;
            node.clock().sleep(LATER).await;
        };
        if node.stop_signal().unless(woken).await.is_none() {
            return;
        }
    }
}

async fn probe(node: &P2pPtr, dial: &crate::hosts::Dial) {
    let url = dial.url();
    match node.stop_signal().unless(connect(node, url)).await {
        Some(Ok(connection)) => {
            if let Err(error) = node.hosts().reached(url, connection.peer) {
                log::debug!(target: "net", "refine {url}: {error}");
            }
            let origin = Origin { session: SessionFlags::OUTBOUND, dialled_by: Side::Local, url: Some(url.clone()) };
            let channel = Channel::new(node.shared(), connection, origin);
            channel.close(DisconnectReason::Probe, "");
            channel.tear_down().await;
        }
        Some(Err(error)) => {
            log::debug!(target: "net", "refine: {error}");
            node.hosts().failed(url);
        }
        None => {}
    }
}
