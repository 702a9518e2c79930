//! Every raw figure, for whoever wants to look again.

use std::time::Duration;

use serde::Serialize;

use crate::machine::Machine;
use crate::outcome::Outcome;
use crate::rounds::Run;

#[derive(Serialize)]
struct Document<'a> {
    machine: &'a Machine,
    rounds: usize,
    seconds: f64,
    runs: &'a [Run],
}

pub(crate) fn document(machine: &Machine, rounds: usize, period: Duration, runs: &[Run]) -> Outcome<String> {
    Ok(serde_json::to_string_pretty(&Document { machine, rounds, seconds: period.as_secs_f64(), runs })?)
}
