//! The examples of the JSON-RPC 2.0 specification, word for word: <https://www.jsonrpc.org/specification#examples>.
//!
//! The methods have no namespace there; here they have one, and nothing else differs.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};

use p2p_net::prelude::*;
use p2p_net::rpc::{Apis, RpcSettings, Server, TcpSettings};
use serde_json::{Value, json};

use super::apis::run;

struct Spec;

#[rpc(namespace = "spec")]
impl Spec {
    async fn subtract(&self, minuend: i64, subtrahend: i64) -> i64 {
        minuend - subtrahend
    }

    async fn update(&self, _a: u8, _b: u8, _c: u8, _d: u8, _e: u8) {}

    async fn sum(&self, a: i64, b: i64, c: i64) -> i64 {
        a + b + c
    }

    async fn notify_hello(&self, _a: u8) {}

    #[rpc(name = "get_data")]
    async fn data(&self) -> (&'static str, u8) {
        ("hello", 5)
    }
}

/// What is answered to `sent`, line by line; and whether the message of an error is not checked, as its text is ours.
fn answers(sent: &str) -> Vec<Value> {
    let sent = sent.to_owned();
    run(async |ex| {
        let settings = RpcSettings { tcp: Some(TcpSettings::offering(["*"])), ..RpcSettings::default() };
        let server = Server::start(Apis::new().with(Spec).unwrap(), settings, &ex).await.unwrap();
        let address = server.tcp().unwrap();
        let lines: Vec<String> = smol::unblock(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(sent.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            BufReader::new(stream).lines().map(Result::unwrap).collect()
        })
        .await;
        server.stop().await;
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    })
}

/// Without the texts of errors, which the specification gives only as examples.
fn without_texts(mut answer: Value) -> Value {
    let all: Vec<&mut Value> = match &mut answer {
        Value::Array(answers) => answers.iter_mut().collect(),
        one => vec![one],
    };
    for one in all {
        if let Some(error) = one.get_mut("error").and_then(Value::as_object_mut) {
            assert!(error.remove("message").is_some_and(|text| text.as_str().is_some_and(|text| !text.is_empty())));
            error.remove("data");
        }
    }
    answer
}

#[track_caller]
fn hold(sent: &str, expected: &[Value]) {
    let line = sent.replace('\n', " ");
    let answered: Vec<Value> = answers(&format!("{line}\n")).into_iter().map(without_texts).collect();
    assert_eq!(answered, expected, "{sent}");
}

fn error(code: i64, id: Value) -> Value {
    json!({ "jsonrpc": "2.0", "error": { "code": code }, "id": id })
}

#[test]
fn calls_with_positional_parameters() {
    hold(
        r#"{"jsonrpc": "2.0", "method": "spec_subtract", "params": [42, 23], "id": 1}"#,
        &[json!({ "jsonrpc": "2.0", "result": 19, "id": 1 })],
    );
    hold(
        r#"{"jsonrpc": "2.0", "method": "spec_subtract", "params": [23, 42], "id": 2}"#,
        &[json!({ "jsonrpc": "2.0", "result": -19, "id": 2 })],
    );
}

#[test]
fn calls_with_named_parameters() {
    hold(
        r#"{"jsonrpc": "2.0", "method": "spec_subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
        &[json!({ "jsonrpc": "2.0", "result": 19, "id": 3 })],
    );
    hold(
        r#"{"jsonrpc": "2.0", "method": "spec_subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
        &[json!({ "jsonrpc": "2.0", "result": 19, "id": 4 })],
    );
}

#[test]
fn a_notification() {
    hold(r#"{"jsonrpc": "2.0", "method": "spec_update", "params": [1,2,3,4,5]}"#, &[]);
    hold(r#"{"jsonrpc": "2.0", "method": "foobar"}"#, &[]);
}

#[test]
fn a_call_of_a_method_that_does_not_exist() {
    hold(r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#, &[error(-32_601, json!("1"))]);
}

#[test]
fn a_call_with_invalid_json() {
    hold(r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#, &[error(-32_700, Value::Null)]);
}

#[test]
fn a_call_with_an_invalid_request_object() {
    hold(r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#, &[error(-32_600, Value::Null)]);
}

#[test]
fn a_batch_of_invalid_json() {
    hold(
        r#"[
  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
  {"jsonrpc": "2.0", "method"
]"#,
        &[error(-32_700, Value::Null)],
    );
}

#[test]
fn an_empty_batch() {
    hold("[]", &[error(-32_600, Value::Null)]);
}

#[test]
fn an_invalid_batch_that_is_not_empty() {
    hold("[1]", &[json!([error(-32_600, Value::Null)])]);
}

#[test]
fn an_invalid_batch() {
    let one = error(-32_600, Value::Null);
    hold("[1,2,3]", &[json!([one, one, one])]);
}

#[test]
fn a_batch() {
    hold(
        r#"[
        {"jsonrpc": "2.0", "method": "spec_sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "spec_notifyHello", "params": [7]},
        {"jsonrpc": "2.0", "method": "spec_subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "spec_get_data", "id": "9"}
    ]"#,
        &[json!([
            { "jsonrpc": "2.0", "result": 7, "id": "1" },
            { "jsonrpc": "2.0", "result": 19, "id": "2" },
            error(-32_600, Value::Null),
            error(-32_601, json!("5")),
            { "jsonrpc": "2.0", "result": ["hello", 5], "id": "9" }
        ])],
    );
}

#[test]
fn a_batch_of_notifications() {
    hold(
        r#"[
        {"jsonrpc": "2.0", "method": "spec_notifySum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "spec_notifyHello", "params": [7]}
    ]"#,
        &[],
    );
}
