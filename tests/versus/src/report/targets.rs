//! The targets, and which of them were reached, as Markdown.

use std::fmt::Write;

use super::number::{shown, times};
use crate::contender::Contender;
use crate::rounds::Run;
use crate::targets::{self, Bar, Target, Whom};
use crate::work::Work;

/// A row for every target of a work that was done.
pub(crate) fn table(works: &[&Work], runs: &[Run]) -> String {
    let mut text = String::new();
    for target in targets::all() {
        let Some(work) = works.iter().find(|work| work.name == target.work) else { continue };
        if text.is_empty() {
            text.push_str("\n| target | | ours | reached |\n|---|---|---|---|\n");
        }
        let outcome = target.outcome(runs);
        let ours = outcome.as_ref().map_or_else(String::new, |outcome| {
            let bar = match target.bar {
                Bar::Number(_) => String::new(),
                Bar::Times { times: wanted, .. } => format!(", {}", times(wanted * outcome.ours / outcome.bar)),
            };
            format!("{}{bar}", shown(outcome.ours))
        });
        let reached = match outcome {
            Some(outcome) if outcome.reached => "yes",
            Some(_) => "**no**",
            None => "not measured",
        };
        let by = if target.by == Contender::Ours { String::new() } else { format!(", {}", target.by.title()) };
        let _ =
            writeln!(text, "| {}{by}, {} | {} | {ours} | {reached} |", work.title, target.metric.unit(), bar(target));
    }
    text
}

/// What is to be reached, in words.
fn bar(target: &Target) -> String {
    let sign = if target.metric.more_is_better() { "≥" } else { "≤" };
    match target.bar {
        Bar::Number(number) => format!("{sign} {}", shown(number)),
        Bar::Times { times, whom, work, metric } => {
            let whom = match whom {
                Whom::Best => "the best peer",
                Whom::One(contender) => contender.title(),
            };
            let of = if metric == target.metric { String::new() } else { format!(", {}", metric.unit()) };
            let at = Work::named(work).filter(|_| work != target.work).map(|work| format!(", {}", work.title));
            format!("{sign} {times} × {whom}{of}{}", at.unwrap_or_default())
        }
    }
}
