//! What the example programs share: two nodes on loopback, a logger, the signals that end a program, its exit code.

#![allow(clippy::print_stderr, reason = "for programs")]

mod folder;
mod local;
mod logger;

use std::error::Error;
use std::process::ExitCode;

use async_signal::{Signal, Signals};
use futures::{Stream, StreamExt};

pub use folder::Folder;
pub use local::{between, build, connected, ensure, local, on_executor, running, settings, url_of};
pub use logger::log_to_stderr;

/// What a program's `main` comes to.
pub type Outcome = Result<(), Box<dyn Error>>;

/// The signals that ask a program to end.
const ENDINGS: &[Signal] = if cfg!(unix) { &[Signal::Int, Signal::Term] } else { &[Signal::Int] };

/// Ctrl-C and `SIGTERM`, from now on, instead of the sudden death they are otherwise.
///
/// # Errors
///
/// When the system does not let the program catch them.
pub fn interrupts() -> std::io::Result<impl Stream<Item = Signal> + Send + Unpin> {
    Ok(Signals::new(ENDINGS)?.filter_map(|signal| std::future::ready(signal.ok())))
}

/// The exit code of a program, which says on standard error what went wrong.
pub fn exit(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
