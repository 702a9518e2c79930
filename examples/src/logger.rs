//! The smallest logger that is of use: one line a record, on standard error.

use std::io::Write;

use log::{LevelFilter, Log, Metadata, Record};

struct Logger;

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // A closed standard error is no reason to end.
        let _ = writeln!(std::io::stderr(), "{} {}: {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

/// Logs warnings, with one `-v` what a node does, with two its details, with three everything.
pub fn log_to_stderr(verbosity: u8) {
    let level = match verbosity {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    // Somebody who set a logger before us wants that one.
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(level);
    }
}
