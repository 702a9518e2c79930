//! A subscriber that does not read.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;

use p2p_net::rpc::{Apis, RpcLimits, RpcSettings, Server, TcpSettings};
use serde_json::Value;

use super::apis::{Foo, FooClient, run};

/// More notifications than the system keeps for a socket that nobody reads: some 30 MB.
const MADE: u64 = 300_000;

#[test]
fn a_slow_subscriber_loses_the_oldest_is_told_how_many_and_stalls_nobody() {
    run(async |ex| {
        let foo = Arc::new(Foo::default());
        let limits = RpcLimits { queued_notifications: 64, ..RpcLimits::default() };
        let settings = RpcSettings { tcp: Some(TcpSettings::offering(["*"])), limits, ..RpcSettings::default() };
        let server = Server::start(Apis::new().with_shared(foo.clone()).unwrap(), settings, &ex).await.unwrap();
        let mut slow = TcpStream::connect(server.tcp().unwrap()).unwrap();
        slow.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"foo_subscribe\",\"params\":[\"endless\",1]}\n")
            .unwrap();
        let client = FooClient::from(server.client());
        while foo.left_out() < MADE {
            assert_eq!(client.hello_world().await.unwrap(), "foobar", "others are served meanwhile");
        }
        // From here on it reads, up to a number that was made after the others were lost.
        let lost = smol::unblock(move || read_up_to(slow, MADE)).await;
        assert!(lost > 0, "the system kept {MADE} notifications: make more");
        server.stop().await;
        assert_eq!(server.task_count(), 0);
    });
}

/// Every number comes in order, or is counted as lost; how many are.
fn read_up_to(stream: TcpStream, last: u64) -> u64 {
    let mut lines = BufReader::new(stream).lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let subscribed = lines.next().unwrap();
    let id = subscribed["result"].as_str().expect("the id comes first").to_owned();
    let (mut next, mut lost) = (1, 0);
    while next <= last {
        let told = lines.next().unwrap();
        assert_eq!(told["method"], "foo_subscription");
        let params = &told["params"];
        assert_eq!(params["subscription"], id.as_str());
        let missing = params["lost"].as_u64().unwrap_or(0);
        assert_eq!(params["result"], next + missing, "the numbers before it were said to be lost");
        (next, lost) = (next + missing + 1, lost + missing);
    }
    lost
}
