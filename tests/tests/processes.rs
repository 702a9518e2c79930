//! The example programs as a user runs them: processes of their own, over loopback, told what to do by their standard
//! input and by signals, judged by their output and exit codes.
//!
//! The programs are those that `cargo test --workspace` built beside this test.
#![cfg(unix)]

#[path = "processes/process.rs"]
mod process;

use std::path::Path;

use p2p_net::settings::Settings;
use p2p_tests::folder::Folder;
use process::Process;

/// Settings with which a silent peer is dropped, and dialled again, in a few seconds: a file in `folder`.
fn impatient(folder: &Folder) -> String {
    let limits =
        "heartbeat_interval = '500ms'\nrequest_timeout = '2s'\nreconnect_min = '200ms'\nreconnect_max = '1s'\n";
    let text = format!("[limits]\n{limits}");
    Settings::from_toml(&text).unwrap().validate().unwrap();
    let path = of(folder, "impatient.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// What is called `name` in `folder`, as an argument.
fn of(folder: &Folder, name: &str) -> String {
    folder.file(name).display().to_string()
}

/// A seed and nodes that know nothing but its address.
struct Town {
    folder: Folder,
    seed: Process,
    url: String,
}

/// A dchat process and how others see it.
struct Citizen {
    /// `name (short id…)`, as everybody prints it.
    shown: String,
    process: Process,
}

impl Town {
    fn new() -> Self {
        let folder = Folder::temporary();
        let mut seed =
            Process::start("seed", "seed", &["--listen", "tls://127.0.0.1:0", "--data", &of(&folder, "seed")]);
        let url = seed.line(|line| line.starts_with("tls://"));
        Self { folder, seed, url }
    }

    /// Starts a node; the same name has the same key.
    fn citizen(&self, name: &'static str) -> Citizen {
        let (data, config) = (of(&self.folder, name), impatient(&self.folder));
        let listen = "tls://127.0.0.1:0";
        let args = ["--name", name, "--listen", listen, "--seed", &self.url, "--data", &data, "--config", &config];
        let mut process = Process::start(name, "dchat", &args);
        let line = process.line(|line| line.contains(" is here, at tls://"));
        let shown = line.split(" is here").next().unwrap().to_owned();
        assert!(shown.starts_with(&format!("{name} (")) && shown.ends_with("…)"), "{line}");
        Citizen { shown, process }
    }

    fn citizens<const N: usize>(&self, names: [&'static str; N]) -> [Citizen; N] {
        let mut citizens = names.map(|name| self.citizen(name));
        meet(&mut citizens);
        citizens
    }

    fn close(mut self) {
        self.seed.signal("TERM");
        self.seed.ends_well();
    }
}

impl Citizen {
    fn sees(&mut self, sign: char, other: &str) -> String {
        let start = format!("{sign} {other} ");
        self.process.line(|line| line.starts_with(&start))
    }

    fn hears(&mut self, other: &str, text: &str) {
        let expected = format!("{other}: {text}");
        self.process.line(|line| line == expected);
    }
}

/// Everybody sees everybody else come.
fn meet(citizens: &mut [Citizen]) {
    let shown: Vec<_> = citizens.iter().map(|citizen| citizen.shown.clone()).collect();
    for citizen in citizens {
        let own = citizen.shown.clone();
        for other in shown.iter().filter(|other| **other != own) {
            citizen.sees('+', other);
        }
    }
}

/// `citizens[from]` says something that each of `to` hears.
fn say(citizens: &mut [Citizen], from: usize, to: &[usize], text: &str) {
    citizens[from].process.type_line(text);
    let speaker = citizens[from].shown.clone();
    for &listener in to {
        citizens[listener].hears(&speaker, text);
    }
}

#[test]
fn nodes_find_each_other_through_a_seed_survive_a_crash_and_stop_when_told() {
    let town = Town::new();
    let mut all = town.citizens(["alice", "bob", "carol"]);
    for from in 0..3 {
        let others: Vec<_> = (0..3).filter(|other| *other != from).collect();
        say(&mut all, from, &others, &format!("line {from}"));
    }

    all[1].process.signal("KILL");
    all[1].process.is_killed();
    let bob = all[1].shown.clone();
    for survivor in [0, 2] {
        let left = all[survivor].sees('-', &bob);
        assert!(left.contains(" left: "), "{left}");
    }
    say(&mut all, 0, &[2], "who was that?");
    say(&mut all, 2, &[0], "bob");

    all[1] = town.citizen("bob");
    assert_eq!(all[1].shown, bob, "the same folder is the same node");
    for survivor in [0, 2] {
        let survivor_shown = all[survivor].shown.clone();
        all[survivor].sees('+', &bob);
        all[1].sees('+', &survivor_shown);
    }
    say(&mut all, 1, &[0, 2], "I am back");
    say(&mut all, 0, &[1, 2], "welcome");

    let [mut alice, mut bob, mut carol] = all;
    alice.process.type_line("/peers");
    alice.process.line(|line| line == "2 peers");
    alice.process.type_line("/quit");
    alice.process.ends_well();
    let left = bob.sees('-', &alice.shown);
    assert!(left.contains("the node is shutting down (by the peer)"), "{left}");
    bob.process.signal("INT");
    bob.process.ends_well();
    carol.sees('-', &alice.shown);
    carol.sees('-', &bob.shown);
    carol.process.type_line("anybody?");
    carol.process.line(|line| line == "! nobody is here to hear it");
    carol.process.close_input();
    carol.process.ends_well();
    town.close();
}

#[test]
fn a_stopped_peer_delays_nobody_is_dropped_and_comes_back() {
    let town = Town::new();
    let mut all = town.citizens(["alice", "bob", "carol"]);
    let bob = all[1].shown.clone();

    all[1].process.signal("STOP");
    for round in 0..10 {
        say(&mut all, 0, &[2], &format!("round {round}"));
    }
    for other in [0, 2] {
        let left = all[other].sees('-', &bob);
        assert!(left.contains("ping"), "{left}");
    }
    say(&mut all, 2, &[0], "bob is gone");

    all[1].process.signal("CONT");
    for other in [0, 2] {
        all[other].sees('+', &bob);
        // Bob too has dropped them by now, and only a channel both ends know of carries what he says next.
        let shown = all[other].shown.clone();
        all[1].sees('-', &shown);
        all[1].sees('+', &shown);
    }
    say(&mut all, 0, &[1, 2], "there you are");
    say(&mut all, 1, &[0, 2], "did I miss anything?");
    for citizen in &mut all {
        citizen.process.type_line("/quit");
        citizen.process.ends_well();
    }
    town.close();
}

#[test]
fn the_demonstration_says_who_heard_what_from_whom() {
    let mut demo = Process::start("demo", "dchat", &[]);
    for listener in ["alice", "bob", "carol"] {
        for speaker in ["alice", "bob", "carol"].into_iter().filter(|speaker| *speaker != listener) {
            let (start, end) = (format!("{listener} ("), format!("…): hello, {speaker} is here"));
            let middle = format!("…) heard {speaker} (");
            demo.line(|line| line.starts_with(&start) && line.contains(&middle) && line.ends_with(&end));
        }
    }
    demo.line(|line| line == "everybody heard everybody");
    demo.ends_well();
}

#[test]
fn a_node_starts_runs_and_stops() {
    let mut program = Process::start("start_run_stop", "start_run_stop", &[]);
    program.line(|line| line == "INFO net: Not configured for accepting incoming connections.");
    program.line(|line| line.ends_with(" started, ran and stopped: Stopped"));
    program.ends_well();
}

#[test]
fn wrong_arguments_are_explained() {
    let folder = Folder::temporary();
    std::fs::write(of(&folder, "typo.toml"), "max_pears = 3\n").unwrap();
    let typo = of(&folder, "typo.toml");
    for (args, code, expected) in [
        (&["--listen", "tls://127.0.0.1:0"][..], 2, "--name <NAME>"),
        (&["--name", "a", "--listen", "127.0.0.1:9000"], 2, "a node url begins with a scheme"),
        (&["--name", "a/b"], 2, "a name has 1 to 32 bytes"),
        (&["--name", "a", "--config", "/nowhere.toml"], 1, "/nowhere.toml: No such file"),
        (&["--name", "a", "--config", &typo], 1, "did you mean `max_peers`?"),
        (&["--name", "a", "--seed", "tls://127.0.0.1:0"], 1, "leads nowhere"),
    ] {
        let mut program = Process::start("arguments", "dchat", args);
        program.ends_with(code);
        assert!(program.errors().contains(expected), "{args:?}: {}", program.errors());
    }
    assert!(Path::new(&typo).exists());
}
