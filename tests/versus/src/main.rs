//! Ours beside libp2p, iroh, karyon, commonware and a bare TLS socket: the same work, in turn, median of the rounds.
//!
//! See README.md for the method and for what was done to be fair.

mod broadcast;
mod build_cost;
mod child;
mod contender;
mod frames;
mod machine;
mod measure;
mod metric;
mod outcome;
mod peer;
mod peers;
mod report;
mod rounds;
mod runtime;
mod streams;
mod targets;
mod trips;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::contender::Contender;
use crate::machine::Machine;
use crate::outcome::{Failure, Outcome};
use crate::report::{build, chart, json, table};
use crate::work::{WORKS, Work};

/// Measures ours beside its peers; prints a table, and writes versus.json and versus.svg.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    all: All,
}

#[derive(Args)]
struct All {
    /// Rounds; the median of them counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Works to do, by name; all without it. `list` prints them.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Whom to measure; all without it.
    #[arg(long, value_delimiter = ',', value_enum)]
    peers: Vec<Contender>,
    /// Seconds that one run sends for.
    #[arg(long, default_value = "1", value_parser = seconds)]
    seconds: Duration,
    /// Where versus.json and versus.svg go.
    #[arg(long, default_value = ".")]
    out: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the works.
    List,
    /// Does one work by one contender in this process and prints what came of it as JSON.
    One {
        contender: Contender,
        work: String,
        /// Seconds to send for.
        #[arg(long, default_value = "1", value_parser = seconds)]
        seconds: Duration,
    },
    /// Builds our dchat and a libp2p chat from nothing and compares the cost; takes many minutes.
    Build {
        /// Where build.json goes, and below it, for the time, two folders to build in.
        #[arg(long, default_value = ".")]
        out: PathBuf,
    },
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "not a number of seconds, such as 0.5".to_owned())?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if time.is_zero() { Err("more than 0 seconds are needed".to_owned()) } else { Ok(time) }
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(why)) => failed(&why),
        Err(Failure::NotApplicable(why)) => failed(why),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::FAILURE
}

fn run(cli: Cli) -> Outcome<()> {
    match cli.command {
        None => compare(&cli.all),
        Some(Command::List) => {
            for work in WORKS {
                println!("{:18} {}", work.name, work.title);
            }
            Ok(())
        }
        Some(Command::One { contender, work, seconds }) => child::work_here(contender, named(&work)?, seconds),
        Some(Command::Build { out }) => {
            std::fs::create_dir_all(&out)?;
            let costs = build_cost::measure(&out)?;
            print!("{}", build::table(&costs));
            Ok(std::fs::write(out.join("build.json"), serde_json::to_string_pretty(&costs)?)?)
        }
    }
}

fn named(name: &str) -> Outcome<&'static Work> {
    let known = || WORKS.iter().map(|work| work.name).collect::<Vec<_>>().join(", ");
    Work::named(name).ok_or_else(|| Failure::new(format!("there is no work `{name}`: {}", known())))
}

fn compare(all: &All) -> Outcome<()> {
    if all.rounds == 0 {
        return Err(Failure::new("at least one round is needed"));
    }
    let works: Vec<&Work> = if all.only.is_empty() {
        WORKS.iter().collect()
    } else {
        all.only.iter().map(|name| named(name)).collect::<Outcome<_>>()?
    };
    let contenders = if all.peers.is_empty() { Contender::ALL.to_vec() } else { all.peers.clone() };
    std::fs::create_dir_all(&all.out)?;
    let machine = Machine::here(&contenders);
    let runs = rounds::run(&works, &contenders, all.rounds, all.seconds);
    std::fs::write(all.out.join("versus.json"), json::document(&machine, all.rounds, all.seconds, &runs)?)?;
    std::fs::write(all.out.join("versus.svg"), chart::draw(&works, &contenders, &runs))?;
    print!("{}", table::document(&machine, &works, &contenders, all.rounds, &runs));
    Ok(())
}
