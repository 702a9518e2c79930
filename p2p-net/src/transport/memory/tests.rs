//! What the network in memory promises, in virtual time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::transport::{Connection, DialError, HandshakeError, ListenError, Listener, Transport};
use futures::{AsyncReadExt, AsyncWriteExt};

const MS: Duration = Duration::from_millis(1);

fn network(seed: u64) -> (Clock, MemoryNetwork) {
    let clock = Clock::simulated();
    (clock.clone(), MemoryNetwork::new(clock, seed))
}

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_bytes([seed; 32])
}

/// Runs a future to its end, moving time on whenever nothing else can happen.
fn run<T: 'static>(clock: &Clock, future: impl Future<Output = T> + 'static) -> T {
    let ex = smol::LocalExecutor::new();
    let task = ex.spawn(future);
    loop {
        while ex.try_tick() {}
        if task.is_finished() {
            return smol::block_on(task);
        }
        assert!(clock.advance(Duration::MAX), "everybody waits for ever");
    }
}

async fn accept(listener: &dyn Listener) -> Result<Connection, HandshakeError> {
    listener.accept().await.unwrap().handshake.await
}

/// A connection from host a to host b, and b's listener.
async fn connected(network: &MemoryNetwork) -> (Connection, Connection, Box<dyn Listener>) {
    let (a, b) = (network.transport("a", &secret(1)), network.transport("b", &secret(2)));
    let listener = b.listen(&"memory://b:0".parse().unwrap()).await.unwrap();
    let url = listener.url();
    let (dialed, accepted) = futures::join!(a.dial(&url), accept(&*listener));
    (dialed.unwrap(), accepted.unwrap(), listener)
}

#[test]
fn both_ends_know_each_other_and_a_dial_costs_one_round_trip() {
    let (clock, network) = network(1);
    network.set_link("a", "b", Link::with_latency(10 * MS));
    network.set_link("b", "a", Link::with_latency(30 * MS));
    run(&clock.clone(), async move {
        let b = network.transport("b", &secret(2));
        let listener = b.listen(&"memory://b:7".parse().unwrap()).await.unwrap();
        let (url, a) = (listener.url(), network.transport("A", &secret(1)));
        let dialing = async { (a.dial(&url).await.unwrap(), clock.elapsed()) };
        let accepting = async { (accept(&*listener).await.unwrap(), clock.elapsed()) };
        let ((dialed, connected), (accepted, proven)) = futures::join!(dialing, accepting);
        assert_eq!((dialed.peer, accepted.peer), (secret(2).id(), secret(1).id()));
        assert_eq!((dialed.remote.to_string(), accepted.remote.to_string()), ("b".into(), "a".into()));
        assert_eq!((connected, proven), (40 * MS, 50 * MS));
    });
}

#[test]
fn an_unexpected_key_is_reported_and_refused_on_both_sides() {
    let (clock, network) = network(1);
    run(&clock, async move {
        let (a, b) = (network.transport("a", &secret(1)), network.transport("b", &secret(2)));
        let listener = b.listen(&"memory://b:0".parse().unwrap()).await.unwrap();
        let url = listener.url().with_id(secret(3).id());
        let (dialed, accepted) = futures::join!(a.dial(&url), accept(&*listener));
        match dialed.unwrap_err() {
            DialError::UnexpectedIdentity { expected, found } => {
                assert_eq!((expected, found), (secret(3).id(), secret(2).id()));
            }
            other => panic!("{other}"),
        }
        assert!(matches!(accepted, Err(HandshakeError::Closed)));
        assert_eq!(network.live_connections(), 0);
    });
}

#[test]
fn ports_are_taken_chosen_and_given_back() {
    let (clock, network) = network(1);
    run(&clock, async move {
        let a = network.transport("a", &secret(1));
        let listen = async |text: &str| a.listen(&text.parse().unwrap()).await;
        let first = listen("memory://a:1").await.unwrap();
        assert_eq!(listen("memory://a:0").await.unwrap().url().port(), 2);
        assert!(matches!(listen("memory://a:1").await, Err(ListenError::Bind { .. })));
        assert!(matches!(listen("memory://b:1").await, Err(ListenError::Bind { .. })), "not our host");
        let url = first.url();
        drop(first);
        match a.dial(&url).await.unwrap_err() {
            DialError::Connect { source, .. } => assert_eq!(source.kind(), ErrorKind::ConnectionRefused),
            other => panic!("{other}"),
        }
        listen("memory://a:1").await.unwrap();
    });
}

#[test]
fn bytes_arrive_in_order_after_the_latency_and_then_the_end() {
    let (clock, network) = network(1);
    run(&clock.clone(), async move {
        let (mut a, mut b, _listener) = connected(&network).await;
        network.set_default_link(Link { latency: 10 * MS, jitter: 20 * MS, ..Link::default() });
        let start = clock.elapsed();
        for n in 0..100 {
            a.writer.write_all(&[n]).await.unwrap();
        }
        a.writer.close().await.unwrap();
        let mut received = Vec::new();
        b.reader.read_to_end(&mut received).await.unwrap();
        assert!(received.into_iter().eq(0..100));
        let took = clock.elapsed() - start;
        assert!((10 * MS..=30 * MS).contains(&took), "{took:?}");
        b.writer.write_all(b"the other way is open").await.unwrap();
        a.reader.read_exact(&mut [0; 21]).await.unwrap();
    });
}

#[test]
fn a_writer_waits_while_the_pipe_is_full() {
    let (clock, network) = network(1);
    run(&clock, async move {
        let (mut a, mut b, _listener) = connected(&network).await;
        let more = vec![7; 3 * PIPE_BYTES];
        assert!(futures::poll!(Box::pin(a.writer.write_all(&more))).is_pending());
        let mut received = vec![0; PIPE_BYTES];
        b.reader.read_exact(&mut received).await.unwrap();
        assert!(futures::poll!(b.reader.read(&mut [0])).is_pending(), "no more than a pipe holds was taken");
        let (sent, got) = futures::join!(a.writer.write_all(&more), async {
            let mut received = vec![0; more.len()];
            b.reader.read_exact(&mut received).await
        });
        sent.unwrap();
        got.unwrap();
    });
}

#[test]
fn a_cut_withholds_all_until_it_heals() {
    let (clock, network) = network(1);
    network.set_default_link(Link::with_latency(5 * MS));
    run(&clock.clone(), async move {
        let (mut a, mut b, listener) = connected(&network).await;
        a.writer.write_all(b"on its way ").await.unwrap();
        network.cut("b", "a");
        a.writer.write_all(b"and later").await.unwrap();
        let mut received = [0; 20];
        assert!(clock.timeout(1000 * MS, b.reader.read(&mut received)).await.is_err());
        let (dialer, url) = (network.transport("a", &secret(1)), listener.url());
        let mut dialing = Box::pin(async { futures::join!(dialer.dial(&url), accept(&*listener)) });
        assert!(clock.timeout(1000 * MS, &mut dialing).await.is_err(), "a dial hangs");
        network.heal("a", "b");
        b.reader.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"on its way and later");
        let (dialed, accepted) = dialing.await;
        assert!(dialed.is_ok() && accepted.is_ok(), "the dial that hung goes on");
    });
}

#[test]
fn a_crash_resets_connections_and_ends_listeners() {
    let (clock, network) = network(1);
    run(&clock, async move {
        let (mut a, b, listener) = connected(&network).await;
        let mut buf = [0; 8];
        let waiting = a.reader.read(&mut buf);
        network.crash("b");
        assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(a.writer.write(b"x").await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(listener.accept().await.unwrap_err().kind(), ErrorKind::NotConnected);
        let again = network.transport("b", &secret(2)).listen(&listener.url()).await.unwrap();
        drop(listener);
        let dialer = network.transport("a", &secret(1));
        let url = again.url();
        let (dialed, _accepted) = futures::join!(dialer.dial(&url), accept(&*again));
        assert!(dialed.is_ok(), "the host is back, and the old listener took nothing with it");
        drop((a, b));
    });
}

#[test]
fn a_reset_touches_only_the_two_hosts() {
    let (clock, network) = network(1);
    run(&clock, async move {
        let (mut a, mut b, listener) = connected(&network).await;
        let (c, url) = (network.transport("c", &secret(3)), listener.url());
        let (from_c, at_b) = futures::join!(c.dial(&url), accept(&*listener));
        network.reset("a", "b");
        for reader in [&mut a.reader, &mut b.reader] {
            assert_eq!(reader.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
        from_c.unwrap().writer.write_all(b"x").await.unwrap();
        at_b.unwrap().reader.read_exact(&mut [0]).await.unwrap();
    });
}

#[test]
fn dropping_an_end_is_noticed_and_leaves_nothing() {
    let (clock, network) = network(1);
    run(&clock.clone(), async move {
        let (a, mut b, listener) = connected(&network).await;
        assert_eq!(network.live_connections(), 1);
        drop(a.reader);
        b.writer.write_all(b"half is left, so nothing is told").await.unwrap();
        drop(a.writer);
        assert_eq!(b.reader.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(b.writer.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        drop((b.reader, b.writer));
        assert_eq!(network.live_connections(), 0);
        network.set_default_link(Link::with_latency(10 * MS));
        let (dialer, url) = (network.transport("a", &secret(1)), listener.url());
        clock.timeout(15 * MS, dialer.dial(&url)).await.unwrap_err();
        assert_eq!(network.live_connections(), 1, "what arrived still waits to be accepted");
        drop(listener);
        assert_eq!(network.live_connections(), 0, "neither a cancelled dial nor an unaccepted connection stays");
    });
}

#[test]
fn a_full_backlog_refuses() {
    let (clock, network) = network(1);
    run(&clock, async move {
        let (a, b) = (network.transport("a", &secret(1)), network.transport("b", &secret(2)));
        let listener = b.listen(&"memory://b:1".parse().unwrap()).await.unwrap();
        let mut kept = Vec::new();
        for _ in 0..BACKLOG {
            kept.push(a.dial(&listener.url()).await.unwrap());
        }
        assert!(matches!(a.dial(&listener.url()).await, Err(DialError::Connect { .. })));
        assert_eq!(network.live_connections(), BACKLOG);
        accept(&*listener).await.unwrap();
        a.dial(&listener.url()).await.unwrap();
    });
}

/// Everything that eight chattering hosts on jittery links see, in order, with its time.
fn trace(seed: u64) -> Vec<(Duration, usize, usize)> {
    let (clock, network) = network(seed);
    network.set_default_link(Link { latency: 10 * MS, jitter: 10 * MS, ..Link::default() });
    let trace = Arc::new(Mutex::new(Vec::new()));
    let all = async move |clock: Clock, network: MemoryNetwork, trace: Arc<Mutex<Vec<_>>>| {
        let server = network.transport("server", &secret(100));
        let listener = server.listen(&"memory://server:1".parse().unwrap()).await.unwrap();
        let talk = async |host: usize| {
            let client = network.transport(&format!("host{host}"), &secret(host as u8));
            let mut connection = client.dial(&"memory://server:1".parse().unwrap()).await.unwrap();
            for round in 0..20 {
                connection.writer.write_all(&[host as u8; 100]).await.unwrap();
                connection.reader.read_exact(&mut [0; 100]).await.unwrap();
                trace.lock().unwrap().push((clock.elapsed(), host, round));
            }
        };
        let echo = async || {
            let mut connection = accept(&*listener).await.unwrap();
            futures::io::copy(&mut connection.reader, &mut connection.writer).await.unwrap();
        };
        let (talks, echoes) = ((0..8).map(talk), (0..8).map(|_| echo()));
        futures::join!(futures::future::join_all(talks), futures::future::join_all(echoes));
    };
    run(&clock.clone(), all(clock, network, trace.clone()));
    trace.lock().unwrap().clone()
}

#[test]
fn one_seed_gives_one_trace_and_another_a_different_one() {
    assert_eq!(trace(7).len(), 160);
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}
