//! Services on a node: their order, their failures, what they share, who may call them, and the folder they live in.

mod common;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::{local, on_threads};
use futures::future::pending;
use p2p_net::prelude::*;
use p2p_net::rpc::{CallError, Client, RpcSettings, TcpSettings, code};
use p2p_net::service::{
    ConfigError, FolderError, NewError, Node, NodeBuilder, NodeSettings, NodeState, ServiceSettings, StartError,
};
use p2p_net::signal::Signal;
use p2p_protocols as _;
use smol::Executor;

/// What happened, in order; every service of a test has the same one.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// What a service does beside writing it down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Well,
    FailsToStart,
    PanicsAtStart,
    FailsToStop,
    PanicsAtStop,
    NeverStarts,
    NeverStops,
}

macro_rules! services {
    ($($name:ident = $text:literal),*) => {
        $(
            struct $name(Does, Diary, Signal);

            #[service(name = $text)]
            impl $name {
                #[start]
                async fn begin(&self, p2p: P2pPtr) -> Result<()> {
                    assert!(!p2p.advertised().is_empty(), "the network listens before services start");
                    self.1.write(concat!("start ", $text));
                    self.2.give();
                    match self.0 {
                        Does::FailsToStart => Err(Error::msg("no shelf")),
                        Does::PanicsAtStart => panic!("on purpose"),
                        Does::NeverStarts => pending().await,
                        _ => Ok(()),
                    }
                }

                #[stop]
                async fn end(&self) -> Result<()> {
                    self.1.write(concat!("stop ", $text));
                    match self.0 {
                        Does::FailsToStop => Err(Error::msg("the shelf is full")),
                        Does::PanicsAtStop => panic!("on purpose"),
                        Does::NeverStops => pending().await,
                        _ => Ok(()),
                    }
                }
            }
        )*
    };
}

services!(One = "one", Two = "two", Three = "three");

/// Three services, of which the second is special.
fn three(diary: &Diary, second: Does) -> NodeBuilder {
    three_with(NodeSettings::from(local()), diary, second, &Signal::default())
}

fn three_with(settings: NodeSettings, diary: &Diary, second: Does, begun: &Signal) -> NodeBuilder {
    let new = |does| (does, diary.clone(), Signal::default());
    let ((a, b, c), (d, e, f)) = (new(Does::Well), new(Does::Well));
    Node::builder(settings)
        .service(One(a, b, c))
        .service(Two(second, diary.clone(), begun.clone()))
        .service(Three(d, e, f))
}

async fn started(builder: NodeBuilder, ex: &Arc<Executor<'static>>) -> Node {
    let node = builder.build().await.unwrap();
    node.start(ex).await.unwrap();
    node
}

/// A folder of its own for each test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("p2p-services-{}-{name}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn services_start_in_order_and_stop_in_the_reverse() {
    on_threads(2, async |ex| {
        let diary = Diary::default();
        let node = three(&diary, Does::Well).build().await.unwrap();
        assert_eq!((node.state(), diary.lines().len()), (NodeState::Open, 0));
        assert_eq!(
            node.services().iter().map(|one| (one.name, one.started)).collect::<Vec<_>>(),
            [("one", false), ("two", false), ("three", false)]
        );
        node.start(&ex).await.unwrap();
        assert_eq!(node.state(), NodeState::Running);
        assert!(node.services().iter().all(|one| one.started));
        assert_eq!(diary.lines(), ["start one", "start two", "start three"]);
        node.stop().await.unwrap();
        assert_eq!(node.state(), NodeState::Stopped);
        assert_eq!(diary.lines()[3..], ["stop three", "stop two", "stop one"]);
        assert!(node.services().iter().all(|one| !one.started));
        node.stop().await.unwrap();
        assert_eq!(diary.lines().len(), 6, "stopped once");
    });
}

#[test]
fn a_service_that_does_not_start_stops_those_before_it_and_is_named() {
    for (does, expected) in [
        (Does::FailsToStart, "service `two` does not start: no shelf"),
        (Does::PanicsAtStart, "service `two` does not start: it panicked: on purpose"),
    ] {
        on_threads(2, async |ex| {
            let diary = Diary::default();
            let node = three(&diary, does).build().await.unwrap();
            let error = node.start(&ex).await.unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert!(matches!(error, StartError::Service { service: "two", .. }));
            assert_eq!(diary.lines(), ["start one", "start two", "stop one"]);
            assert_eq!((node.state(), node.p2p().task_count()), (NodeState::Stopped, 0));
            let again = node.start(&ex).await.unwrap_err().to_string();
            assert!(again.starts_with("the node is in state Stopped"), "{again}");
        });
    }
}

#[test]
fn a_service_that_does_not_stop_well_hurts_no_other_and_is_named() {
    for (does, expected) in [
        (Does::FailsToStop, "service `two` did not stop well: the shelf is full"),
        (Does::PanicsAtStop, "service `two` did not stop well: it panicked: on purpose"),
        (Does::NeverStops, "service `two` did not stop well: it was not done within services.stop_timeout = 1ms"),
    ] {
        on_threads(2, async |ex| {
            let diary = Diary::default();
            let services = ServiceSettings { stop_timeout: Duration::from_millis(1) };
            let settings = NodeSettings { services, ..local().into() };
            let node = started(three_with(settings, &diary, does, &Signal::default()), &ex).await;
            let error = node.stop().await.unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(node.stop().await.unwrap_err().to_string(), expected, "everybody is told the same");
            assert_eq!(diary.lines()[3..], ["stop three", "stop two", "stop one"]);
            assert_eq!((node.state(), node.p2p().task_count()), (NodeState::Stopped, 0));
        });
    }
}

#[test]
fn a_stop_while_a_service_starts_ends_the_start() {
    on_threads(2, async |ex| {
        let (diary, begun) = (Diary::default(), Signal::default());
        let node = three_with(local().into(), &diary, Does::NeverStarts, &begun).build().await.unwrap();
        let (starting, own) = (node.clone(), ex.clone());
        let start = ex.spawn(async move { starting.start(&own).await });
        begun.wait().await;
        assert_eq!(node.state(), NodeState::Starting);
        assert!(node.attach().unwrap_err().to_string().contains("Starting"));
        node.stop().await.unwrap();
        assert!(matches!(start.await, Err(StartError::Stopped)));
        assert_eq!(diary.lines(), ["start one", "start two", "stop one"]);
    });
}

#[test]
fn a_node_that_never_started_is_stopped_at_once() {
    on_threads(1, async |ex| {
        let node = Node::builder(local()).build().await.unwrap();
        node.stop().await.unwrap();
        assert_eq!(node.state(), NodeState::Stopped);
        assert!(matches!(node.start(&ex).await, Err(StartError::State(NodeState::Stopped))));
    });
}

#[test]
fn a_network_that_stops_takes_its_services_along() {
    on_threads(2, async |ex| {
        let diary = Diary::default();
        let node = started(three(&diary, Does::Well), &ex).await;
        node.p2p().stop().await;
        node.stopped().await.unwrap();
        assert_eq!(diary.lines()[3..], ["stop three", "stop two", "stop one"]);
    });
}

/// What may stop its own node.
struct Switch;

struct SwitchApi(P2pPtr);

#[rpc(namespace = "switch")]
impl SwitchApi {
    async fn off(&self) -> Result<()> {
        Ok(Node::of(&self.0)?.stop().await?)
    }
}

#[service]
impl Switch {
    #[api]
    fn api(&self, p2p: P2pPtr) -> SwitchApi {
        SwitchApi(p2p)
    }
}

#[test]
fn a_call_may_stop_the_node_that_answers_it() {
    on_threads(2, async |ex| {
        let node = started(Node::builder(local()).service(Switch), &ex).await;
        let client = node.attach().unwrap();
        let answer = client.call::<()>("switch_off", ()).await;
        assert!(matches!(answer, Err(CallError::Disconnected(_))), "{answer:?}");
        node.stopped().await.unwrap();
        assert_eq!(node.state(), NodeState::Stopped);
        assert!(node.attach().is_err());
    });
}

#[test]
fn a_second_start_in_a_folder_and_at_a_port_is_the_same_node() {
    let folder = Folder::new("again");
    on_threads(2, async |ex| {
        let settings = Settings { data_dir: Some(folder.0.clone()), ..local() };
        let first = started(Node::builder(settings.clone()), &ex).await;
        let listened = first.node_info().listen;
        let somebody = "tls://203.0.113.7:9000".parse().unwrap();
        first.p2p().hosts().hear(&somebody, p2p_net::hosts::Source::Operator).unwrap();
        first.stop().await.unwrap();
        let again = started(Node::builder(Settings { listen: listened.clone(), ..settings }), &ex).await;
        assert_eq!((again.node_info().id, again.node_info().listen), (first.node_info().id, listened));
        assert!(again.p2p().hosts().list().iter().any(|(url, _)| *url == somebody));
        again.stop().await.unwrap();
    });
}

#[test]
fn one_folder_is_for_one_node() {
    let folder = Folder::new("one");
    on_threads(2, async |ex| {
        let settings = Settings { data_dir: Some(folder.0.clone()), ..local() };
        let first = started(Node::builder(settings.clone()), &ex).await;
        let error = Node::builder(settings.clone()).build().await.unwrap_err();
        let (folder, process) = (folder.0.display(), std::process::id());
        assert_eq!(
            error.to_string(),
            format!(
                "the data folder {folder} is in use by another node, process {process}: \
                 stop that one, or use another folder"
            )
        );
        assert!(matches!(error, NewError::Folder(FolderError::InUse { .. })));
        first.stop().await.unwrap();
        // The first is still held; its folder is free. One that is never started frees it when it goes.
        drop(Node::builder(settings.clone()).build().await.unwrap());
        let third = Node::builder(settings).build().await.unwrap();
        assert_eq!(third.node_info().id, first.node_info().id);
        third.stop().await.unwrap();
    });
}

#[test]
fn a_folder_that_cannot_be_made_is_a_clear_error() {
    let folder = Folder::new("file");
    std::fs::write(folder.0.join("file"), "").unwrap();
    let settings = Settings { data_dir: Some(folder.0.join("file")), ..local() };
    let error = smol::block_on(Node::builder(settings).build()).unwrap_err().to_string();
    assert!(error.starts_with("cannot use the data folder") && error.contains("file"), "{error}");
}

#[test]
fn the_configuration_is_read_from_the_folder() {
    let folder = Folder::new("config");
    let read = || smol::block_on(NodeSettings::in_folder(&folder.0));
    assert_eq!(
        read().unwrap(),
        NodeSettings::from(Settings { data_dir: Some(folder.0.clone()), ..Settings::default() })
    );
    let write = |text: &str| std::fs::write(folder.0.join("config.toml"), text).unwrap();
    write("name = \"foo\"\n[rpc.tcp]\napis = [\"foo\"]\n[services]\nstop_timeout = \"3s\"\n");
    let settings = read().unwrap();
    assert_eq!((settings.p2p.name.as_str(), settings.services.stop_timeout.as_secs()), ("foo", 3));
    assert_eq!(settings.rpc.tcp, Some(TcpSettings::offering(["foo"])));
    for (text, expected) in [
        ("nam = \"foo\"", "unknown key `nam`: did you mean `name`?"),
        ("[rpc.htp]", "unknown key `rpc.htp`: did you mean `rpc.http`?"),
        ("[rpc.tcp]\nlisten = 7", "`rpc.tcp.listen`: "),
        ("rpc = 7", "`rpc`: is a integer, expected a table"),
        ("[services]\nstop_timeout = 3", "`services.stop_timeout`: invalid type"),
        ("data_dir = \"/elsewhere\"", "`data_dir` is the folder of this file: leave it out"),
    ] {
        write(text);
        let error = read().unwrap_err();
        let (shown, path) = (error.to_string(), folder.0.join("config.toml").display().to_string());
        assert!(shown.starts_with(&path) && shown.contains(expected), "{text}: {shown}");
        assert!(matches!(error, ConfigError::Settings { .. } | ConfigError::Elsewhere { .. }));
    }
}

#[test]
fn a_wrong_setting_of_the_rpc_is_named_when_the_node_is_made() {
    let rpc = RpcSettings { tcp: Some(TcpSettings::default()), ..RpcSettings::default() };
    let error = smol::block_on(Node::builder(local()).rpc(rpc).build()).unwrap_err().to_string();
    assert!(error.starts_with("`rpc.tcp.apis` is empty"), "{error}");
}

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
struct Hands(Diary);

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
    assert!(alone.starts_with("service `needy` (tests/tests/services.rs:"), "{alone}");
    assert!(alone.contains("needs `State<services::Hands>`, and nobody gave it"), "{alone}");
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
