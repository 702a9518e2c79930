//! What the page "Broadcasting" shows.

use std::sync::atomic::{AtomicU32, Ordering};

use p2p_net::channel::SendError;
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::p2p::Recipients;
use p2p_net::prelude::*;
use p2p_net::testing;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 64)]
struct News(String);

#[protocol]
async fn papers(_news: News, count: State<AtomicU32>) {
    count.fetch_add(1, Ordering::Relaxed);
}

fn news() -> News {
    News("the sun shines".to_owned())
}

fn read(node: &testing::TestNode) -> u32 {
    node.state::<AtomicU32>().load(Ordering::Relaxed)
}

#[test]
fn a_message_goes_to_all_or_to_some() {
    testing::network().with::<papers>().state(AtomicU32::default).run(async |[alice, bob, carol]| {
        // ANCHOR: all
        for (peer, sent) in alice.broadcast(&news()).await {
            if let Err(error) = sent {
                log::warn!("{} did not get the news: {error}", peer.short());
            }
        }
        // ANCHOR_END: all
        bob.until(|bob| read(bob) == 1).await;
        carol.until(|carol| read(carol) == 1).await;

        // ANCHOR: some
        alice.broadcast_with_exclude(&news(), &[bob.id()]).await;
        alice.broadcast_to(&Recipients::Some(vec![carol.id()]), &news()).await;
        // ANCHOR_END: some
        carol.until(|carol| read(carol) == 3).await;
        assert_eq!(read(&bob), 1);
    });
}

#[test]
fn who_is_named_and_not_there_is_in_the_answer() {
    testing::network().with::<papers>().state(AtomicU32::default).run(async |[alice, bob, carol]| {
        carol.stop().await;
        alice.until(|alice| !alice.is_connected(&carol)).await;
        // ANCHOR: named
        let sent = alice.broadcast_to(&Recipients::One(carol.id()), &news()).await;
        assert_eq!(sent, [(carol.id(), Err(SendError::NotConnected))]);

        let both = Recipients::Some(vec![bob.id(), carol.id()]);
        let mut expected = [(bob.id(), Ok(())), (carol.id(), Err(SendError::NotConnected))];
        expected.sort_by_key(|(peer, _)| *peer);
        assert_eq!(alice.broadcast_to(&both, &news()).await, expected);
        // ANCHOR_END: named
    });
}

#[test]
fn events_say_who_comes_and_goes() {
    testing::pair().with::<papers>().state(AtomicU32::default).run(async |[alice, bob]| {
        // ANCHOR: events
        let mut events = alice.subscribe_events();
        bob.stop().await;
        let Some(Seen::Event(PeerEvent::Drop { peer, reason })) = events.next().await else { panic!("no drop") };
        assert_eq!(peer, bob.id());
        assert_eq!(reason.to_string(), "the node is shutting down (by the peer)");
        // ANCHOR_END: events
    });
}
