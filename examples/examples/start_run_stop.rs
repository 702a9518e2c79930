//! The smallest node there is: start, run, stop.
//!
//! ```sh
//! cargo run --example start_run_stop
//! ```
//!
//! It has no address to listen at, and says so in its log; the program checks that it does.

#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};
use p2p_examples::{Outcome, exit};
use p2p_net::{P2p, P2pPtr, Settings};
use p2p_protocols as _;
use smol::Executor;

// ANCHOR: dchat
/// All that a chat needs, for now.
struct Dchat {
    p2p: P2pPtr,
}

impl Dchat {
    fn new(p2p: P2pPtr) -> Self {
        Self { p2p }
    }

    async fn start(&mut self, ex: Arc<Executor<'static>>) -> Outcome {
        self.p2p.clone().start(ex.clone()).await?;
        let run = ex.spawn(self.p2p.clone().run(ex.clone()));
        self.p2p.stop().await;
        Ok(run.await?)
    }
}
// ANCHOR_END: dchat

fn main() -> ExitCode {
    exit(start_run_stop())
}

fn start_run_stop() -> Outcome {
    log::set_logger(&MEMORY).map_err(|error| error.to_string())?;
    log::set_max_level(LevelFilter::Info);

    let ex = Arc::new(Executor::new());
    smol::block_on(ex.run(async {
        // ANCHOR: new
        let p2p = P2p::new(Settings::default()).await?;
        let mut dchat = Dchat::new(p2p.clone());
        dchat.start(ex.clone()).await?;
        // ANCHOR_END: new
        println!("{} started, ran and stopped: {:?}", p2p.id(), p2p.state());
        Outcome::Ok(())
    }))?;

    let expected = (Level::Info, "net".to_owned(), "Not configured for accepting incoming connections.".to_owned());
    let logged = MEMORY.0.lock().unwrap_or_else(PoisonError::into_inner);
    if !logged.contains(&expected) {
        return Err(format!("{expected:?} is missing from the log: {logged:?}").into());
    }
    Ok(())
}

/// A logger that remembers: level, target and message of each record.
static MEMORY: Memory = Memory(Mutex::new(Vec::new()));

struct Memory(Mutex<Vec<(Level, String, String)>>);

impl Log for Memory {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let entry = (record.level(), record.target().to_owned(), record.args().to_string());
        println!("{} {}: {}", entry.0, entry.1, entry.2);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    fn flush(&self) {}
}
