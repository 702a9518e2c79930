//! The protocols of a service: who runs them, what they take, and whose peers they share.

use super::*;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Left(u8);

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16)]
struct Right(u8);

#[protocol(sessions = !SEED)]
async fn left_hand(Left(_n): Left, hands: State<Hands>) {
    hands.0.write("left");
}

#[protocol(sessions = !SEED)]
async fn right_hand(Right(_n): Right, hands: State<Hands>, node: Node) {
    hands.0.write(format!("right of {}", node.services().len()));
}

/// Two protocols, which take the service as their state.
#[derive(Default)]
pub(super) struct Hands(Diary);

#[service(protocols = [left_hand, right_hand])]
impl Hands {}

/// One of them, for other nodes.
struct LeftOnly;

#[service(protocols = [left_hand])]
impl LeftOnly {}

#[test]
fn a_node_without_a_service_runs_none_of_its_protocols() {
    on_threads(1, async |_| {
        let plain = Node::builder(local()).build().await.unwrap();
        let names = plain.node_info().protocols;
        assert!(names.iter().any(|name| name.starts_with("version/")), "{names:?}");
        assert!(!names.iter().any(|name| name.contains("_hand")), "{names:?}");
        let whole = Node::builder(local()).service(Hands::default()).build().await.unwrap();
        let names = whole.node_info().protocols;
        assert!(
            ["left_hand/1", "right_hand/1"].iter().all(|name| names.iter().any(|known| known == name)),
            "{names:?}"
        );
    });
}

#[test]
fn peers_of_a_service_run_all_of_its_protocols_or_some() {
    on_threads(2, async |ex| {
        let node = |builder: NodeBuilder| async { started(builder, &ex).await };
        let hub = node(Node::builder(local()).service(Hands::default())).await;
        let both = node(Node::builder(local()).service(Hands::default())).await;
        let some = node(Node::builder(local()).service(LeftOnly).state(Hands::default())).await;
        let none = node(Node::builder(local())).await;
        assert_eq!(hub.peers_of::<Hands>().any, []);
        for other in [&both, &some, &none] {
            hub.p2p().add_peer(&other.p2p().advertised()[0]).await.unwrap();
        }
        let mut any = vec![both.p2p().id(), some.p2p().id()];
        any.sort();
        let peers = hub.peers_of::<Hands>();
        assert_eq!((peers.any, peers.all), (any, vec![both.p2p().id()]));
        assert_eq!(hub.peers_of::<LeftOnly>().any, [], "not a service of this node");
        let info = hub.services().remove(0);
        assert_eq!((info.peers_any, info.peers_all), (2, 1));
        assert_eq!(info.protocols, ["left_hand/1", "right_hand/1"]);
        let told = hub.attach().unwrap().call::<serde_json::Value>("node_services", ()).await.unwrap();
        let expected = serde_json::json!([{
            "name": "hands",
            "started": true,
            "protocols": ["left_hand/1", "right_hand/1"],
            "namespaces": [],
            "peersAny": 2,
            "peersAll": 1,
        }]);
        assert_eq!(told, expected, "and to other processes");
        hub.p2p().remove_peer(&both.p2p().id());
        let gone = hub.p2p().channel(&both.p2p().id());
        if let Some(channel) = gone {
            channel.closed().await;
        }
        for node in [&hub, &both, &some, &none] {
            node.stop().await.unwrap();
        }
    });
}

#[test]
fn a_protocol_takes_its_service_and_its_node() {
    on_threads(2, async |ex| {
        let hands = Arc::new(Hands::default());
        let there = started(Node::builder(local()).shared_service(hands.clone()), &ex).await;
        let here = started(Node::builder(local()).service(Hands::default()), &ex).await;
        let peer = here.p2p().add_peer(&there.p2p().advertised()[0]).await.unwrap();
        let channel = here.p2p().channel(&peer).unwrap();
        channel.send(&Left(1)).await.unwrap();
        channel.send(&Right(2)).await.unwrap();
        while hands.0.lines().len() < 2 {
            smol::future::yield_now().await;
        }
        let mut lines = hands.0.lines();
        lines.sort();
        assert_eq!(lines, ["left", "right of 1"]);
        here.stop().await.unwrap();
        there.stop().await.unwrap();
    });
}
