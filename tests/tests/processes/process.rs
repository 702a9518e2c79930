//! One process: its lines, its input, the signals it gets, and its end.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use p2p_net::clock::Clock;

/// How long a line or an end is waited for: many times what it takes, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lines that may be unread: more than a test lets any program say.
const UNREAD: usize = 10_000;

/// A running program; killed when dropped.
pub struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Lines that were not what anybody waited for yet.
    waiting: VecDeque<String>,
    errors: Arc<Mutex<String>>,
    errors_done: Receiver<()>,
}

impl Process {
    /// Starts the example `program`.
    pub fn start(name: &str, program: &str, args: &[&str]) -> Self {
        let mut command = Command::new(example(program));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, lines) = sync_channel(UNREAD);
        std::thread::spawn(move || pass_on(BufReader::new(output), &sender));
        let (done, errors_done) = sync_channel(1);
        let (mut stderr, errors) = (child.stderr.take().unwrap(), Arc::new(Mutex::new(String::new())));
        let kept = errors.clone();
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            *kept.lock().unwrap() = String::from_utf8_lossy(&text).into_owned();
            let _ = done.send(());
        });
        Self { name: name.to_owned(), child, input, lines, waiting: VecDeque::new(), errors, errors_done }
    }

    /// The first line that is `wanted`, said already or still to come; lines before it stay for later.
    pub fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        if let Some(at) = self.waiting.iter().position(|line| wanted(line)) {
            return self.waiting.remove(at).unwrap();
        }
        let clock = Clock::real();
        let deadline = clock.now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(clock.now())) {
                Ok(line) if wanted(&line) => return line,
                Ok(line) => self.waiting.push_back(line),
                Err(error) => panic!("{}: {error}; unexpected so far: {:#?}", self.name, self.waiting),
            }
        }
    }

    /// Whether it said a line that is `wanted` by now; all lines stay for later.
    #[allow(dead_code, reason = "not every test asks")]
    pub fn has_line(&mut self, wanted: impl Fn(&str) -> bool) -> bool {
        self.waiting.extend(self.lines.try_iter());
        self.waiting.iter().any(|line| wanted(line))
    }

    /// Its number.
    #[allow(dead_code, reason = "not every test asks")]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Closes its standard input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Sends a signal, by its name without `SIG`.
    pub fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    /// Waits for its end, which is a good one.
    pub fn ends_well(&mut self) {
        self.ends_with(0);
    }

    /// Waits for its end, with this exit code.
    pub fn ends_with(&mut self, code: i32) {
        let status = self.wait();
        let (name, errors, waiting) = (&self.name, self.errors(), &self.waiting);
        assert_eq!(status.code(), Some(code), "{name}: {status}; errors: {errors}; unread: {waiting:#?}");
    }

    /// Waits for its end by a signal.
    pub fn is_killed(&mut self) {
        let status = self.wait();
        assert_eq!(status.code(), None, "{}: {status}", self.name);
    }

    /// What it wrote to standard error, once it has ended.
    pub fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// A process has ended when its output has: only then is `wait` asked, which knows no deadline.
    fn wait(&mut self) -> ExitStatus {
        let clock = Clock::real();
        let deadline = clock.now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(clock.now())) {
                Ok(line) => self.waiting.push_back(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("{} does not end: {:#?}", self.name, self.waiting),
            }
        }
        let _ = self.errors_done.recv_timeout(PATIENCE);
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{} also said {:#?}; errors: {}", self.name, self.waiting, self.errors());
        }
    }
}

fn pass_on(output: impl BufRead, sender: &SyncSender<String>) {
    for line in output.lines() {
        let Ok(line) = line else { return };
        if sender.send(line).is_err() {
            return;
        }
    }
}

/// The example, in `examples` beside the folder of this test.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing: `cargo test --workspace` builds it, and so does `cargo build -p p2p-examples --examples`",
        path.display()
    );
    path
}
