//! Whoever sends what a send accepts is never punished for it: what a peer would refuse to decode is the sender's error, and
//! lists beside a foreign field hold as much as elsewhere.

use std::path::PathBuf;

use p2p_net::channel::SendError;
use p2p_net::message::EncodeError;
use p2p_net::prelude::*;
use p2p_net::testing::{self, decode, encode};

/// Lists alone, to tell what a field beside them costs.
#[derive(Message, Serialize, Deserialize)]
struct Numbers {
    list: Vec<u64>,
}

#[derive(Message, Serialize, Deserialize)]
struct NumbersBesideForeign {
    #[message(opaque = "u64")]
    id: u64,
    list: Vec<u64>,
}

#[derive(Message, Serialize, Deserialize)]
struct NumbersBesideBytes {
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    list: Vec<u64>,
}

#[derive(Message, Serialize, Deserialize)]
struct NumbersBesideOtherBytes {
    #[serde(with = "serde_bytes")]
    #[message(opaque = "bytes-4")]
    bytes: [u8; 4],
    list: Vec<u64>,
}

#[derive(Message, Serialize, Deserialize)]
struct Names {
    list: Vec<String>,
}

#[derive(Message, Serialize, Deserialize)]
struct NamesBesidePath {
    #[message(opaque = "path")]
    path: PathBuf,
    list: Vec<String>,
}

/// As many elements as encode, up to one frame.
fn most<M: Message>(value: impl Fn(usize) -> M) -> usize {
    let fits =
        |n: &usize| encode(&value(*n)).is_ok_and(|bytes| bytes.len() <= M::MAX_BYTES && decode::<M>(&bytes).is_ok());
    (0..70_000).step_by(500).take_while(fits).last().unwrap()
}

#[test]
fn a_foreign_field_takes_nothing_from_the_lists_beside_it() {
    let numbers = |n| vec![7; n];
    let alone = most(|n| Numbers { list: numbers(n) });
    assert!(alone >= 65_000, "{alone}");
    assert_eq!(most(|n| NumbersBesideForeign { id: 7, list: numbers(n) }), alone);
    assert_eq!(most(|n| NumbersBesideBytes { bytes: vec![7; 9], list: numbers(n) }), alone);
    assert_eq!(most(|n| NumbersBesideOtherBytes { bytes: [7; 4], list: numbers(n) }), alone);
    let names = |n| vec!["ten-letter".to_owned(); n];
    let alone = most(|n| Names { list: names(n) });
    assert!(alone >= 5500, "{alone}");
    assert_eq!(most(|n| NamesBesidePath { path: "/a/path".into(), list: names(n) }), alone);
}

#[derive(Message, Serialize, Deserialize)]
struct Renamed {
    #[serde(rename = "from")]
    sender: u64,
    #[serde(rename = "withdrawal", alias = "try_from")]
    list: Vec<u64>,
}

#[derive(Message, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", from = "Vec<u64>")]
struct Replaced {
    list: Vec<u64>,
}

impl From<Vec<u64>> for Replaced {
    fn from(list: Vec<u64>) -> Self {
        Self { list }
    }
}

#[derive(Message, Serialize, Deserialize)]
#[serde(transparent)]
struct Transparent {
    #[message(opaque = "numbers")]
    list: Vec<u64>,
}

#[test]
fn it_is_the_key_that_makes_a_field_foreign_and_no_letters_in_its_name() {
    assert!(!Renamed::SHAPE.is_foreign() && Replaced::SHAPE.is_foreign() && Transparent::SHAPE.is_foreign());
    assert_eq!(most(|n| Renamed { sender: 1, list: vec![7; n] }), most(|n| Numbers { list: vec![7; n] }));
    // Counted as if it were a hash table of boxes, for nobody sees that it is not.
    assert!(most(|n| Replaced { list: vec![7; n] }) < 5000);
    assert!(most(|n| Transparent { list: vec![7; n] }) < 5000);
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 400_000)]
struct Words {
    list: Vec<String>,
}

#[derive(Debug, Message, Serialize, Deserialize)]
#[message(max_bytes = 400_000)]
struct Maybe {
    list: Vec<Option<u64>>,
}

/// What of `n` elements is encoded is decoded; from `first` on they are not.
fn refused_from<M: Message>(first: usize, value: impl Fn(usize) -> M) {
    assert!(decode::<M>(&encode(&value(first - 50)).unwrap()).is_ok());
    match encode(&value(first)).map(|bytes| bytes.len()).unwrap_err() {
        EncodeError::Memory { message, bytes, need, most } => {
            assert!(message == M::NAME && bytes < M::MAX_BYTES && need > most && most <= 8 * bytes + (64 << 10));
        }
        error => panic!("{error}"),
    }
}

#[test]
fn lists_that_a_peer_would_refuse_are_refused_where_they_are_sent() {
    let words = |letters: usize| move |n| Words { list: vec!["x".repeat(letters); n] };
    refused_from(43_701, words(8));
    refused_from(32_301, words(2));
    refused_from(65_551, |n| Maybe { list: vec![Some(1); n] });
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 400_000, reply = Maybe)]
struct Ask {
    list: Vec<String>,
}

/// Its values are written as they are read in no case.
#[derive(Message, Serialize, Deserialize)]
struct Odd(#[serde(deserialize_with = "as_text")] u64);

fn as_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[derive(Default)]
struct Office;

#[protocol]
impl Office {
    #[on]
    async fn words(&self, _: Words) {}

    #[on]
    async fn odd(&self, _: Odd) {}

    #[on]
    async fn ask(&self, ask: Ask) -> Maybe {
        Maybe { list: vec![Some(1); ask.list.len()] }
    }
}

#[test]
fn a_send_a_request_and_a_broadcast_say_so_and_the_channel_lives_on() {
    testing::pair().with::<Office>().run(async |[alice, bob]| {
        let list = |n| vec!["12345678".to_owned(); n];
        let channel = alice.to(&bob);
        let sent = channel.send(&Words { list: list(43_701) }).await;
        let text = sent.as_ref().unwrap_err().to_string();
        assert!(text.starts_with("a `words` of 393312 bytes takes ") && text.contains("in several messages"), "{text}");
        assert!(matches!(sent, Err(SendError::Encode(EncodeError::Memory { .. }))));
        let asked = channel.request(Ask { list: list(43_701) }).await;
        assert!(asked.unwrap_err().to_string().contains("a `ask` of 393312 bytes takes "));
        let all = alice.broadcast(&Words { list: list(43_701) }).await;
        assert!(matches!(all[..], [(_, Err(SendError::Encode(EncodeError::Memory { .. })))]), "{all:?}");
        let odd = channel.send(&Odd(7)).await.unwrap_err().to_string();
        assert!(odd.starts_with("a `odd` cannot be decoded again: "), "{odd}");
        // What is decoded is answered; the channel lived through all of it.
        assert_eq!(channel.request(Ask { list: list(20_000) }).await.unwrap().list.len(), 20_000);
        assert!(channel.disconnect().is_none());
    });
}
