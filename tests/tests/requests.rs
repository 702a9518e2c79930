//! Requests and their replies: any number, in any order, and no way for one to be left waiting.

use std::time::Duration;

use futures::future::{Either, join_all, select};
use p2p_net::channel::{MAX_PENDING_REQUESTS, RequestError};
use p2p_net::disconnect::DisconnectReason;
use p2p_net::prelude::*;
use p2p_net::testing::Simulation;
use p2p_net::{P2pPtr, ProtocolSet};

/// Answered after so many milliseconds.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Done)]
struct Slow(u64);

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, reply = Done)]
struct Quick(u64);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Done(u64);

/// A request of many frames, whose handler panics when it is true.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 1 << 20, window = 200_000, reply = Done)]
struct Bulky {
    panics: bool,
    data: Bytes,
}

#[derive(Default)]
struct Sleepy;

#[protocol]
impl Sleepy {
    #[on]
    async fn slow(&self, Slow(millis): Slow, node: &P2p) -> Result<Done> {
        node.clock().sleep(Duration::from_millis(millis)).await;
        if millis == 13 { Err(Error::msg("13 is not done")) } else { Ok(Done(millis)) }
    }
}

#[derive(Default)]
struct Nimble;

#[protocol]
impl Nimble {
    #[on]
    async fn quick(&self, Quick(n): Quick) -> Done {
        Done(n)
    }

    #[on]
    async fn bulky(&self, bulky: Bulky) -> Done {
        assert!(!bulky.panics, "on purpose");
        Done(bulky.data.len() as u64)
    }
}

async fn pair(sim: &Simulation) -> (P2pPtr, P2pPtr, Channel) {
    let set = || ProtocolSet::empty().with::<Sleepy>().with::<Nimble>();
    let node = |host| sim.node(host, Settings::default()).protocols(set()).without_handshake();
    let (alice, bob) = (sim.start(node("alice")).await, sim.start(node("bob")).await);
    let id = alice.add_peer(&bob.advertised()[0]).await.unwrap();
    sim.clock().sleep(Duration::from_millis(10)).await;
    let channel = alice.channel(&id).unwrap();
    (alice, bob, channel)
}

async fn end(alice: P2pPtr, bob: P2pPtr, channel: Channel) {
    assert_eq!(channel.pending_requests(), 0, "nothing is left in the table of requests");
    alice.stop().await;
    bob.stop().await;
    assert_eq!((alice.task_count(), bob.task_count()), (0, 0));
}

#[test]
fn any_number_is_under_way_and_replies_come_in_any_order() {
    let sim = Simulation::new(1);
    sim.run(async {
        let (alice, bob, channel) = pair(&sim).await;
        let first = select(channel.request(Slow(500)), channel.request(Quick(1))).await;
        let Either::Right((Ok(Done(1)), slow)) = first else { panic!("the quick one is first") };
        assert_eq!(slow.await, Ok(Done(500)));
        let replies = join_all((0..MAX_PENDING_REQUESTS as u64).map(|n| channel.request(Quick(n)))).await;
        assert!(replies.into_iter().zip(0..).all(|(reply, n)| reply == Ok(Done(n))));
        let many = join_all((0..MAX_PENDING_REQUESTS as u64 + 5).map(|n| channel.request(Quick(n)))).await;
        assert_eq!(many.iter().filter(|reply| **reply == Err(RequestError::TooMany)).count(), 5);
        end(alice, bob, channel).await;
    });
}

#[test]
fn a_request_ends_at_its_deadline_and_a_late_reply_is_ignored() {
    let sim = Simulation::new(2);
    sim.run(async {
        let (alice, bob, channel) = pair(&sim).await;
        let before = sim.clock().elapsed();
        let limit = Duration::from_secs(20);
        let late = channel.request(Slow(25_000)).await;
        assert_eq!(late, Err(RequestError::TimedOut { peer: bob.id(), request: "slow", limit }));
        let took = sim.clock().elapsed() - before;
        assert!(took >= limit && took < limit + Duration::from_millis(10), "{took:?}");
        assert_eq!(channel.pending_requests(), 0);
        sim.clock().sleep(Duration::from_secs(10)).await;
        assert_eq!(channel.request(Quick(7)).await, Ok(Done(7)), "the late reply came, and meant nothing");
        end(alice, bob, channel).await;
    });
}

#[test]
fn a_request_has_a_limit_of_its_own_beside_those_that_have_longer() {
    let sim = Simulation::new(6);
    sim.run(async {
        let (alice, bob, channel) = pair(&sim).await;
        // Its deadline is the one that is watched when a nearer one comes.
        let mut slow = channel.request(Slow(15_000));
        assert!(futures::poll!(&mut slow).is_pending());
        sim.clock().sleep(Duration::from_millis(100)).await;
        let before = sim.clock().elapsed();
        let limit = Duration::from_millis(700);
        let (Err(late), _) = futures::join!(
            channel.request(Slow(14_000)).within(limit),
            channel.request(Slow(16_000)).within(Duration::from_millis(900))
        ) else {
            panic!("it is late")
        };
        assert_eq!(late, RequestError::TimedOut { peer: bob.id(), request: "slow", limit });
        let took = sim.clock().elapsed() - before;
        assert!(took >= limit && took < Duration::from_secs(1), "{took:?}");
        let (done, took) = slow.timed().await.unwrap();
        assert_eq!(done, Done(15_000));
        assert!(took >= Duration::from_secs(15) && took < Duration::from_secs(16), "since it was asked: {took:?}");
        assert_eq!(channel.request(Quick(1)).within(Duration::MAX).await, Ok(Done(1)), "no limit at all");
        end(alice, bob, channel).await;
    });
}

#[test]
fn a_request_that_is_given_up_leaves_nothing() {
    let sim = Simulation::new(3);
    sim.run(async {
        let (alice, bob, channel) = pair(&sim).await;
        let mut waiting: Vec<_> = (0..100).map(|_| channel.request(Slow(10))).collect();
        for reply in &mut waiting {
            assert!(futures::poll!(reply).is_pending());
        }
        assert_eq!(channel.pending_requests(), 100);
        drop(waiting);
        assert_eq!(channel.pending_requests(), 0);
        assert_eq!(channel.request(Slow(1)).await, Ok(Done(1)));
        end(alice, bob, channel).await;
    });
}

#[test]
fn a_failure_and_the_end_of_the_channel_are_told_apart() {
    let sim = Simulation::new(4);
    sim.run(async {
        let (alice, bob, channel) = pair(&sim).await;
        let failed = channel.request(Slow(13)).await;
        assert_eq!(failed, Err(RequestError::Failed { request: "slow", error: "13 is not done".to_owned() }));
        let mut reply = channel.request(Slow(5_000));
        assert!(futures::poll!(&mut reply).is_pending());
        sim.clock().sleep(Duration::from_millis(100)).await;
        bob.channels()[0].close(DisconnectReason::Requested, "");
        assert_eq!(reply.await, Err(RequestError::Closed("slow")));
        assert!(matches!(channel.request(Quick(1)).await, Err(RequestError::Send(_))));
        end(alice, bob, channel).await;
    });
}

#[test]
fn nobody_waits_for_a_protocol_that_has_ended() {
    let sim = Simulation::new(5);
    sim.run(async {
        let (alice, bob, channel) = pair(&sim).await;
        let before = sim.clock().elapsed();
        // One that panics, those behind it in the inbox, one of many frames that is still on its way, and later ones.
        let bulky = |panics, bytes| channel.request(Bulky { panics, data: vec![0; bytes].into() });
        let replies = futures::join!(
            bulky(true, 10),
            join_all((0..10).map(|n| channel.request(Quick(n)))),
            bulky(false, 900_000),
        );
        let nobody = |request: &'static str| {
            Err(RequestError::Failed { request, error: format!("nobody here answers `{request}`") })
        };
        assert_eq!(replies.0, nobody("bulky"));
        assert!(replies.1.iter().all(|reply| *reply == nobody("quick")));
        assert_eq!(replies.2, nobody("bulky"));
        for _ in 0..1_000 {
            assert_eq!(channel.request(Quick(1)).await, nobody("quick"));
        }
        assert_eq!(bulky(false, 900_000).await, nobody("bulky"));
        assert!(sim.clock().elapsed() - before < Duration::from_secs(5), "nobody waited for a deadline");
        assert_eq!(channel.request(Slow(1)).await, Ok(Done(1)), "other protocols live");
        end(alice, bob, channel).await;
    });
}

#[test]
fn the_time_runs_while_a_request_waits_for_its_lane() {
    let sim = Simulation::new(8);
    sim.run(async {
        let (alice, bob, channel) = pair(&sim).await;
        let bulky = || Bulky { panics: false, data: vec![7; 150_000].into() };
        // Its window is 200,000 bytes: while the handler of the slow one is busy, nothing of it is given back.
        sim.network().cut("alice", "bob");
        let limit = Duration::from_millis(50);
        let before = sim.clock().elapsed();
        let all = join_all((0..4).map(|_| channel.request(bulky()).within(limit))).await;
        let late = RequestError::TimedOut { peer: bob.id(), request: "bulky", limit };
        assert!(all.iter().all(|answer| *answer == Err(late.clone())), "{all:?}");
        let took = sim.clock().elapsed() - before;
        assert!(took >= limit && took < limit * 2, "{took:?}");
        sim.network().heal("alice", "bob");
        assert_eq!(channel.request(Quick(1)).await, Ok(Done(1)));
        end(alice, bob, channel).await;
    });
}
