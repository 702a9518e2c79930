//! What the page "Requests and streams" shows.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{StreamExt, stream};
use p2p_net::ProtocolSet;
use p2p_net::channel::{RequestError, SendError};
use p2p_net::disconnect::DisconnectReason;
use p2p_net::prelude::*;
use p2p_net::testing::{self, Simulation};
use p2p_protocols::version::ProtocolVersion;

// ANCHOR: request
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 1024, reply = Value)]
struct Get {
    key: String,
}

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 1024)]
struct Value(Option<String>);

#[protocol]
async fn store(Get { key }: Get) -> Result<Value> {
    match key.as_str() {
        "" => Err(Error::msg("a key has at least one byte")),
        "../etc" => Err(Error::disconnect(DisconnectReason::Requested, "no paths, please")),
        "slow" => pending().await,
        key => Ok(Value(key.starts_with('k').then(|| key.to_uppercase()))),
    }
}
// ANCHOR_END: request

fn get(key: &str) -> Get {
    Get { key: key.to_owned() }
}

#[test]
fn a_request_is_answered_or_ends_in_an_error() {
    testing::pair().with::<store>().run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        // ANCHOR: outcomes
        assert_eq!(channel.request(get("key")).await, Ok(Value(Some("KEY".to_owned()))));

        // The handler's error reaches whoever asked, and the channel lives on.
        let error = channel.request(get("")).await.unwrap_err();
        assert_eq!(error.to_string(), "the peer could not answer `get`: a key has at least one byte");

        // Twenty seconds of virtual time, which pass at once.
        let error = channel.request(get("slow")).await.unwrap_err();
        assert_eq!(error.to_string(), "no reply to `get` within 20s");
        // ANCHOR_END: outcomes
        assert_eq!(channel.disconnect(), None);
    });
}

#[test]
fn a_named_reason_ends_the_channel() {
    testing::pair().with::<store>().run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        assert!(channel.request(get("../etc")).await.is_err());
        assert_eq!(channel.closed().await.to_string(), "disconnect requested (by the peer: no paths, please)");
    });
}

#[test]
fn a_request_has_a_limit_of_its_own_and_says_how_long_it_took() {
    testing::pair().with::<store>().latency(Duration::from_millis(10)).run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        // ANCHOR: within
        // Ten milliseconds there and ten back, on this network.
        let (value, took) = channel.request(get("key")).timed().await.unwrap();
        assert_eq!((value, took), (Value(Some("KEY".to_owned())), Duration::from_millis(20)));

        let error = channel.request(get("slow")).within(Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.to_string(), "no reply to `get` within 50ms");
        // ANCHOR_END: within
    });
}

// ANCHOR: late
/// Has no use for a peer that does not answer.
#[derive(Default)]
struct Impatient;

#[protocol]
impl Impatient {
    #[job]
    async fn ask(&self, channel: &Channel) -> Result<()> {
        channel.request(get("slow")).within(Duration::from_secs(2)).await?;
        Ok(())
    }
}
// ANCHOR_END: late

#[test]
fn a_job_that_waits_in_vain_ends_the_channel_as_a_timeout() {
    testing::pair().with::<store>().with::<Impatient>().run(async |[alice, bob]| {
        let why = alice.parted(&bob).await;
        assert_eq!((why.reason, why.detail.as_str()), (DisconnectReason::Timeout, "no reply to `get` within 2s"));
    });
}

/// A build whose `store` says nothing back: the same request, and no answer.
mod mute {
    use p2p_net::prelude::*;

    #[derive(Message, Serialize, Deserialize)]
    #[message(max_bytes = 1024)]
    pub struct Get {
        pub key: String,
    }

    #[derive(Default)]
    pub struct Store;

    #[protocol(name = "store")]
    impl Store {
        #[on]
        async fn log(&self, _get: Get) {}
    }
}

#[test]
fn a_request_that_the_peer_knows_without_an_answer_is_refused_here() {
    let sim = Simulation::new(1);
    sim.run(async {
        let start = async |host, set: ProtocolSet| {
            let settings = Settings { outbound_slots: 0, ..Settings::default() };
            sim.start(sim.node(host, settings).protocols(set.with::<ProtocolVersion>())).await
        };
        let alice = start("alice", ProtocolSet::empty().with::<store>()).await;
        let bob = start("bob", ProtocolSet::empty().with::<mute::Store>()).await;
        let peer = alice.add_peer(&bob.advertised()[0]).await.unwrap();
        let channel = alice.channel(&peer).unwrap();
        assert_eq!(channel.send(&get("key")).await, Ok(()));
        assert_eq!(channel.request(get("key")).await, Err(RequestError::Send(SendError::NotSupported("get"))));
        assert_eq!(channel.disconnect(), None);
        alice.stop().await;
        bob.stop().await;
    });
}

#[test]
fn several_requests_are_under_way_at_once() {
    testing::pair().with::<store>().run(async |[alice, bob]| {
        let channel = alice.to(&bob);
        // ANCHOR: several
        let all = ["k1", "k2", "k3"].map(|key| channel.request(get(key)));
        let values = futures::future::join_all(all).await;
        // ANCHOR_END: several
        assert!(values.iter().all(Result::is_ok), "{values:?}");
    });
}

// ANCHOR: stream
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16, stream = Number)]
struct CountFrom(u64);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 16, window = 1024)]
struct Number(u64);

/// How many numbers were made.
#[derive(Default)]
struct Made(AtomicUsize);

#[derive(Default)]
struct Numbers;

#[protocol]
impl Numbers {
    #[on]
    async fn count(&self, CountFrom(first): CountFrom, made: State<Made>) -> impl Stream<Item = Number> {
        stream::iter(first..).map(Number).inspect(move |_| {
            made.0.fetch_add(1, Ordering::Relaxed);
        })
    }
}
// ANCHOR_END: stream

// ANCHOR: pace
#[test]
fn rows_are_made_at_the_pace_of_who_reads_them() {
    testing::pair().with::<Numbers>().state(Made::default).run(async |[alice, bob]| {
        let mut rows = alice.to(&bob).stream(CountFrom(1));
        assert_eq!(rows.next().await, Some(Ok(Number(1))));
        alice.clock().sleep(Duration::from_secs(60)).await;
        // An endless stream, a minute later: a window of rows, and no more.
        assert!(bob.state::<Made>().0.load(Ordering::Relaxed) < 200);
        assert_eq!(rows.next().await, Some(Ok(Number(2))));
        drop(rows);
    });
}
// ANCHOR_END: pace
