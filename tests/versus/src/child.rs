//! One measurement, one process: this program runs itself, so that memory, threads and processor time are clean.

use std::io::Write;
use std::process::{Command, Stdio, exit};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::contender::Contender;
use crate::outcome::{Failure, Outcome, Report};
use crate::work::Work;

/// The longest a measurement may take. The slowest, a thousand channels, takes some ten seconds on two busy cores.
const LIMIT: Duration = Duration::from_secs(90);

/// The most address space a measurement may take, in bytes: several times what any does, and less than hurts the machine.
const MEMORY: u64 = 8 << 30;

/// Lines of a failed child's error output that are kept.
const KEPT_LINES: usize = 3;

/// Has `contender` do `work` in a process of its own.
pub(crate) fn run(contender: Contender, work: &Work, period: Duration) -> Report {
    spawn(contender, work, period).unwrap_or_else(|failure| Err(failure).into())
}

fn spawn(contender: Contender, work: &Work, period: Duration) -> Outcome<Report> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["one", contender.flag(), work.name, "--seconds", &period.as_secs_f64().to_string()]);
    let output = command.stdin(Stdio::null()).output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = |lines: &str| {
        let lines: Vec<_> = lines.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(KEPT_LINES)..].join(" | ")
    };
    if !output.status.success() {
        return Err(Failure::new(format!("{}: {}", output.status, last(&errors))));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Does `work` here, prints the report and ends the process: what the libraries left running ends with it.
pub(crate) fn work_here(contender: Contender, work: &Work, period: Duration) -> ! {
    end_with_a_panic();
    end_in_time();
    let report = Report::from(set_limits().and_then(|()| contender.measure(work, period)));
    let printed = serde_json::to_string(&report).map(|line| writeln!(std::io::stdout(), "{line}"));
    exit(if matches!(printed, Ok(Ok(()))) { 0 } else { 1 })
}

/// A task that panicked would leave the others waiting.
fn end_with_a_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        print(info);
        exit(101);
    }));
}

fn end_in_time() {
    std::thread::spawn(|| {
        std::thread::sleep(LIMIT);
        eprintln!("not done after {LIMIT:?}: a message was lost, or nothing moves");
        exit(124);
    });
}

fn set_limits() -> Outcome<()> {
    // A thousand channels are more sockets than many systems allow by default.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(setrlimit(Resource::RLIMIT_AS, MEMORY, MEMORY)?)
}
