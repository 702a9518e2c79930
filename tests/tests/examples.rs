//! The small examples as a user runs them: each checks itself, and says by its exit code whether it holds.
//!
//! The programs are those that `cargo test --workspace` built beside this test.
#![cfg(unix)]

#[allow(dead_code, reason = "these programs are told nothing and end by themselves")]
#[path = "processes/process.rs"]
mod process;

use process::Process;

/// Those with a test of their own: they take arguments, input and signals.
const ELSEWHERE: [&str; 3] = ["dchat", "seed", "start_run_stop"];

const HERE: [&str; 9] = [
    "by_hand",
    "compose",
    "custom_handshake",
    "echo",
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
