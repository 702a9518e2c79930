//! `admin`, in geth's names and shapes, of real nodes that speak TLS over TCP.

use std::sync::Arc;

use futures::StreamExt;
use p2p_net::NodeId;
use p2p_net::prelude::*;
use p2p_net::rpc::{
    Admin, AdminClient, AdminEvent, Apis, CallError, RpcError, RpcSettings, Server, Subscription, code,
};
use p2p_protocols as _;
use serde_json::{Value, json};
use smol::Executor;

use super::apis::run;

#[derive(Message, Serialize, Deserialize)]
#[message(name = "rpc-test-say", max_bytes = 64)]
struct Say(String);

#[protocol(name = "rpc-test", version = 3)]
async fn says(_say: Say) {}

/// A node that listens, and its API.
async fn node(ex: &Arc<Executor<'static>>, max_peers: usize) -> (P2pPtr, Server) {
    let listen = vec!["tls://127.0.0.1:0".parse().unwrap()];
    let settings = Settings {
        name: "foo".into(),
        app_version: "42".into(),
        listen,
        max_peers,
        outbound_slots: 0,
        ..Settings::default()
    };
    let p2p = P2p::new(settings).await.unwrap();
    p2p.clone().start(ex.clone()).await.unwrap();
    ex.spawn(p2p.clone().run(ex.clone())).detach();
    let apis = Apis::new().with(Admin::new(p2p.clone())).unwrap();
    (p2p, Server::start(apis, RpcSettings::default(), ex).await.unwrap())
}

/// The first event that is wanted; messages of the linked protocols come in between.
async fn until(seen: &mut Subscription<AdminEvent>, wanted: impl Fn(&AdminEvent) -> bool) -> AdminEvent {
    loop {
        let event = seen.next().await.unwrap().unwrap();
        if wanted(&event) {
            return event;
        }
    }
}

fn rpc_error(outcome: Result<bool, CallError>) -> RpcError {
    match outcome {
        Err(CallError::Rpc(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_says_what_it_is_in_geths_shape() {
    run(async |ex| {
        let (p2p, server) = node(&ex, 8).await;
        let mut info: Value = server.client().call("admin_nodeInfo", ()).await.unwrap();
        let protocols = info["protocols"].take();
        assert_eq!(protocols["rpc-test"], json!({ "version": 3 }));
        assert_eq!(protocols["ping"]["version"], 1, "and those that are linked: {protocols}");
        let (url, id) = (p2p.node_info().url.unwrap(), p2p.id().to_string());
        let expected = json!({
            "id": id,
            "name": p2p.agent(),
            "enode": url.to_string(),
            "ip": "127.0.0.1",
            "ports": { "discovery": url.port(), "listener": url.port() },
            "listenAddr": format!("127.0.0.1:{}", url.port()),
            "protocols": null,
        });
        assert_eq!(info, expected);
        assert!(url.port() != 0 && info["name"].as_str().unwrap().starts_with("foo/v42/"));
        p2p.stop().await;
    });
}

#[test]
fn peers_are_added_listed_and_removed_at_both_ends() {
    run(async |ex| {
        let (alice, alices) = node(&ex, 8).await;
        let (bob, bobs) = node(&ex, 8).await;
        let (admin, other) = (AdminClient::from(alices.client()), AdminClient::from(bobs.client()));
        let (mut seen, mut seen_by_bob) =
            (admin.peer_events(None).await.unwrap(), other.peer_events(Some(false)).await.unwrap());
        let url = bob.node_info().url.unwrap().to_string();
        assert_eq!(admin.add_peer(url.clone()).await, Ok(true));
        assert_eq!(admin.add_peer(url.clone()).await, Ok(true), "connected already is as good");
        let add = until(&mut seen, |event| event.kind == "add").await;
        let (add, add_at_bob) = (add, seen_by_bob.next().await.unwrap().unwrap());
        assert_eq!((add.kind.as_str(), add.peer), ("add", bob.id().to_string()));
        assert_eq!((add_at_bob.kind.as_str(), add_at_bob.peer), ("add", alice.id().to_string()));
        let mut peers: Value = alices.client().call("admin_peers", ()).await.unwrap();
        let (caps, protocols) = (peers[0]["caps"].take(), peers[0]["protocols"].take());
        assert!(caps.as_array().unwrap().contains(&json!("rpc-test/3")), "{caps}");
        assert_eq!(protocols["rpc-test"], json!({ "version": 3 }));
        let network = &peers[0]["network"];
        let (ours, remote) = (network["localAddress"].clone(), network["remoteAddress"].clone());
        assert!(ours.as_str().unwrap().starts_with("127.0.0.1:"), "where bob sees alice: {ours}");
        let expected = json!([{
            "id": bob.id(),
            "name": bob.agent(),
            "caps": null,
            "enode": url,
            "network": {
                "localAddress": ours,
                "remoteAddress": remote,
                "inbound": false,
                "trusted": false,
                "static": true,
            },
            "protocols": null,
        }]);
        assert_eq!(peers, expected);
        assert!(remote.as_str().unwrap().contains("127.0.0.1"), "{remote}");
        assert!(other.peers().await.unwrap()[0].network.inbound);
        alice.channel(&bob.id()).unwrap().send(&Say("hi".to_owned())).await.unwrap();
        let sent = until(&mut seen, |event| event.protocol.as_deref() == Some("rpc-test")).await;
        assert_eq!(
            (sent.kind.as_str(), sent.msg_name.as_deref(), sent.msg_size),
            ("msgsend", Some("rpc-test-say"), Some(3))
        );
        assert_eq!(sent.protocol.as_deref(), Some("rpc-test"));
        assert_eq!(admin.remove_peer(url.clone()).await, Ok(true));
        let gone = until(&mut seen, |event| event.kind == "drop").await;
        assert_eq!(gone.error.as_deref(), Some("disconnect requested (by this node)"));
        let gone = seen_by_bob.next().await.unwrap().unwrap();
        assert_eq!((gone.kind.as_str(), gone.error.as_deref()), ("drop", Some("disconnect requested (by the peer)")));
        assert_eq!(admin.remove_peer(url).await, Ok(false), "there is none any more");
        alice.stop().await;
        bob.stop().await;
    });
}

#[test]
fn adding_a_peer_says_what_came_of_it() {
    run(async |ex| {
        let (alice, alices) = node(&ex, 8).await;
        let (full, _) = node(&ex, 0).await;
        let admin = AdminClient::from(alices.client());
        let refused = rpc_error(admin.add_peer(full.node_info().url.unwrap().to_string()).await);
        let data = refused.data.unwrap();
        assert_eq!(
            (refused.code, &data["outcome"], &data["by"]),
            (code::REFUSED, &json!("refused"), &json!("the peer"))
        );
        assert_eq!(data["reason"], "too many peers");
        let stranger = full.node_info().url.unwrap().with_id(alice.id());
        let wrong = rpc_error(admin.add_peer(stranger.with_id(NodeId::from_bytes([7; 32])).to_string()).await);
        let data = wrong.data.unwrap();
        assert_eq!(
            (wrong.code, &data["outcome"], &data["found"]),
            (code::WRONG_IDENTITY, &json!("wrong identity"), &json!(full.id()))
        );
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let nobody = rpc_error(admin.add_peer(format!("tls://{closed}")).await);
        assert_eq!((nobody.code, nobody.data), (code::UNREACHABLE, Some(json!({ "outcome": "unreachable" }))));
        let strange = rpc_error(admin.add_peer("carrier-pigeon://127.0.0.1:1".to_owned()).await);
        assert_eq!(strange.code, code::UNREACHABLE);
        for (url, problem) in [("", "scheme"), ("enode://x@127.0.0.1:1", "node id"), ("tls://127.0.0.1", "port")] {
            let error = rpc_error(admin.add_peer(url.to_owned()).await);
            assert!(error.code == code::INVALID_PARAMS && error.message.contains(problem), "{error}");
        }
        let error = rpc_error(admin.remove_peer("tls://127.0.0.1:1".to_owned()).await);
        assert!(error.code == code::INVALID_PARAMS && error.message.contains("no node id"), "{error}");
        alice.stop().await;
        assert_eq!(rpc_error(admin.add_peer(stranger.to_string()).await).code, code::NOT_RUNNING);
        full.stop().await;
    });
}

#[test]
fn a_trusted_peer_is_let_in_where_there_is_no_place() {
    run(async |ex| {
        let (alice, _) = node(&ex, 8).await;
        let (full, fulls) = node(&ex, 0).await;
        let admin = AdminClient::from(fulls.client());
        assert_eq!(admin.remove_trusted_peer(alice.id().to_string()).await, Ok(false));
        assert_eq!(admin.add_trusted_peer(alice.node_info().url.unwrap().to_string()).await, Ok(true));
        alice.add_peer(&full.node_info().url.unwrap()).await.unwrap();
        while admin.peers().await.unwrap().is_empty() {}
        let peers = admin.peers().await.unwrap();
        assert!(peers[0].network.trusted && !peers[0].network.is_static);
        assert_eq!(admin.remove_trusted_peer(alice.id().to_string()).await, Ok(true));
        assert!(!admin.peers().await.unwrap()[0].network.trusted, "and it stays connected");
        alice.stop().await;
        full.stop().await;
    });
}

#[test]
fn what_there_is_to_call_is_told_as_openrpc() {
    run(async |ex| {
        let (p2p, server) = node(&ex, 8).await;
        let modules: Value = server.client().call("rpc_modules", ()).await.unwrap();
        assert_eq!(modules, json!({ "admin": "1.0", "rpc": "1.0" }));
        let document: Value = server.client().call("rpc.discover", ()).await.unwrap();
        let names: Vec<_> =
            document["methods"].as_array().unwrap().iter().map(|method| method["name"].as_str().unwrap()).collect();
        let own = ["rpc_modules", "rpc.discover", "admin_nodeInfo", "admin_peers", "admin_addPeer", "admin_removePeer"];
        let rest = ["admin_addTrustedPeer", "admin_removeTrustedPeer", "admin_subscribe", "admin_unsubscribe"];
        assert_eq!(names, own.iter().chain(&rest).copied().collect::<Vec<_>>());
        let expected = json!([{ "name": "url", "required": true, "schema": { "type": "string" } }]);
        assert_eq!(document["methods"][4]["params"], expected);
        assert_eq!(document["methods"][4]["result"]["schema"], json!({ "type": "boolean" }));
        assert!(document["methods"][4]["description"].as_str().unwrap().contains("keeps the connection up"));
        assert_eq!(document["methods"][8]["x-subscriptions"][0]["name"], "peerEvents");
        assert!(document["openrpc"].as_str().unwrap().starts_with("1."));
        p2p.stop().await;
    });
}
