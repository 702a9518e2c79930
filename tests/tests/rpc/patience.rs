//! How long a caller is waited for: one that reads slowly, one that stops, one whose machine is gone.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use p2p_net::clock::Clock;
use p2p_net::rpc::{Client, RpcSettings, Server};
use p2p_tests::folder::Folder;
use smol::Executor;

use super::apis::{FooClient, apis, everything, run};
use super::raw::{frame, post, upgraded};

/// An answer of 24 MiB: more than the system keeps for a caller that does not read.
const CALL: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"foo_megabytes\",\"params\":[24]}";
const ANSWER: usize = 24 << 20;

trait Socket: Read + Write + Send {}

impl<S: Read + Write + Send> Socket for S {}

/// A server on a clock that its test moves.
async fn server(ex: &Arc<Executor<'static>>, folder: &Folder) -> (Server, Clock) {
    let (clock, settings) = (Clock::simulated(), RpcSettings { ..everything(folder) });
    assert_eq!(settings.limits.write_stall, Duration::from_secs(20));
    (Server::start_with_clock(apis(), settings, clock.clone(), ex).await.unwrap(), clock)
}

const TRANSPORTS: [&str; 4] = ["unix", "tcp", "http", "websocket"];

/// A connection over which the call has been sent.
async fn caller(server: &Server, transport: &str) -> Box<dyn Socket> {
    let (ipc, tcp) = (server.ipc().unwrap().to_owned(), server.tcp().unwrap());
    let (http, websocket, transport) = (server.http().unwrap(), server.websocket().unwrap(), transport.to_owned());
    smol::unblock(move || {
        let call = CALL.as_bytes();
        let (mut socket, sent): (Box<dyn Socket>, _) = match transport.as_str() {
            "unix" => (Box::new(UnixStream::connect(ipc).unwrap()), call.to_vec()),
            "tcp" => (Box::new(TcpStream::connect(tcp).unwrap()), call.to_vec()),
            "http" => (Box::new(TcpStream::connect(http).unwrap()), post("", CALL).into_bytes()),
            _ => (Box::new(upgraded(websocket)), frame(1, call)),
        };
        socket.write_all(&sent).unwrap();
        socket
    })
    .await
}

/// Takes a MiB; whether it came.
async fn take(mut socket: Box<dyn Socket>) -> (Box<dyn Socket>, bool) {
    smol::unblock(move || {
        let came = socket.read_exact(&mut vec![0; 1 << 20]).is_ok();
        (socket, came)
    })
    .await
}

fn pass(clock: &Clock, time: Duration) {
    clock.advance(clock.elapsed() + time);
}

#[test]
fn a_caller_that_reads_slowly_gets_all_there_is() {
    run(async |ex| {
        let folder = Folder::temporary();
        let (server, clock) = server(&ex, &folder).await;
        for transport in TRANSPORTS {
            let (before, mut socket) = (clock.elapsed(), caller(&server, transport).await);
            for taken in 0..ANSWER >> 20 {
                let came;
                (socket, came) = take(socket).await;
                assert!(came, "{transport}, after {taken} MiB");
                pass(&clock, Duration::from_secs(15));
            }
            let took = clock.elapsed() - before;
            assert!(took > Duration::from_secs(60), "{transport}: more than a caller may take nothing, not {took:?}");
        }
    });
}

#[test]
fn a_caller_that_stops_reading_is_dropped() {
    run(async |ex| {
        let folder = Folder::temporary();
        let (server, clock) = server(&ex, &folder).await;
        let listeners = server.task_count();
        let mut held = Vec::new();
        for transport in TRANSPORTS {
            let (socket, came) = take(caller(&server, transport).await).await;
            assert!(came);
            held.push(socket);
        }
        assert_eq!(server.task_count(), listeners + 4);
        let before = clock.elapsed();
        while server.task_count() > listeners {
            assert!(
                clock.elapsed() - before < Duration::from_secs(3_600),
                "{} are held",
                server.task_count() - listeners
            );
            pass(&clock, Duration::from_secs(1));
            // Longer than a turn of the loop takes: what there is room for goes before more time passes.
            smol::unblock(std::thread::yield_now).await;
        }
        assert!(clock.elapsed() - before >= Duration::from_secs(20), "not at once");
    });
}

/// The timer of each end of the connections at `port`, from the system's own table of them.
#[cfg(target_os = "linux")]
fn timers(port: u16) -> Vec<String> {
    const ESTABLISHED: &str = "01";
    let (table, port) = (std::fs::read_to_string("/proc/net/tcp").unwrap(), format!(":{port:04X}"));
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[3] == ESTABLISHED && (row[1].ends_with(&port) || row[2].ends_with(&port)))
        .map(|row| row[5][..2].to_owned())
        .collect()
}

#[test]
#[cfg(target_os = "linux")]
fn the_system_asks_both_ends_of_a_silent_connection_whether_the_other_is_there() {
    const NONE: &str = "00";
    const KEEP_ALIVE: &str = "02";
    run(async |ex| {
        let folder = Folder::temporary();
        let (server, _) = server(&ex, &folder).await;
        for (scheme, address) in [("tcp", server.tcp().unwrap()), ("ws", server.websocket().unwrap())] {
            let client = Client::connect(&ex, &format!("{scheme}://{address}")).await.unwrap();
            let foo = FooClient::from(client);
            assert_eq!(foo.hello_world().await.unwrap(), "foobar");
            // Until what was sent last is acknowledged, another timer runs.
            let mut found = timers(address.port());
            while found.iter().any(|timer| timer != KEEP_ALIVE) {
                assert!(found.len() == 2 && !found.contains(&NONE.to_owned()), "{scheme}: {found:?}");
                smol::future::yield_now().await;
                found = timers(address.port());
            }
        }
    });
}
