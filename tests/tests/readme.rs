//! The code of the README, which compiles here and nowhere else: a block is what stands between anchors of this file.

use std::error::Error;

use p2p_net::rpc::{Admin, Apis, IpcSettings, RpcSettings, Server};
use p2p_net::testing;

// ANCHOR: plugin
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 4096)]
struct Say {
    text: String,
}

#[protocol(sessions = !SEED)]
async fn shout(say: Say, channel: &Channel) -> Result<()> {
    log::info!("{}: {}", channel.peer_id(), say.text);
    Ok(())
}
// ANCHOR_END: plugin

#[allow(dead_code, reason = "it listens at a fixed port and visits a seed that is not there: compiled, and not run")]
async fn node() -> Result<(), Box<dyn Error>> {
    // ANCHOR: node
    use std::sync::Arc;

    use p2p_net::{P2p, Settings};
    use p2p_protocols as _; // version, ping and address

    let ex = Arc::new(smol::Executor::new());
    let settings = Settings {
        listen: vec!["tls://0.0.0.0:9000".parse()?],
        seeds: vec!["tls://seed.example.org:9000".parse()?],
        ..Settings::default()
    };
    let p2p = P2p::new(settings).await?;
    p2p.clone().start(ex.clone()).await?; // listens, visits the seeds
    let run = ex.spawn(p2p.clone().run(ex.clone())); // until somebody stops it
    p2p.stop().await; // nothing is left
    run.await?;
    // ANCHOR_END: node
    Ok(())
}

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 8, reply = Answer)]
struct Ask(u32);

#[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
#[message(max_bytes = 8)]
struct Answer(u32);

#[protocol]
async fn answers(Ask(number): Ask) -> Answer {
    Answer(number)
}

#[test]
fn the_test_that_is_shown_holds() {
    // ANCHOR: test
    testing::pair().with::<answers>().run(async |[alice, bob]| {
        assert_eq!(alice.to(&bob).request(Ask(7)).await, Ok(Answer(7)));
    });
    // ANCHOR_END: test
}

#[allow(dead_code, reason = "it makes a socket where it is started: compiled, and not run")]
async fn api(p2p: P2pPtr, ex: std::sync::Arc<smol::Executor<'static>>) -> Result<(), Box<dyn Error>> {
    struct Chat {
        p2p: P2pPtr,
    }

    // ANCHOR: api
    #[rpc(namespace = "chat")]
    impl Chat {
        async fn send_message(&self, text: String) -> Result<usize> {
            Ok(self.p2p.broadcast(&Say { text }).await.len())
        }
    }

    let apis = Apis::new().with(Admin::new(p2p.clone()))?.with(Chat { p2p })?;
    let settings = RpcSettings { ipc: Some(IpcSettings::at("node.ipc")), ..RpcSettings::default() };
    let server = Server::start(apis, settings, &ex).await?;
    // ANCHOR_END: api
    server.stop().await;
    Ok(())
}

/// Without what a formatter may change.
fn words(code: &str) -> String {
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_block_is_code_of_this_file() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let blocks: Vec<_> =
        readme.split("```rust\n").skip(1).map(|rest| words(rest.split("```").next().unwrap())).collect();
    let code = |anchor: &str| {
        let (_, rest) = include_str!("readme.rs").split_once(&format!("// ANCHOR: {anchor}\n")).unwrap();
        words(rest.split_once(&format!("// ANCHOR_END: {anchor}\n")).unwrap().0)
    };
    assert_eq!(blocks, ["plugin", "node", "test", "api"].map(code));
}
