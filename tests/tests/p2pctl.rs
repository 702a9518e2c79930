//! The program that calls the methods of a node, beside a node: two processes and a socket.
//!
//! The programs are those that `cargo test --workspace` built beside this test.
#![cfg(unix)]

#[allow(dead_code, reason = "not all that a process can do is asked of these")]
#[path = "processes/process.rs"]
mod process;

use p2p_tests::folder::Folder;
use process::Process;
use serde_json::Value;

/// A node that runs, and where it is.
struct Running {
    folder: Folder,
    process: Process,
    url: String,
    socket: String,
}

impl Running {
    fn new(name: &str) -> Self {
        Self::with(name, "")
    }

    /// With this text as its configuration.
    fn with(name: &str, config: &str) -> Self {
        let folder = Folder::temporary();
        std::fs::write(folder.file("config.toml"), config).unwrap();
        let mut process = Process::start(name, "node", &["--data", folder.path().to_str().unwrap()]);
        let url = process.line(|line| line.starts_with("tls://"));
        let socket = process.line(|line| line.ends_with("node.ipc"));
        Self { folder, process, url, socket }
    }

    fn id(&self) -> &str {
        self.url.trim_start_matches("tls://").split('@').next().unwrap()
    }

    /// Calls it over its socket.
    fn call(&self, args: &[&str]) -> Process {
        call(&[&["--ipc", &self.socket], args].concat())
    }

    /// What a call that ends well prints, as JSON.
    fn json(&self, args: &[&str]) -> Value {
        let mut call = self.call(&[&["--json"], args].concat());
        let line = call.line(|_| true);
        call.ends_well();
        serde_json::from_str(&line).unwrap()
    }

    fn stop(mut self) {
        self.process.signal("TERM");
        self.process.ends_well();
    }
}

fn call(args: &[&str]) -> Process {
    Process::start("p2pctl", "p2pctl", args)
}

/// What a call that fails says.
fn error(args: &[&str]) -> String {
    let mut call = call(args);
    call.ends_with(1);
    call.errors()
}

#[test]
fn peers_are_added_and_listed_as_a_table_and_as_json() {
    let (alice, bob) = (Running::new("alice"), Running::new("bob"));
    assert_eq!(alice.json(&["admin_addPeer", &bob.url]), true);
    let peers = alice.json(&["admin_peers"]);
    assert_eq!((peers.as_array().unwrap().len(), peers[0]["id"].as_str()), (1, Some(bob.id())));
    let mut table = alice.call(&["admin_peers"]);
    table.line(|line| line.split_whitespace().eq(["id", "name", "address", "inbound", "caps"]));
    table.line(|line| line.starts_with(bob.id()) && line.contains("127.0.0.1:") && line.contains("ping/1"));
    table.line(|line| line == "1 peers");
    table.ends_well();
    let mut info = bob.call(&["admin_nodeInfo"]);
    info.line(|line| line.split_whitespace().eq(["id", bob.id()]));
    info.line(|line| line.starts_with("ports.listener  "));
    info.ends_well();
    let mut modules = bob.call(&["rpc_modules"]);
    modules.line(|line| line.split_whitespace().eq(["admin", "1.0"]));
    modules.line(|line| line.split_whitespace().eq(["node", "1.0"]));
    modules.ends_well();
    assert_eq!(alice.json(&["admin_removePeer", bob.id()]), true);
    alice.stop();
    bob.stop();
}

#[test]
fn a_subscription_is_followed_until_it_is_interrupted() {
    let (alice, bob) = (Running::new("watched"), Running::new("passing"));
    let mut events = alice.call(&["admin_subscribe", "peerEvents", "false"]);
    // It has begun when the server knows it; until then the peer comes and goes again.
    let mut seen = false;
    while !seen {
        assert_eq!(alice.json(&["admin_addPeer", &bob.url]), true);
        assert_eq!(alice.json(&["admin_removePeer", bob.id()]), true);
        seen = events.has_line(|line| line.contains("\"add\"") && line.contains(bob.id()));
    }
    events.line(|line| line.contains("\"drop\"") && line.contains(bob.id()));
    events.signal("INT");
    events.ends_well();
    let mut wrong = alice.call(&["admin_subscribe"]);
    wrong.ends_with(1);
    assert_eq!(wrong.errors(), "error: a subscription is begun by its name: `admin_subscribe NAME ..`\n");
    alice.stop();
    bob.stop();
}

#[test]
fn what_goes_wrong_is_told_with_what_would_be_right() {
    let node = Running::new("wrong");
    let unknown = error(&["--ipc", &node.socket, "admin_peer"]);
    assert!(unknown.contains("method not found: `admin_peer`"), "{unknown}");
    assert!(unknown.ends_with(": did you mean `admin_peers`?\n"), "{unknown}");
    let params = error(&["--ipc", &node.socket, "admin_addPeer"]);
    assert!(params.contains("missing argument 1, `url`"), "{params}");
    let nowhere = error(&["--ipc", "/nowhere/node.ipc", "admin_peers"]);
    assert!(nowhere.starts_with("error: cannot connect: no node listens at /nowhere/node.ipc ("), "{nowhere}");
    let refused = error(&["--http", "http://127.0.0.1:1", "admin_peers"]);
    assert!(refused.starts_with("error: cannot connect"), "{refused}");
    let mut none = call(&["admin_peers"]);
    none.ends_with(2);
    assert!(none.errors().contains("--ipc <PATH>"), "{}", none.errors());
    node.stop();
}

#[test]
fn a_prompt_answers_line_by_line_and_survives_errors() {
    let node = Running::new("prompt");
    let mut prompt = node.call(&["attach"]);
    prompt.type_line("rpc_modules");
    prompt.line(|line| line.split_whitespace().eq(["admin", "1.0"]));
    prompt.type_line("admin_per");
    prompt.type_line("admin_removePeer \"nobody\"");
    prompt.type_line("methods");
    prompt.line(|line| line == "admin_nodeInfo");
    prompt.line(|line| line == "rpc.discover");
    prompt.type_line("help");
    prompt.line(|line| line.starts_with("METHOD [ARGUMENT..]"));
    prompt.type_line("exit");
    prompt.ends_well();
    assert!(prompt.errors().contains("did you mean `admin_peers`?"), "{}", prompt.errors());
    assert!(prompt.errors().contains("argument 1, `url`"), "{}", prompt.errors());

    let mut prompt = node.call(&["attach"]);
    prompt.type_line("rpc_modules");
    prompt.line(|line| line.starts_with("admin"));
    node.stop();
    prompt.type_line("rpc_modules");
    prompt.ends_with(1);
    assert!(prompt.errors().contains("the connection to the server is lost"), "{}", prompt.errors());
}

#[test]
fn every_transport_is_spoken_and_a_token_is_shown() {
    let (http, websocket, tcp) = (free_port(), free_port(), free_port());
    let token = "correct-horse-battery";
    let config = format!(
        "[rpc.http]\nlisten = \"{http}\"\napis = [\"admin\"]\ntoken = \"{token}\"\n\
         [rpc.websocket]\nlisten = \"{websocket}\"\napis = [\"*\"]\n\
         [rpc.tcp]\nlisten = \"{tcp}\"\napis = [\"*\"]\n"
    );
    let node = Running::with("transports", &config);
    for address in [
        &["--http", &http, "--token", token][..],
        &["--http", &format!("http://{http}"), "--token", token],
        &["--ws", &format!("ws://{websocket}")],
        &["--tcp", &tcp],
    ] {
        let mut call = call(&[address, &["--json", "admin_nodeInfo"]].concat());
        call.line(|line| line.contains(node.id()));
        call.ends_well();
    }
    let without = error(&["--http", &http, "admin_nodeInfo"]);
    assert!(without.contains("a token is missing") && without.ends_with(": give it with `--token`\n"), "{without}");
    let subscription = error(&["--http", &http, "--token", token, "admin_subscribe", "peerEvents"]);
    assert!(subscription.contains("subscriptions need a connection that stays"), "{subscription}");
    node.stop();
}

/// A port that was free a moment ago.
fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_second_process_on_one_folder_says_who_has_it() {
    let node = Running::new("folder");
    let folder = node.folder.path().to_str().unwrap();
    let mut second = Process::start("second", "node", &["--data", folder]);
    second.ends_with(1);
    let expected = format!("error: the data folder {folder} is in use by another node, process {}:", node.process.id());
    assert!(second.errors().starts_with(&expected), "{}", second.errors());
    // One that is killed leaves its lock to nobody.
    let Running { folder, mut process, url, .. } = node;
    process.signal("KILL");
    process.is_killed();
    let mut again = Process::start("again", "node", &["--data", folder.path().to_str().unwrap()]);
    let id = |url: &str| url.split('@').next().unwrap().to_owned();
    assert_eq!(id(&again.line(|line| line.starts_with("tls://"))), id(&url));
    again.signal("TERM");
    again.ends_well();
}
