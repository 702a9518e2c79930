//! Three nodes in a line over TLS on real sockets: what the one in the middle sees.
#![allow(clippy::unwrap_used, reason = "what a test expects may be missing: then it fails")]

use std::sync::Arc;

use p2p_net::testing::encode;
use p2p_net::{P2p, P2pPtr, ProtocolSet, Settings};
use p2p_pss::{Envelope, Heard, Prefix, Pss, PssLink, PssNode, Sender, Topic};
use smol::{Executor, future};

/// A node that listens on a free port, or not at all: then nobody can dial it, whoever knows it.
async fn start(ex: &Arc<Executor<'static>>, listens: bool) -> P2pPtr {
    let listen = listens.then(|| "tls://127.0.0.1:0".parse().unwrap()).into_iter().collect();
    let settings = Settings { listen, outbound_slots: 0, ..Settings::default() };
    let set = ProtocolSet::empty().with::<PssNode>().with::<PssLink>();
    let node = P2p::builder(settings).protocols(set).without_handshake().build().await.unwrap();
    node.clone().start(ex.clone()).await.unwrap();
    ex.spawn(node.clone().run(ex.clone())).detach();
    node
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

#[test]
fn the_node_in_the_middle_carries_what_it_cannot_read() {
    let ex = Arc::new(Executor::new());
    let secret = b"a secret that is long enough to be found";
    future::block_on(ex.run(async {
        let (alice, bob, carol) = (start(&ex, false).await, start(&ex, true).await, start(&ex, false).await);
        for end in [&alice, &carol] {
            assert_eq!(end.add_peer(&bob.advertised()[0]).await.unwrap(), bob.id());
        }
        let [alices, bobs, carols] = [&alice, &bob, &carol].map(|node| Pss::of(node).unwrap());
        for (pss, peers) in [(&alices, 1), (&bobs, 2), (&carols, 1)] {
            pss.has_peers(peers).await;
        }
        let mut tapped = bob.channel(&alice.id()).unwrap().subscribe::<Envelope>().unwrap();
        let topic = Topic::of("bar");
        let (mut at_bob, mut at_carol) = (bobs.subscribe(topic), carols.subscribe(topic));
        for length in [0, 1, 32] {
            alices.set_peer_public_key(carol.id(), topic, Prefix::of(&carols.base_addr(), length)).unwrap();
            alices.send_asym(&carol.id(), topic, secret).unwrap();
            let Some(Heard::Message(message)) = at_carol.next().await else { panic!("nothing was heard") };
            assert_eq!((&message.payload[..], message.sender), (&secret[..], Sender::Asymmetric(alice.id())));
            let seen = encode(&tapped.receive().await.unwrap()).unwrap();
            for hidden in [&secret[..], alice.id().as_bytes(), carol.id().as_bytes()] {
                assert!(!contains(&seen, hidden), "bob sees {hidden:?} in {seen:?}");
            }
            assert_eq!(
                contains(&seen, carols.base_addr().as_bytes()),
                length == 32,
                "the address is shown if it is full"
            );
        }
        assert!(alice.channel(&carol.id()).is_none());
        // Bob could only ever count it, and hears the next thing that is for him.
        carols.set_peer_public_key(bob.id(), topic, Prefix::EMPTY).unwrap();
        carols.send_asym(&bob.id(), topic, b"for bob").unwrap();
        let Some(Heard::Message(message)) = at_bob.next().await else { panic!("nothing was heard") };
        assert_eq!(message.payload, b"for bob");
        assert_eq!((bobs.counters().received, bobs.counters().passed_on), (1, 4), "the last one to alice too");
        for node in [alice, bob, carol] {
            node.stop().await;
        }
    }));
}
