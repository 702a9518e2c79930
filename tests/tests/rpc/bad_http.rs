//! What HTTP itself can bring: wrong heads, strange pages, missing tokens, slow senders.

use std::sync::Arc;
use std::time::Duration;

use p2p_net::clock::Clock;
use p2p_net::rpc::{CallError, Client, HttpSettings, RpcLimits, RpcSettings, Server, code};
use smol::Executor;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;

use super::apis::{FooClient, apis, run};
use super::raw::{answered, code_of, http, post};

const CALL: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"foo_helloWorld\"}";

async fn server(ex: &Arc<Executor<'static>>, http: HttpSettings) -> Server {
    let websocket = Some(HttpSettings { listen: "127.0.0.1:0".parse().unwrap(), ..http.clone() });
    Server::start(apis(), RpcSettings { http: Some(http), websocket, ..RpcSettings::default() }, ex).await.unwrap()
}

#[test]
fn heads_that_cannot_be_served_get_their_status() {
    run(async |ex| {
        let server = server(&ex, HttpSettings::offering(["*"])).await;
        let address = server.http().unwrap();
        let json = "Content-Type: application/json\r\n";
        for (request, status) in [
            ("hello\r\n\r\n".to_owned(), 400),
            (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{json}\r\n"), 405),
            (format!("DELETE / HTTP/1.1\r\nHost: localhost\r\n{json}\r\n"), 405),
            (format!("POST /rpc HTTP/1.1\r\nHost: localhost\r\n{json}Content-Length: 2\r\n\r\n{{}}"), 404),
            (format!("POST / HTTP/1.1\r\nHost: localhost\r\n{json}\r\n"), 411),
            (format!("POST / HTTP/1.1\r\nHost: localhost\r\n{json}Content-Length: 6000000\r\n\r\n"), 413),
            ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}".to_owned(), 415),
            (
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"
                    .to_owned(),
                415,
            ),
            (format!("POST / HTTP/1.1\r\nHost: localhost\r\nA: {}\r\n\r\n", "x".repeat(20_000)), 431),
            (format!("POST / HTTP/1.1\r\n{json}Content-Length: 2\r\n\r\n{{}}"), 400),
            (post("Transfer-Encoding: chunked\r\n", CALL), 400),
            ("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".to_owned(), 403),
        ] {
            let answer = answered(address, request.clone()).await;
            let (got, body) = http(&answer);
            assert_eq!(got, status, "{request}\n{answer}");
            assert!(code_of(&body) < 0 && answer.contains("Connection: close"), "{answer}");
        }
        let websocket = server.websocket().unwrap();
        assert_eq!(http(&answered(websocket, post("", CALL)).await).0, 426, "WebSocket alone");
        let old = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n\r\n";
        assert_eq!(http(&answered(websocket, old).await).0, 426, "an old version");
        let foo = FooClient::from(Client::connect(&ex, &format!("http://{address}")).await.unwrap());
        assert_eq!(foo.hello_world().await.unwrap(), "foobar");
    });
}

#[test]
fn several_requests_share_a_connection() {
    run(async |ex| {
        let server = server(&ex, HttpSettings::offering(["*"])).await;
        let chunked = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (first, rest) = CALL.split_at(10);
        let chunked = format!("{chunked}{:x}\r\n{first}\r\n{:x};a=b\r\n{rest}\r\n0\r\n\r\n", first.len(), rest.len());
        let notification = post("", "{\"jsonrpc\":\"2.0\",\"method\":\"foo_helloWorld\"}");
        let three = format!("{}{chunked}{notification}{}", post("", CALL), post("Connection: close\r\n", CALL));
        let answer = answered(server.http().unwrap(), three).await;
        assert_eq!(answer.matches("HTTP/1.1 200 OK\r\n").count(), 3, "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 204 No Content\r\n").count(), 1, "{answer}");
        assert_eq!(answer.matches("\"result\":\"foobar\"").count(), 3, "{answer}");
    });
}

#[test]
fn a_body_that_waits_to_be_asked_for_is_asked_for() {
    run(async |ex| {
        let server = server(&ex, HttpSettings::offering(["*"])).await;
        let request = post("Expect: 100-continue\r\nConnection: close\r\n", CALL);
        let (head, body) = request.split_at(request.len() - CALL.len());
        let mut stream = TcpStream::connect(server.http().unwrap()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(http(&answer).0, 200);
    });
}

#[test]
fn hosts_and_origins_that_are_not_named_are_refused() {
    run(async |ex| {
        let http_settings = HttpSettings {
            hosts: vec!["node.example.org".to_owned()],
            origins: vec!["https://chat.example.org".to_owned()],
            ..HttpSettings::offering(["*"])
        };
        let server = server(&ex, http_settings).await;
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
        for (headers, welcome) in [
            ("Host: localhost:1\r\n", true),
            ("Host: node.example.org\r\n", true),
            ("Host: evil.org\r\n", false),
            ("Host: localhost\r\nOrigin: https://chat.example.org\r\n", true),
            ("Host: localhost\r\nOrigin: https://evil.org\r\n", false),
        ] {
            let kind = "Content-Type: application/json\r\nConnection: close\r\n";
            let request = format!("POST / HTTP/1.1\r\n{headers}{kind}Content-Length: {}\r\n\r\n{CALL}", CALL.len());
            let (status, body) = http(&answered(server.http().unwrap(), request).await);
            assert_eq!(status, if welcome { 200 } else { 403 }, "{headers}");
            if !welcome {
                assert_eq!(code_of(&body), code::NOT_ALLOWED);
            }
            let request = format!("GET / HTTP/1.1\r\n{headers}{upgrade}\r\n");
            let answer = answered(server.websocket().unwrap(), request).await;
            let status = if welcome { "HTTP/1.1 101 " } else { "HTTP/1.1 403 " };
            assert!(answer.starts_with(status), "{headers}");
        }
    });
}

#[test]
fn a_page_that_may_call_is_told_so_before_it_does() {
    run(async |ex| {
        let origins = vec!["https://chat.example.org".to_owned()];
        let server = server(&ex, HttpSettings { origins, ..HttpSettings::offering(["*"]) }).await;
        let ask = |origin: &str| {
            format!(
                "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
            )
        };
        let answer = answered(server.http().unwrap(), ask("https://chat.example.org")).await;
        assert!(
            answer.starts_with("HTTP/1.1 204 ") && answer.contains("Access-Control-Allow-Methods: POST\r\n"),
            "{answer}"
        );
        assert!(answer.contains("Access-Control-Allow-Origin: https://chat.example.org\r\n"), "{answer}");
        let answer = answered(server.http().unwrap(), ask("https://evil.org")).await;
        assert!(answer.starts_with("HTTP/1.1 403 ") && !answer.contains("Access-Control"), "{answer}");
    });
}

#[test]
fn a_token_is_asked_for_over_http_and_websocket() {
    run(async |ex| {
        let token = Some("0123456789abcdef".to_owned().into());
        let server = server(&ex, HttpSettings { token, ..HttpSettings::offering(["*"]) }).await;
        let (status, body) = http(&answered(server.http().unwrap(), post("", CALL)).await);
        assert_eq!((status, code_of(&body)), (401, code::NOT_ALLOWED));
        for address in [format!("http://{}", server.http().unwrap()), format!("ws://{}", server.websocket().unwrap())] {
            for wrong in [None, Some("0123456789abcdeF")] {
                let connected = Client::connect_with_token(&ex, &address, wrong).await;
                let outcome = match connected {
                    Ok(client) => FooClient::from(client).hello_world().await,
                    Err(error) => Err(error),
                };
                let refused = match &outcome {
                    Err(CallError::Rpc(error)) => error.code == code::NOT_ALLOWED,
                    Err(CallError::Connect { problem, .. }) => problem.contains("401"),
                    _ => false,
                };
                assert!(refused, "{address} {outcome:?}");
            }
            let client = Client::connect_with_token(&ex, &address, Some("0123456789abcdef")).await.unwrap();
            assert_eq!(FooClient::from(client).hello_world().await.unwrap(), "foobar", "{address}");
        }
    });
}

#[test]
fn who_sends_a_byte_now_and_then_is_told_when_the_time_is_up() {
    run(async |ex| {
        let (clock, limits) = (Clock::simulated(), RpcLimits::default());
        let patience = limits.read_timeout;
        let settings = RpcSettings { http: Some(HttpSettings::offering(["*"])), limits, ..RpcSettings::default() };
        let server = Server::start_with_clock(apis(), settings, clock.clone(), &ex).await.unwrap();
        let mut stream = TcpStream::connect(server.http().unwrap()).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nHost: lo").await.unwrap();
        // Time passes only when the server sleeps on it, first for the connection and then for the request.
        let read = async {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let pass = async {
            loop {
                // Longer than any turn of the loop takes: the server has read what there is.
                smol::unblock(std::thread::yield_now).await;
                clock.advance(patience + Duration::from_secs(1));
            }
        };
        let answer = smol::future::or(read, pass).await;
        assert_eq!(http(&answer).0, 408, "{answer}");
    });
}
