//! What is sent to the ports that speak lines by others than callers: pages of a browser, above all.

use std::sync::Arc;

use p2p_net::rpc::{Apis, Client, IpcSettings, RpcSettings, Server, TcpSettings, code};
use p2p_tests::folder::Folder;
use serde_json::{Value, json};

use super::apis::{Foo, FooClient, run};
use super::raw::{answered, answered_by_socket, code_of};

/// A call that leaves a trace when it runs.
const CALL: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"foo_count\"}";

/// What a browser, or whatever else is made to, sends with a call of somebody else's in it.
fn strangers() -> Vec<Vec<u8>> {
    let request = |line: &str| {
        let head =
            "Host: 127.0.0.1:8545\r\nOrigin: https://evil.org\r\nContent-Type: text/plain\r\nContent-Length: 44\r\n";
        format!("{line}\r\n{head}\r\n{CALL}\n{CALL}").into_bytes()
    };
    let lines = ["POST / HTTP/1.1", "GET / HTTP/1.0", "PUT /[{ HTTP/1.1", "OPTIONS * HTTP/1.1", "M-SEARCH x HTTP/9"];
    let mut all: Vec<_> = lines.map(request).into();
    // A greeting of TLS and a message of STUN carry texts that a page chooses; a line of HTTP may be longer than any message.
    all.push([b"\x16\x03\x01\x02\x00\x01\n", CALL.as_bytes(), b"\n"].concat());
    all.push([b"\x00\x01\x00\x50\x21\x12\xa4\x42\n", CALL.as_bytes(), b"\n"].concat());
    all.push(request(&format!("GET /{} HTTP/1.1", "x".repeat(6 << 20))));
    all
}

#[test]
fn what_a_page_posts_to_a_port_of_lines_is_never_called() {
    run(async |ex| {
        let (folder, foo) = (Folder::temporary(), Arc::new(Foo::default()));
        let (ipc, tcp) = (Some(IpcSettings::at(folder.file("rpc.ipc"))), Some(TcpSettings::offering(["*"])));
        let settings = RpcSettings { ipc, tcp, ..RpcSettings::default() };
        let server = Server::start(Apis::new().with_shared(foo.clone()).unwrap(), settings, &ex).await.unwrap();
        let address = server.tcp().unwrap();
        for sent in strangers() {
            for answer in
                [answered(address, sent.clone()).await, answered_by_socket(&folder.file("rpc.ipc"), sent.clone()).await]
            {
                let said = sent[..sent.len().min(40)].escape_ascii();
                assert_eq!(answer.lines().count(), 1, "one error, and no more: {said}\n{answer}");
                let answer: Value = serde_json::from_str(&answer).unwrap();
                if sent.len() > 5 << 20 {
                    assert_eq!(answer["error"]["data"]["limit"], json!("body_bytes"));
                    continue;
                }
                assert_eq!(code_of(&answer), code::PARSE, "{said}");
                let told = answer["error"]["message"].as_str().unwrap().contains("this is HTTP");
                assert_eq!(told, sent.windows(6).any(|word| word == b" HTTP/"), "{said}\n{answer}");
            }
        }
        assert_eq!(foo.left_out(), 0, "nothing ran");
        let foo = FooClient::from(Client::connect(&ex, &format!("tcp://{address}")).await.unwrap());
        assert_eq!(foo.hello_world().await.unwrap(), "foobar");
        assert_eq!(foo.count().await, Ok(1), "and what is called does");
    });
}
