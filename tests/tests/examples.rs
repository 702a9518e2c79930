//! The small examples as a user runs them: each checks itself, and says by its exit code whether it holds.
//!
//! The programs are those that `cargo test --workspace` built beside this test.
#![cfg(unix)]

#[allow(dead_code, reason = "these programs are told nothing and end by themselves")]
#[path = "processes/process.rs"]
mod process;

use process::Process;

/// Those with a test of their own: they take arguments, input and signals.
const ELSEWHERE: [&str; 6] = ["dchat", "node", "p2pctl", "rpc_node", "seed", "start_run_stop"];

const HERE: [&str; 32] = [
    "a1_server",
    "a2_connect",
    "a3_events",
    "a4_message",
    "a5_reply",
    "b1_rpc",
    "b2_method",
    "b3_message",
    "by_hand",
    "c1_stack",
    "c2_nodeinfo",
    "c3_service",
    "c4_full",
    "compose",
    "custom_handshake",
    "d1_protocols",
    "d2_multiservice",
    "e1_pss",
    "e2_routing",
    "e3_sym",
    "e4_raw",
    "e5_handshake",
    "e6_protocol",
    "e7_client",
    "echo",
    "f1_library",
    "f2_handler",
    "ping",
    "protocols",
    "request_reply",
    "shared_state",
    "streaming",
];

#[test]
fn every_example_holds() {
    for program in HERE {
        Process::start(program, program, &[]).ends_well();
    }
}

/// What runs over the relay in `e6_protocol` is what runs over a direct connection in `echo`.
#[test]
fn the_plugin_over_the_relay_is_that_of_echo() {
    let plugin = |program: &str| {
        let path = format!("{}/../examples/examples/{program}.rs", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let (_, rest) = text.split_once("// ANCHOR: plugin\n").unwrap();
        rest.split_once("// ANCHOR_END: plugin\n").unwrap().0.to_owned()
    };
    assert_eq!(plugin("e6_protocol"), plugin("echo"));
}

#[test]
fn a_node_with_an_rpc_says_where_it_is_reached_and_ends_with_its_input() {
    let mut program = Process::start("rpc_node", "rpc_node", &[]);
    program.line(|line| line.contains("\"http\":\"http://127.0.0.1:") && line.contains(".ipc\""));
    program.close_input();
    program.ends_well();
}

#[test]
fn protocols_are_printed_as_a_manifest_too() {
    let mut program = Process::start("protocols", "protocols", &["--json"]);
    program.line(|line| line == "  \"format\": 1,");
    program.line(|line| line.contains("\"docs\": \"A protocol of this program's own, beside the linked ones.\""));
    program.line(|line| line.contains("\"rows\": {"));
    program.ends_well();
    Process::start("protocols", "protocols", &["--jsno"]).ends_with(1);
}

#[test]
fn no_example_is_forgotten() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/examples");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let mut known: Vec<_> = HERE.iter().chain(&ELSEWHERE).map(|name| (*name).to_owned()).collect();
    found.sort();
    known.sort();
    assert_eq!(found, known);
}
