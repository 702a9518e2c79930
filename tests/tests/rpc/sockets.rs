//! Every transport over real sockets: calls in order and by name, batches, notifications, subscriptions.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use futures::StreamExt;
use p2p_net::rpc::{
    Apis, CallError, Client, HttpSettings, IpcSettings, Params, RpcSettings, Server, TcpSettings, code,
};
use p2p_tests::folder::{Folder, names};
use serde_json::{Value, json};

use super::apis::{BarClient, Foo, FooClient, addresses, apis, everything, run, socket};

#[test]
fn every_transport_answers_calls_batches_and_notifications() {
    run(async |ex| {
        let folder = Folder::temporary();
        let foo = std::sync::Arc::new(Foo::default());
        let apis = Apis::new().with_shared(foo.clone()).unwrap();
        let server = Server::start(apis, everything(&folder), &ex).await.unwrap();
        for address in addresses(&server) {
            let client = Client::connect(&ex, &address).await.unwrap();
            let in_order: i64 = client.call("foo_subtract", json!([42, 23])).await.unwrap();
            let by_name: i64 = client.call("foo_subtract", json!({ "subtrahend": 23, "minuend": 42 })).await.unwrap();
            assert_eq!((in_order, by_name), (19, 19), "{address}");
            let batch = vec![("foo_helloWorld".to_owned(), Params::None), ("foo_nothing".to_owned(), Params::None)];
            let answers = client.batch(batch).await.unwrap();
            assert_eq!(answers[0], Ok(json!("foobar")), "{address}");
            assert_eq!(answers[1].as_ref().unwrap_err().code, code::METHOD_NOT_FOUND, "{address}");
            let before = foo.left_out();
            client.notify("foo_count", ()).await.unwrap();
            while foo.left_out() == before {
                smol::future::yield_now().await;
            }
            let same: String = client.call("foo_say", json!(["ä\n\"", 2])).await.unwrap();
            assert_eq!(same, "ä\n\"ä\n\"", "{address}");
        }
        server.stop().await;
    });
}

#[test]
fn every_connection_that_stays_has_subscriptions() {
    run(async |ex| {
        let folder = Folder::temporary();
        let server = Server::start(apis(), everything(&folder), &ex).await.unwrap();
        for address in addresses(&server) {
            let foo = FooClient::from(Client::connect(&ex, &address).await.unwrap());
            if address.starts_with("http") {
                assert_eq!(foo.numbers(3).await.unwrap_err(), CallError::NotSupported);
                continue;
            }
            let numbers: Vec<_> = foo.numbers(3).await.unwrap().collect().await;
            assert_eq!(numbers, [Ok(1), Ok(2), Ok(3)], "{address}");
            let client = Client::connect(&ex, &address).await.unwrap();
            let id: String = client.call("foo_subscribe", json!(["silent"])).await.unwrap();
            let ended = |id: &str| json!([id]);
            assert_eq!(client.call::<bool>("bar_unsubscribe", ended(&id)).await, Ok(false), "another namespace");
            assert_eq!(client.call::<bool>("foo_unsubscribe", ended(&id)).await, Ok(true), "{address}");
            assert_eq!(client.call::<bool>("foo_unsubscribe", ended(&id)).await, Ok(false), "{address}");
        }
    });
}

#[test]
fn a_transport_offers_what_its_list_allows() {
    run(async |ex| {
        let folder = Folder::temporary();
        let settings = RpcSettings {
            ipc: Some(IpcSettings::at(socket(&folder))),
            websocket: Some(HttpSettings::offering(["foo"])),
            ..RpcSettings::default()
        };
        let server = Server::start(apis(), settings, &ex).await.unwrap();
        let ipc = Client::connect(&ex, socket(&folder).to_str().unwrap()).await.unwrap();
        assert_eq!(BarClient::from(ipc).answer().await, Ok(84));
        let websocket = Client::connect(&ex, &format!("ws://{}", server.websocket().unwrap())).await.unwrap();
        assert_eq!(FooClient::from(websocket.clone()).hello_world().await.unwrap(), "foobar");
        let Err(CallError::Rpc(error)) = BarClient::from(websocket.clone()).answer().await else { panic!() };
        assert_eq!(error.code, code::METHOD_NOT_FOUND);
        let modules: Value = websocket.call("rpc_modules", ()).await.unwrap();
        assert_eq!(modules, json!({ "foo": "2.1", "rpc": "1.0" }));
    });
}

#[test]
fn a_list_that_names_what_is_not_there_is_told_at_start() {
    run(async |ex| {
        let settings = RpcSettings { tcp: Some(TcpSettings::offering(["fo"])), ..RpcSettings::default() };
        let error = Server::start(apis(), settings, &ex).await.unwrap_err().to_string();
        assert_eq!(error, "`tcp.apis`: there is no API `fo` to offer: there are bar, foo");
    });
}

#[test]
fn http_and_websocket_share_a_port() {
    run(async |ex| {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let http = HttpSettings { listen: free, ..HttpSettings::offering(["foo"]) };
        let websocket = HttpSettings { listen: free, ..HttpSettings::offering(["bar"]) };
        let settings = RpcSettings { http: Some(http), websocket: Some(websocket), ..RpcSettings::default() };
        let server = Server::start(apis(), settings, &ex).await.unwrap();
        assert_eq!((server.http(), server.websocket()), (Some(free), Some(free)));
        let http = Client::connect(&ex, &format!("http://{free}")).await.unwrap();
        assert_eq!(FooClient::from(http).hello_world().await.unwrap(), "foobar");
        let websocket = Client::connect(&ex, &format!("ws://{free}")).await.unwrap();
        assert_eq!(BarClient::from(websocket).answer().await, Ok(84));
    });
}

#[test]
fn a_socket_is_its_owners_alone_and_gone_after_stop() {
    run(async |ex| {
        let folder = Folder::temporary();
        let settings = RpcSettings { ipc: Some(IpcSettings::at(socket(&folder))), ..RpcSettings::default() };
        let server = Server::start(apis(), settings.clone(), &ex).await.unwrap();
        let found = std::fs::symlink_metadata(socket(&folder)).unwrap();
        assert!(found.file_type().is_socket());
        assert_eq!(found.permissions().mode() & 0o777, 0o600);
        let error = Server::start(apis(), settings.clone(), &ex).await.unwrap_err().to_string();
        assert!(error.contains("another server does"), "{error}");
        server.stop().await;
        assert_eq!(names(folder.path()).len(), 0, "nothing is left");
        assert_eq!(server.task_count(), 0);
    });
}

#[test]
fn what_a_crash_left_is_replaced_and_what_is_no_socket_is_not() {
    run(async |ex| {
        let folder = Folder::temporary();
        // A listener that is dropped leaves its file, as a crash does.
        drop(UnixListener::bind(socket(&folder)).unwrap());
        assert!(socket(&folder).exists());
        let settings = RpcSettings { ipc: Some(IpcSettings::at(socket(&folder))), ..RpcSettings::default() };
        let server = Server::start(apis(), settings.clone(), &ex).await.unwrap();
        let client = Client::connect(&ex, socket(&folder).to_str().unwrap()).await.unwrap();
        assert_eq!(FooClient::from(client).hello_world().await.unwrap(), "foobar");
        server.stop().await;
        std::fs::write(socket(&folder), "precious").unwrap();
        let error = Server::start(apis(), settings, &ex).await.unwrap_err().to_string();
        assert!(error.contains("it is there and no socket"), "{error}");
        assert_eq!(std::fs::read_to_string(socket(&folder)).unwrap(), "precious");
    });
}

#[test]
fn a_port_that_is_taken_is_told_with_its_setting() {
    run(async |ex| {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = taken.local_addr().unwrap();
        let tcp = TcpSettings { listen, ..TcpSettings::offering(["*"]) };
        let folder = Folder::temporary();
        let ipc = Some(IpcSettings::at(socket(&folder)));
        let settings = RpcSettings { ipc, tcp: Some(tcp), ..RpcSettings::default() };
        let error = Server::start(apis(), settings, &ex).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("`tcp.listen`: cannot listen at {listen}: ")), "{error}");
        assert!(!socket(&folder).exists(), "none listens when one cannot");
    });
}

#[test]
fn a_lost_connection_is_an_error_for_every_call_that_waits() {
    run(async |ex| {
        let folder = Folder::temporary();
        let server = Server::start(apis(), everything(&folder), &ex).await.unwrap();
        let mut clients = Vec::new();
        for address in addresses(&server) {
            clients.push(FooClient::from(Client::connect(&ex, &address).await.unwrap()));
        }
        let waiting = clients.iter().flat_map(|foo| [foo.never(), foo.never()]);
        let (outcomes, ()) = futures::join!(futures::future::join_all(waiting), async {
            // Until all of them have arrived: an HTTP connection and a call each, and the three that stay.
            while server.task_count() < 4 + 5 {
                smol::future::yield_now().await;
            }
            server.stop().await;
        });
        for outcome in outcomes {
            assert!(matches!(outcome, Err(CallError::Disconnected(_))), "{outcome:?}");
        }
    });
}

#[test]
fn a_client_is_told_why_it_cannot_connect() {
    run(async |ex| {
        for (address, problem) in [
            ("/no/such/socket", "No such file"),
            ("ftp://localhost:1", "`ftp` is not spoken here"),
            ("wss://localhost:1", "there is no TLS here"),
            ("tcp://localhost", "invalid"),
        ] {
            let error = Client::connect(&ex, address).await.unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot connect to {address}: ")) && error.contains(problem), "{error}");
        }
    });
}
