//! Bad input on every transport: each gets an error that says what is wrong, and the server goes on serving.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use p2p_net::rpc::{Apis, CallError, Client, HttpSettings, Params, RpcLimits, RpcSettings, Server, TcpSettings, code};
use p2p_tests::folder::Folder;
use serde_json::{Value, json};
use smol::Executor;

use super::apis::{Foo, FooClient, addresses, apis, everything, run};
use super::raw::{answered, answered_by_socket, code_of, frame, http, post, upgraded};

/// Small limits, so that tests need not be large.
fn limits() -> RpcLimits {
    RpcLimits { body_bytes: 4_096, answer_bytes: 3 << 20, batch: 3, depth: 8, subscriptions: 2, ..RpcLimits::default() }
}

async fn server(ex: &Arc<Executor<'static>>, folder: &Folder) -> Server {
    Server::start(apis(), RpcSettings { limits: limits(), ..everything(folder) }, ex).await.unwrap()
}

/// What is wrong with a message, and the code it gets.
fn wrong_messages() -> Vec<(Vec<u8>, i64)> {
    let call =
        |params: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"foo_say\",\"params\":{params}}}").into();
    let one = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"foo_helloWorld\"}";
    vec![
        (b"hello".to_vec(), code::PARSE),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,".to_vec(), code::PARSE),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}".to_vec(), code::PARSE),
        (b"7".to_vec(), code::INVALID_REQUEST),
        (b"{}".to_vec(), code::INVALID_REQUEST),
        (b"[]".to_vec(), code::INVALID_REQUEST),
        (b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"foo_helloWorld\"}".to_vec(), code::INVALID_REQUEST),
        (b"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"foo_helloWorld\"}".to_vec(), code::INVALID_REQUEST),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"foo_say\",\"params\":7}".to_vec(), code::INVALID_REQUEST),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"foo_nothing\"}".to_vec(), code::METHOD_NOT_FOUND),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nothing_atAll\"}".to_vec(), code::METHOD_NOT_FOUND),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"foo_leftOut\"}".to_vec(), code::METHOD_NOT_FOUND),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}".to_vec(), code::METHOD_NOT_FOUND),
        (call("[7]"), code::INVALID_PARAMS),
        (call("[]"), code::INVALID_PARAMS),
        (call("[[[[[[[[]]]]]]]]"), code::LIMIT_EXCEEDED),
        (format!("[{one},{one},{one},{one}]").into(), code::LIMIT_EXCEEDED),
    ]
}

#[test]
fn wrong_messages_get_their_code_on_lines_and_the_connection_stays() {
    run(async |ex| {
        let folder = Folder::temporary();
        let server = server(&ex, &folder).await;
        let messages = wrong_messages();
        let (address, socket) = (server.tcp().unwrap(), server.ipc().unwrap());
        for (message, code) in &messages {
            for answer in [answered(address, message.clone()).await, answered_by_socket(socket, message.clone()).await]
            {
                assert_eq!(code_of(&serde_json::from_str(&answer).unwrap()), *code, "{}", message.escape_ascii());
            }
        }
        // The same over one connection, which begins with a bracket: answers of calls may come in any order, so they are counted.
        let (first, rest) = messages.split_first().unwrap();
        let all: Vec<_> =
            rest.iter().chain([first]).flat_map(|(message, _)| [message.as_slice(), b"\n"].concat()).collect();
        let mut expected: Vec<_> = messages.iter().map(|(_, code)| *code).collect();
        expected.sort_unstable();
        for answers in [answered(address, all.clone()).await, answered_by_socket(socket, all).await] {
            let mut codes: Vec<_> = answers.lines().map(|line| code_of(&serde_json::from_str(line).unwrap())).collect();
            codes.sort_unstable();
            assert_eq!(codes, expected);
        }
    });
}

#[test]
fn wrong_messages_get_their_code_over_http() {
    run(async |ex| {
        let folder = Folder::temporary();
        let server = server(&ex, &folder).await;
        for (message, code) in wrong_messages() {
            let head = format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                message.len()
            );
            let mut request = head.into_bytes();
            request.extend(&message);
            let (status, body) = http(&answered(server.http().unwrap(), request).await);
            assert_eq!((status, code_of(&body)), (200, code), "{}", message.escape_ascii());
        }
    });
}

#[test]
fn wrong_messages_get_their_code_over_websocket() {
    run(async |ex| {
        let folder = Folder::temporary();
        let server = server(&ex, &folder).await;
        for (message, code) in wrong_messages() {
            // What is no UTF-8 ends a WebSocket by its own rules; as bytes it is a message like any other.
            let answer = over_websocket(server.websocket().unwrap(), &message).await;
            assert_eq!(code_of(&serde_json::from_str(&answer).unwrap()), code, "{}", message.escape_ascii());
        }
    });
}

/// Sends one frame of bytes by hand; the text of the first frame that comes back.
async fn over_websocket(address: std::net::SocketAddr, message: &[u8]) -> String {
    let (kind, text) = frame_over_websocket(address, 2, message).await;
    assert_eq!(kind, 1, "a frame of text");
    String::from_utf8(text).unwrap()
}

/// Sends one frame of a kind by hand; kind and content of the first frame that comes back.
async fn frame_over_websocket(address: std::net::SocketAddr, kind: u8, message: &[u8]) -> (u8, Vec<u8>) {
    let message = message.to_vec();
    smol::unblock(move || {
        let mut stream = upgraded(address);
        stream.write_all(&frame(kind, &message)).unwrap();
        let mut head = [0; 2];
        stream.read_exact(&mut head).unwrap();
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                usize::from(u16::from_be_bytes(length))
            }
            short => usize::from(short),
        };
        let mut content = vec![0; length];
        stream.read_exact(&mut content).unwrap();
        (head[0] & 0x0f, content)
    })
    .await
}

#[test]
fn a_text_that_is_not_utf8_closes_a_websocket_with_its_code() {
    run(async |ex| {
        let folder = Folder::temporary();
        let server = server(&ex, &folder).await;
        let (kind, content) = frame_over_websocket(server.websocket().unwrap(), 1, b"\xff\xff").await;
        assert_eq!((kind, &content[..2]), (8, &1_007_u16.to_be_bytes()[..]), "RFC 6455, 7.4.1");
        let address = format!("ws://{}", server.websocket().unwrap());
        let foo = FooClient::from(Client::connect(&ex, &address).await.unwrap());
        assert_eq!(foo.hello_world().await.unwrap(), "foobar");
    });
}

#[test]
fn a_message_that_is_too_long_is_told_and_others_go_on() {
    run(async |ex| {
        let folder = Folder::temporary();
        let server = server(&ex, &folder).await;
        for address in addresses(&server) {
            let other = Client::connect(&ex, &address).await.unwrap();
            let client = Client::connect(&ex, &address).await.unwrap();
            let error = client.call::<Value>("foo_say", json!(["x".repeat(5_000)])).await.unwrap_err();
            let CallError::Rpc(error) = error else { panic!("{address}: {error}") };
            assert_eq!(
                (error.code, &error.data),
                (code::LIMIT_EXCEEDED, &Some(json!({ "limit": "body_bytes", "most": 4096 })))
            );
            assert_eq!(FooClient::from(other).hello_world().await.unwrap(), "foobar", "{address}");
            if !address.starts_with("ws") {
                assert_eq!(FooClient::from(client).hello_world().await.unwrap(), "foobar", "{address}");
            }
        }
    });
}

#[test]
fn an_answer_that_is_too_long_is_an_error() {
    run(async |ex| {
        let folder = Folder::temporary();
        let server = server(&ex, &folder).await;
        for address in addresses(&server) {
            let foo = FooClient::from(Client::connect(&ex, &address).await.unwrap());
            assert_eq!(foo.megabytes(1).await.unwrap().len(), 1 << 20, "{address}");
            let Err(CallError::Rpc(error)) = foo.megabytes(3).await else { panic!("{address}") };
            assert_eq!(error.code, code::ANSWER_TOO_LARGE, "{address}");
            let client = Client::connect(&ex, &address).await.unwrap();
            let two = vec![("foo_megabytes".to_owned(), Params::from(json!([2]))); 2];
            let answers = client.batch(two).await.unwrap();
            assert!(answers[0].is_ok(), "{address}: what fits is sent");
            assert_eq!(answers[1].as_ref().unwrap_err().code, code::ANSWER_TOO_LARGE, "{address}");
        }
    });
}

#[test]
fn subscriptions_are_bounded_and_their_places_come_back() {
    run(async |ex| {
        let folder = Folder::temporary();
        let server = server(&ex, &folder).await;
        let client = server.client();
        let foo = FooClient::from(client.clone());
        let (first, _second) = (foo.silent().await.unwrap(), foo.silent().await.unwrap());
        let Err(CallError::Rpc(error)) = foo.silent().await else { panic!() };
        assert_eq!(
            (error.code, error.data),
            (code::LIMIT_EXCEEDED, Some(json!({ "limit": "subscriptions", "most": 2 })))
        );
        drop(first);
        let _third = foo.silent().await.unwrap();
        for (params, code) in [
            (json!(["nothing"]), code::METHOD_NOT_FOUND),
            (json!([]), code::INVALID_PARAMS),
            (json!([7]), code::INVALID_PARAMS),
            (json!(["numbers"]), code::LIMIT_EXCEEDED),
        ] {
            let Err(CallError::Rpc(error)) = client.call::<Value>("foo_subscribe", params).await else { panic!() };
            assert_eq!(error.code, code, "{error}");
        }
        for params in [json!([]), json!([7]), json!({ "id": "0x1" })] {
            let Err(CallError::Rpc(error)) = client.call::<Value>("foo_unsubscribe", params).await else { panic!() };
            assert_eq!(error.code, code::INVALID_PARAMS);
        }
    });
}

#[test]
fn a_subscription_that_nobody_is_told_of_takes_no_place() {
    run(async |ex| {
        let folder = Folder::temporary();
        let server = server(&ex, &folder).await;
        let client = Client::connect(&ex, &format!("tcp://{}", server.tcp().unwrap())).await.unwrap();
        for _ in 0..3 {
            client.notify("foo_subscribe", json!(["silent"])).await.unwrap();
            // An answer that is as long as all may be, so that the other finds no room.
            let most = limits().answer_bytes - "[{'id':1,'jsonrpc':'2.0','result':''}]".len() - 20;
            let batch = vec![
                ("foo_say".to_owned(), Params::from(json!(["x", most]))),
                ("foo_subscribe".to_owned(), Params::from(json!(["silent"]))),
            ];
            let answers = client.batch(batch).await.unwrap();
            assert!(answers[0].is_ok());
            assert_eq!(answers[1].as_ref().unwrap_err().code, code::ANSWER_TOO_LARGE);
        }
        let foo = FooClient::from(client);
        let (_first, _second) = (foo.silent().await.unwrap(), foo.silent().await.unwrap());
        assert!(foo.silent().await.is_err(), "and no more than there are places");
        // The id of the call can be too long for an answer too.
        let limits = RpcLimits { answer_bytes: 1_024, subscriptions: 1, ..RpcLimits::default() };
        let tcp = Some(TcpSettings::offering(["*"]));
        let server = Server::start(apis(), RpcSettings { tcp, limits, ..RpcSettings::default() }, &ex).await.unwrap();
        let call = |id: &str| json!({ "jsonrpc": "2.0", "id": id, "method": "foo_subscribe", "params": ["silent"] });
        let sent = format!("{}{}", call(&"x".repeat(1_100)), call("short"));
        let answers = answered(server.tcp().unwrap(), sent).await;
        let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(code_of(&answers[0]), code::ANSWER_TOO_LARGE);
        assert_eq!(answers[1]["result"], json!("0x2"), "{}", answers[1]);
    });
}

#[test]
fn what_a_server_does_not_read_fails_those_it_is_about_and_no_others() {
    run(async |ex| {
        let folder = Folder::temporary();
        let server = server(&ex, &folder).await;
        for address in [server.ipc().unwrap().to_str().unwrap().to_owned(), format!("tcp://{}", server.tcp().unwrap())]
        {
            let client = Client::connect(&ex, &address).await.unwrap();
            let foo = FooClient::from(client.clone());
            let waits = foo.never();
            futures::pin_mut!(waits);
            assert!(futures::poll!(&mut waits).is_pending());
            let (long, deep) = (json!(["x".repeat(5_000)]), json!([[[[[[[[[]]]]]]]]]));
            for (params, limit) in [(long, "body_bytes"), (deep, "depth")] {
                let error = client.call::<Value>("foo_say", params).await.unwrap_err();
                let CallError::Rpc(error) = error else { panic!("{address}: {error}") };
                assert_eq!(error.data.unwrap()["limit"], limit, "{address}");
                assert!(futures::poll!(&mut waits).is_pending(), "{address}: {limit}");
            }
            let four = vec![("foo_helloWorld".to_owned(), Params::None); 4];
            let Err(CallError::Rpc(error)) = client.batch(four).await else { panic!("{address}") };
            assert_eq!(error.data.unwrap()["limit"], "batch", "{address}");
            assert_eq!(foo.hello_world().await.unwrap(), "foobar", "{address}");
            assert!(futures::poll!(&mut waits).is_pending(), "{address}");
        }
    });
}

#[test]
fn more_calls_than_may_be_under_way_are_refused_one_by_one() {
    run(async |ex| {
        let limits = RpcLimits { concurrent_calls: 2, ..RpcLimits::default() };
        let server = Server::start(apis(), RpcSettings { limits, ..RpcSettings::default() }, &ex).await.unwrap();
        let foo = FooClient::from(server.client());
        let (first, second) = (foo.never(), foo.never());
        futures::pin_mut!(first, second);
        assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
        let Err(CallError::Rpc(error)) = foo.hello_world().await else { panic!() };
        assert_eq!(error.code, code::OVERLOADED);
        assert!(futures::poll!(&mut first).is_pending(), "the calls under way go on");
    });
}

#[test]
fn too_many_connections_are_told_so_and_places_come_back() {
    run(async |ex| {
        let folder = Folder::temporary();
        let limits = RpcLimits { connections: 1, ..RpcLimits::default() };
        let server = Server::start(apis(), RpcSettings { limits, ..everything(&folder) }, &ex).await.unwrap();
        let (tcp, ws) = (format!("tcp://{}", server.tcp().unwrap()), format!("ws://{}", server.websocket().unwrap()));
        for address in [tcp, ws] {
            let only = Client::connect(&ex, &address).await.unwrap();
            assert_eq!(FooClient::from(only.clone()).hello_world().await.unwrap(), "foobar");
            let place = address.split("://").nth(1).unwrap().parse().unwrap();
            if address.starts_with("tcp") {
                let told = answered(place, "").await;
                assert_eq!(code_of(&serde_json::from_str(&told).unwrap()), code::LIMIT_EXCEEDED);
            } else {
                let (status, body) = http(&answered(place, post("", "{}")).await);
                assert_eq!((status, code_of(&body)), (503, code::LIMIT_EXCEEDED));
            }
            drop(only);
            // The place is free when the server has seen that the caller is gone.
            loop {
                let client = match Client::connect(&ex, &address).await {
                    Ok(client) => FooClient::from(client),
                    Err(_) => continue,
                };
                if client.hello_world().await.is_ok() {
                    break;
                }
            }
        }
    });
}

#[test]
fn a_connection_that_is_cut_in_the_middle_costs_nothing_and_calls_nothing() {
    run(async |ex| {
        let (folder, foo) = (Folder::temporary(), Arc::new(Foo::default()));
        let apis = Apis::new().with_shared(foo.clone()).unwrap();
        let server = Server::start(apis, everything(&folder), &ex).await.unwrap();
        let before = server.task_count();
        let call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"foo_count\"}";
        let (posted, framed) = (post("", call), frame(1, call.as_bytes()));
        for address in [server.http().unwrap(), server.websocket().unwrap()] {
            for cut in (0..posted.len()).step_by(7) {
                let part = posted.as_bytes()[..cut].to_vec();
                smol::unblock(move || TcpStream::connect(address).unwrap().write_all(&part)).await.unwrap();
            }
        }
        let (tcp, ipc, websocket) =
            (server.tcp().unwrap(), server.ipc().unwrap().to_owned(), server.websocket().unwrap());
        for cut in 0..call.len() {
            let (part, ipc) = (call.as_bytes()[..cut].to_vec(), ipc.clone());
            smol::unblock(move || {
                TcpStream::connect(tcp).unwrap().write_all(&part).unwrap();
                UnixStream::connect(ipc).unwrap().write_all(&part).unwrap();
            })
            .await;
        }
        for cut in 0..framed.len() {
            let part = framed[..cut].to_vec();
            smol::unblock(move || upgraded(websocket).write_all(&part).unwrap()).await;
        }
        while server.task_count() > before {
            smol::future::yield_now().await;
        }
        assert_eq!(foo.left_out(), 0, "half a call is none");
        for address in addresses(&server) {
            let foo = FooClient::from(Client::connect(&ex, &address).await.unwrap());
            assert_eq!(foo.hello_world().await.unwrap(), "foobar", "{address}");
        }
    });
}

#[test]
fn settings_that_cannot_work_are_refused_at_start() {
    run(async |ex| {
        let tcp = Some(TcpSettings::default());
        let error = Server::start(apis(), RpcSettings { tcp, ..RpcSettings::default() }, &ex).await.unwrap_err();
        assert_eq!(error.to_string(), "`tcp.apis` is empty: name the namespaces to offer, or `*` for all");
        let token = Some("short".to_owned().into());
        let http = Some(HttpSettings { token, ..HttpSettings::offering(["*"]) });
        let error = Server::start(apis(), RpcSettings { http, ..RpcSettings::default() }, &ex).await.unwrap_err();
        assert!(error.to_string().starts_with("`http.token` cannot be used"), "{error}");
    });
}
