//! An honest session cut off after every single byte: an accident, whatever the byte, and nothing is left of it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::AsyncReadExt;
use p2p_net::Settings;
use p2p_net::disconnect::{DisconnectReason as Reason, Side};
use p2p_net::event::{PeerEvent, Seen};
use p2p_net::message::Bytes;
use p2p_net::message::frame::{Header, Kind};
use p2p_net::testing::{Simulation, secret_of};
use p2p_net::transport::Transport;
use p2p_tests::plain::{Ask, Blob, Count, Note, Tick, office};
use p2p_tests::raw::{Raw, run, start};

/// What an honest peer writes in one direction: small messages, a request, and a message in parts between them.
fn recorded(blob: usize) -> Vec<u8> {
    let sim = Simulation::new(1);
    run(&sim, async {
        let transport = sim.network().transport("tap", &secret_of("tap"));
        let listener = transport.listen(&"memory://tap:1".parse().unwrap()).await.unwrap();
        let (alice, _) = start(&sim, "alice", office(), Settings::default()).await;
        let url = listener.url();
        let accepted = async {
            let incoming = listener.accept().await.unwrap();
            incoming.handshake.await.unwrap()
        };
        let (dialled, mut tap) = futures::join!(alice.add_peer(&url), accepted);
        let channel = alice.channel(&dialled.unwrap()).unwrap();
        channel.send(&Note { text: "first".to_owned() }).await.unwrap();
        channel.send(&Tick { n: 1 }).await.unwrap();
        channel.send(&Blob { bytes: Bytes::from(vec![7; blob]) }).await.unwrap();
        let asked = channel.request(Ask { n: 1 });
        channel.send(&Count { n: 1 }).await.unwrap();
        drop(futures::poll!(std::pin::pin!(asked)));
        channel.send(&Note { text: "last".to_owned() }).await.unwrap();
        sim.clock().sleep(Duration::from_secs(1)).await;
        channel.close(Reason::Requested, "enough");
        let mut bytes = Vec::new();
        tap.reader.read_to_end(&mut bytes).await.unwrap();
        drop(tap);
        alice.stop().await;
        bytes
    })
}

/// The bytes before the last frame, which closes.
fn without_close(session: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(header) = Header::parse(&session[at..]).unwrap() {
        if header.kind == Kind::Close {
            break;
        }
        at += header.frame_len();
    }
    assert!(at < session.len(), "the session ends with a close frame");
    &session[..at]
}

/// Replays the session to a node up to each of `cuts`; `reset` breaks the connection instead of closing it.
fn replay(session: &[u8], cuts: impl Iterator<Item = usize>, reset: bool) {
    let sim = Simulation::new(2);
    run(&sim, async {
        let (bob, record) = start(&sim, "bob", office(), Settings::default()).await;
        let mut events = bob.subscribe_events();
        for cut in cuts {
            let mut raw = Raw::dial(&sim, "mallory", &bob).await;
            raw.write(&session[..cut]).await.unwrap();
            if reset {
                sim.clock().sleep(Duration::from_micros(1)).await;
                sim.network().reset("mallory", "bob");
            }
            drop(raw);
            let end = loop {
                match events.next().await {
                    Some(Seen::Event(PeerEvent::Drop { reason, .. })) => break reason,
                    Some(Seen::Event(PeerEvent::Add { .. })) => {}
                    other => panic!("{other:?}"),
                }
            };
            let expected = match cut == session.len() {
                true => (Reason::Requested, Side::Remote),
                false => (Reason::NetworkError, Side::Local),
            };
            assert_eq!((end.reason, end.by), expected, "cut after {cut} of {} bytes", session.len());
        }
        assert_eq!(bob.hosts().bans(), []);
        assert_eq!(bob.peer_count(), 0);
        assert!(record.notes().iter().all(|text| text == "first" || text == "last"));
        let mut raw = Raw::dial(&sim, "mallory", &bob).await;
        let before = record.blobs.load(Ordering::Relaxed);
        raw.write(without_close(session)).await.unwrap();
        sim.clock().sleep(Duration::from_secs(5)).await;
        assert_eq!(record.blobs.load(Ordering::Relaxed), before + 1, "the session is a good one");
        drop(raw);
        sim.clock().sleep(Duration::from_secs(5)).await;
        let idle = bob.task_count();
        assert!(idle <= 4, "{idle} tasks are left: an acceptor, the refinery, the saver and the seeds at most");
        bob.stop().await;
        assert_eq!(bob.task_count(), 0);
    });
    assert_eq!(sim.network().live_connections(), 0);
}

#[test]
fn a_session_closed_after_any_byte_is_an_accident() {
    let session = recorded(66_000);
    assert!(session.len() > 66_000 && session.len() < 67_000, "{}", session.len());
    replay(&session, 0..=session.len(), false);
}

#[test]
fn a_session_reset_after_any_byte_is_an_accident() {
    let session = recorded(66_000);
    // What lies inside the long payload differs in nothing but its length.
    let (first, last) = (300, session.len() - 300);
    let around_a_frame = 65_535..65_700;
    let inside = (first..last).step_by(101);
    replay(&session, (0..first).chain(around_a_frame).chain(inside).chain(last..=session.len()), true);
}
