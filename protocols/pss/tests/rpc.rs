//! The namespace `pss` over a Unix socket and WebSocket: every call, and what is wrong with calls.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "what a test expects may be missing: then it fails")]

use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt;
use p2p_net::rpc::{Apis, CallError, Client, HttpSettings, IpcSettings, RpcSettings, Server, Subscription, code};
use p2p_net::{P2p, P2pPtr, ProtocolSet, Settings};
use p2p_pss::rpc::{Hex, PssApi, PssApiClient, PssNotification};
use p2p_pss::{Prefix, Pss, PssLink, PssNode, Topic};
use serde_json::{Value, json};
use smol::{Executor, future};

const TRANSPORTS: [Transport; 2] = [Transport::Unix, Transport::WebSocket];

#[derive(Debug, Clone, Copy)]
enum Transport {
    Unix,
    WebSocket,
}

/// A node with a relay and its API.
struct Served {
    node: P2pPtr,
    pss: Pss,
    server: Server,
    socket: PathBuf,
}

impl Served {
    async fn start(ex: &Arc<Executor<'static>>, name: &str) -> Self {
        let listen = vec!["tls://127.0.0.1:0".parse().unwrap()];
        let settings = Settings { listen, outbound_slots: 0, ..Settings::default() };
        let set = ProtocolSet::empty().with::<PssNode>().with::<PssLink>();
        let node = P2p::builder(settings).protocols(set).without_handshake().build().await.unwrap();
        node.clone().start(ex.clone()).await.unwrap();
        ex.spawn(node.clone().run(ex.clone())).detach();
        let pss = Pss::of(&node).unwrap();
        let socket = std::env::temp_dir().join(format!("pss-{name}-{}", std::process::id()));
        let settings = RpcSettings {
            ipc: Some(IpcSettings::at(&socket)),
            websocket: Some(HttpSettings::offering(["pss"])),
            ..RpcSettings::default()
        };
        let apis = Apis::new().with(PssApi::new(pss.clone())).unwrap();
        let server = Server::start(apis, settings, ex).await.unwrap();
        Self { node, pss, server, socket }
    }

    async fn client(&self, ex: &Arc<Executor<'static>>, transport: Transport) -> Client {
        let address = match transport {
            Transport::Unix => self.socket.to_str().unwrap().to_owned(),
            Transport::WebSocket => format!("ws://{}", self.server.websocket().unwrap()),
        };
        Client::connect(ex, &address).await.unwrap()
    }
}

/// Alice and bob, connected.
fn two(test: &str, run: impl AsyncFnOnce(&Arc<Executor<'static>>, &[Served; 2])) {
    let ex = Arc::new(Executor::new());
    future::block_on(ex.run(async {
        let names = ["a", "b"].map(|end| format!("{test}-{end}"));
        let nodes = [Served::start(&ex, &names[0]).await, Served::start(&ex, &names[1]).await];
        nodes[0].node.add_peer(&nodes[1].node.advertised()[0]).await.unwrap();
        for node in &nodes {
            node.pss.has_peers(1).await;
        }
        run(&ex, &nodes).await;
        for node in nodes {
            node.server.stop().await;
            node.node.stop().await;
        }
    }));
}

async fn call(client: &Client, method: &str, params: Value) -> Value {
    let answer = client.call(method, params.clone()).await;
    answer.unwrap_or_else(|error| panic!("{method} {params}: {error}"))
}

async fn next(messages: &mut Subscription<Value>) -> Value {
    messages.next().await.unwrap().unwrap()
}

#[test]
fn every_call_does_what_it_says_over_every_transport() {
    two("calls", async |ex, [alice, bob]| {
        for transport in TRANSPORTS {
            let (from, to) = (alice.client(ex, transport).await, bob.client(ex, transport).await);
            let topic = call(&from, "pss_stringToTopic", json!(["bar"])).await;
            assert_eq!(topic, json!("0xfcde2b2e"), "{transport:?}");
            let key = call(&to, "pss_getPublicKey", json!([])).await;
            let own = call(&from, "pss_getPublicKey", json!([])).await;
            assert_eq!(key, json!(Hex(bob.node.id()).to_string()));
            let address = call(&to, "pss_baseAddr", json!([])).await;
            assert_eq!(address, json!(Hex(bob.pss.base_addr()).to_string()));
            let mut messages: Subscription<Value> =
                to.subscribe("pss", "receive", vec![topic.clone(), json!(true)]).await.unwrap();

            // To a public key, at the full address, at a part of it, and in the dark.
            for shown in [address.clone(), json!("0x"), json!(address.as_str().unwrap()[..6])] {
                assert_eq!(call(&from, "pss_setPeerPublicKey", json!([key, topic, shown])).await, Value::Null);
                assert_eq!(call(&from, "pss_sendAsym", json!([key, topic, "0x626172"])).await, Value::Null);
                let expected = json!({ "msg": "0x626172", "asymmetric": true, "key": own });
                assert_eq!(next(&mut messages).await, expected, "{transport:?} {shown}");
            }
            // Under a shared key, whose names differ.
            let shared = json!([format!("0x{}", "5a".repeat(32)), topic, "0x"]);
            let theirs = call(&to, "pss_setSymmetricKey", shared.clone()).await;
            let ours = call(&from, "pss_setSymmetricKey", shared.clone()).await;
            assert_eq!(call(&from, "pss_setSymmetricKey", shared).await, ours, "the same key keeps its name");
            call(&from, "pss_sendSym", json!([ours, topic, "0x00ff"])).await;
            let expected = json!({ "msg": "0x00ff", "asymmetric": false, "key": theirs });
            assert_eq!(next(&mut messages).await, expected);
            // As it is.
            call(&from, "pss_sendRaw", json!([address, topic, "0x"])).await;
            assert_eq!(next(&mut messages).await, json!({ "msg": "0x", "asymmetric": false }));
            // In a session.
            assert_eq!(call(&to, "pss_addHandshake", json!([topic])).await, Value::Null);
            let keys = call(&from, "pss_handshake", json!([key, topic, true, true])).await;
            assert_eq!(keys.as_array().unwrap().len(), 1, "{keys}");
            let kept = call(&from, "pss_handshake", json!([key, topic, true, false])).await;
            assert_eq!(kept, keys, "they are kept");
            assert_eq!(call(&from, "pss_handshake", json!([key, topic, false])).await, json!([]), "not waited for");
            call(&from, "pss_sendSym", json!({ "msg": "0x62", "topic": topic, "key": keys[0] })).await;
            let heard = next(&mut messages).await;
            assert_eq!((&heard["msg"], &heard["asymmetric"]), (&json!("0x62"), &json!(false)), "{heard}");
            assert!(heard["key"].is_string() && heard["key"] != theirs, "the session's name: {heard}");
        }
    });
}

#[test]
fn raw_messages_are_heard_by_who_asks_for_them() {
    two("raw", async |ex, [alice, bob]| {
        for transport in TRANSPORTS {
            let from = PssApiClient::from(alice.client(ex, transport).await);
            let to = PssApiClient::from(bob.client(ex, transport).await);
            let (topic, key) = (Topic::of("foo"), to.get_public_key().await.unwrap());
            let mut messages = to.receive(Hex(topic), None).await.unwrap();
            from.send_raw(Hex(Prefix::EMPTY), Hex(topic), Hex(b"raw".to_vec())).await.unwrap();
            from.set_peer_public_key(key, Hex(topic), Hex(Prefix::EMPTY)).await.unwrap();
            from.send_asym(key, Hex(topic), Hex(b"sealed".to_vec())).await.unwrap();
            let Some(Ok(PssNotification::Message { msg, asymmetric, .. })) = messages.next().await else { panic!() };
            assert_eq!((msg.0, asymmetric), (b"sealed".to_vec(), true), "{transport:?}");
        }
    });
}

/// Calls that are wrong, and a part of what is said of each.
fn wrong(key: &str) -> Vec<(&'static str, Value, &'static str)> {
    let (topic, off, shared) = ("0xfcde2b2e", format!("0x{}", "00".repeat(32)), format!("0x{}", "5a".repeat(32)));
    let (long, large) = (format!("0x{}", "00".repeat(33)), format!("0x{}", "00".repeat(32_769)));
    let short = &key[..key.len() - 2];
    vec![
        ("pss_stringToTopic", json!([]), "missing argument 1, `name`"),
        ("pss_stringToTopic", json!([7]), "argument 1, `name`: invalid type"),
        ("pss_setPeerPublicKey", json!([key, topic]), "missing argument 3, `address`"),
        ("pss_setPeerPublicKey", json!([key, topic, "0x", 1]), "takes 3 arguments at most"),
        (
            "pss_setPeerPublicKey",
            json!([short, topic, "0x"]),
            "argument 1, `pubkey`: a public key has 32 bytes, not 31",
        ),
        ("pss_setPeerPublicKey", json!([off, topic, "0x"]), "is nobody's key"),
        (
            "pss_setPeerPublicKey",
            json!([key, "fcde2b2e", "0x"]),
            "argument 2, `topic`: bytes are written in hexadecimal",
        ),
        ("pss_setPeerPublicKey", json!([key, "0xfcde2b", "0x"]), "a topic has 4 bytes, not 3"),
        ("pss_setPeerPublicKey", json!([key, topic, long]), "a destination has 0 to 32 bytes, not 33"),
        ("pss_sendAsym", json!([key, topic, "0x626"]), "argument 3, `msg`: 3 hexadecimal digits: two make a byte"),
        ("pss_sendAsym", json!([key, topic, "0x62zz"]), "'z' is no hexadecimal digit"),
        ("pss_sendAsym", json!([key, topic, "bar"]), "with `0x` in front"),
        ("pss_sendAsym", json!([key, topic, [98]]), "argument 3, `msg`: invalid type: sequence"),
        ("pss_sendAsym", json!([key, "0x01020304", "0x62"]), "gets messages about topic 01020304 is not known"),
        ("pss_sendAsym", json!({ "pubkye": key }), "did you mean `pubkey`?"),
        ("pss_setSymmetricKey", json!(["0x5a", topic, "0x"]), "a shared key has 32 bytes, not 1"),
        ("pss_setSymmetricKey", json!([shared, topic, "0x", false]), "argument 4, `decrypt`"),
        ("pss_sendSym", json!(["999", topic, "0x"]), "there is no key 999"),
        ("pss_sendSym", json!(["gold", topic, "0x"]), "argument 1, `key`: no name of a key"),
        ("pss_sendSym", json!([1, topic, "0x"]), "argument 1, `key`: invalid type"),
        ("pss_sendRaw", json!(["0x", topic, large]), "a payload of 32769 bytes: at most 32768"),
        ("pss_sendRaw", json!(["0x", "", "0x"]), "argument 2, `topic`"),
        ("pss_addHandshake", json!(["0x"]), "a topic has 4 bytes, not 0"),
        ("pss_handshake", json!([off, topic]), "is nobody's key"),
        ("pss_handshake", json!([key, topic, "yes"]), "argument 3, `sync`: invalid type"),
    ]
}

fn refused(outcome: Result<Value, CallError>, of: &str) -> (i64, String) {
    match outcome {
        Err(CallError::Rpc(error)) => (error.code, error.message),
        other => panic!("{of}: {other:?}"),
    }
}

#[test]
fn what_is_wrong_with_a_call_is_said_and_costs_nothing() {
    two("bad", async |ex, [alice, bob]| {
        let key = Hex(bob.node.id()).to_string();
        for transport in TRANSPORTS {
            let client = alice.client(ex, transport).await;
            client.call::<Value>("pss_setPeerPublicKey", json!([key, "0xfcde2b2e", "0x"])).await.unwrap();
            for (method, params, problem) in wrong(&key) {
                let of = format!("{transport:?} {method}");
                let (code, message) = refused(client.call(method, params).await, &of);
                assert_eq!(code, code::INVALID_PARAMS, "{of}: {message}");
                assert!(message.contains(problem), "{of}: {message}, not {problem}");
            }
            let (code, _) = refused(client.call("pss_sendasym", json!([])).await, "a name that is not there");
            assert_eq!(code, code::METHOD_NOT_FOUND);
            let subscribed = client.subscribe::<Value>("pss", "receive", vec![json!("0xfcde")]).await;
            let (code, message) = refused(subscribed.map(|_| Value::Null), "a topic of two bytes");
            assert!(code == code::INVALID_PARAMS && message.contains("a topic has 4 bytes"), "{message}");
            let still: String = client.call("pss_stringToTopic", json!(["bar"])).await.unwrap();
            assert_eq!(still, "0xfcde2b2e", "the connection is as good as before");
        }
        assert_eq!(bob.pss.counters().received + bob.pss.counters().forged, 0);
    });
}

#[test]
fn without_a_way_the_caller_is_told() {
    let ex = Arc::new(Executor::new());
    future::block_on(ex.run(async {
        let alone = Served::start(&ex, "alone").await;
        let client = alone.client(&ex, Transport::Unix).await;
        let sent = client.call("pss_sendRaw", json!(["0x", "0xfcde2b2e", "0x62"])).await;
        let (code, message) = refused(sent, "nobody is connected");
        assert_eq!(code, code::FAILED);
        assert!(message.contains("no connected peer"), "{message}");
        alone.server.stop().await;
        alone.node.stop().await;
    }));
}
