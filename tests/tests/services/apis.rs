//! What services offer and need: what cannot run together, and who may call what.

use super::*;
use crate::protocols::Hands;

struct Needy;

#[service]
impl Needy {
    #[start]
    async fn begin(&self, _hands: State<Hands>) {}
}

#[derive(Default)]
struct Shelf;

#[rpc(namespace = "shelf")]
impl Shelf {
    async fn places(&self) -> u8 {
        3
    }
}

#[service]
impl Shelf {
    #[api]
    fn api(&self, shelf: State<Shelf>) -> State<Shelf> {
        shelf
    }
}

struct OtherShelf;

#[service]
impl OtherShelf {
    #[api]
    fn api(&self) -> Shelf {
        Shelf
    }
}

struct Hasty;

#[service]
impl Hasty {
    #[api]
    fn api(&self, _node: Node) -> Shelf {
        Shelf
    }
}

struct Broken;

#[service]
impl Broken {
    #[api]
    fn api(&self) -> Result<Shelf> {
        Err(Error::msg("no wood"))
    }
}

#[test]
fn what_cannot_run_together_is_an_error_when_the_node_is_made() {
    let error = |builder: NodeBuilder| smol::block_on(builder.build()).unwrap_err().to_string();
    let new = || Node::builder(local());
    let alone = error(new().service(Needy));
    assert!(alone.starts_with("service `needy` (tests/tests/services/apis.rs:"), "{alone}");
    assert!(alone.contains("needs `State<services::protocols::Hands>`, and nobody gave it"), "{alone}");
    let twice = error(new().service(Shelf).service(Shelf));
    assert!(twice.starts_with("the service `shelf` (") && twice.contains("is given twice"), "{twice}");
    let both = error(new().service(Shelf).service(OtherShelf));
    assert!(both.starts_with("two APIs have the namespace `shelf`"), "{both}");
    let hasty = error(new().service(Hasty));
    assert!(hasty.ends_with("the node is not made yet: keep a `P2pPtr`, and ask `Node::of` when called"), "{hasty}");
    assert_eq!(error(new().service(Broken)), "the APIs of service `broken` cannot be made: no wood");
}

#[test]
fn a_transport_offers_what_its_list_allows() {
    on_threads(2, async |ex| {
        let rpc = |apis: &[&str]| RpcSettings {
            tcp: Some(TcpSettings::offering(apis.iter().copied())),
            ..RpcSettings::default()
        };
        let new = |rpc| Node::builder(local()).rpc(rpc).service(Shelf).service(Switch);
        let node = started(new(rpc(&["shelf"])), &ex).await;
        assert_eq!(node.services()[0].namespaces, ["shelf"]);
        let client = Client::connect(&ex, &format!("tcp://{}", node.rpc().unwrap().tcp().unwrap())).await.unwrap();
        assert_eq!(client.call::<u8>("shelf_places", ()).await, Ok(3));
        let refused = client.call::<()>("switch_off", ()).await;
        assert!(matches!(&refused, Err(CallError::Rpc(error)) if error.code == code::METHOD_NOT_FOUND), "{refused:?}");
        assert_eq!(node.attach().unwrap().call::<u8>("shelf_places", ()).await, Ok(3));
        node.stop().await.unwrap();

        let node = new(rpc(&["shlef"])).build().await.unwrap();
        let error = node.start(&ex).await.unwrap_err().to_string();
        assert!(error.starts_with("the RPC does not start: `tcp.apis`: there is no API `shlef` to offer"), "{error}");
        assert_eq!(node.state(), NodeState::Stopped);
    });
}
