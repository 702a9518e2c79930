//! The table, as Markdown.

use std::fmt::Write;

use super::number::{shown, times};
use super::targets;
use crate::contender::Contender;
use crate::machine::Machine;
use crate::metric::Metric;
use crate::rounds::{Run, Verdict, verdict};
use crate::work::Work;

pub(crate) fn document(
    machine: &Machine,
    works: &[&Work],
    contenders: &[Contender],
    rounds: usize,
    runs: &[Run],
) -> String {
    let mut text = heading(machine, rounds, runs);
    let (growth, shared): (Vec<_>, Vec<_>) = works.iter().partition(|work| work.is_growth());
    let mut notes = Vec::new();
    if !shared.is_empty() {
        compared(&mut text, &shared, contenders, runs, &mut notes);
    }
    if !growth.is_empty() && contenders.contains(&Contender::Ours) {
        grown(&mut text, &growth, runs, &mut notes);
    }
    text.push_str(&targets::table(works, runs));
    if !notes.is_empty() {
        let _ = writeln!(text);
    }
    for (number, note) in (1..).zip(&notes) {
        let _ = writeln!(text, "{number}. {note}");
    }
    text
}

fn heading(machine: &Machine, rounds: usize, runs: &[Run]) -> String {
    let loads = runs.iter().map(|run| run.load);
    let (least, most) = loads.fold((f64::INFINITY, 0.0_f64), |(least, most), load| (least.min(load), most.max(load)));
    let versions: Vec<_> = machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!(
        "{} cores, {}, Linux {}, {}; load {least:.2} to {most:.2}; median of {rounds} rounds, interleaved.\n{}.\n\
         In brackets how many times ours is as good; over 1 is better, whichever way the metric goes.\n\n",
        machine.cores,
        machine.processor,
        machine.kernel,
        machine.rustc,
        versions.join(", ")
    )
}

/// A row for every metric of every work, a column for every contender.
fn compared(text: &mut String, works: &[&&Work], contenders: &[Contender], runs: &[Run], notes: &mut Vec<String>) {
    let titles: Vec<_> = contenders.iter().map(|contender| contender.title()).collect();
    let _ = writeln!(text, "| work | | {} |", titles.join(" | "));
    let _ = writeln!(text, "|---|---|{}", "---|".repeat(contenders.len()));
    for work in works {
        let verdicts: Vec<_> = contenders.iter().map(|contender| verdict(runs, work.name, *contender)).collect();
        let ours = verdict(runs, work.name, Contender::Ours);
        for (row, metric) in metrics(&verdicts).into_iter().enumerate() {
            let cells: Vec<_> = contenders
                .iter()
                .zip(&verdicts)
                .map(|(contender, verdict)| {
                    // Against itself there is no ratio.
                    let ours = ours.median(metric).filter(|_| *contender != Contender::Ours);
                    cell(verdict, metric, ours, &format!("{}, {}", work.title, contender.title()), notes)
                })
                .collect();
            let title = if row == 0 { work.title } else { "" };
            let cells = cells.join(" | ");
            let _ = writeln!(text, "| {title} | {} | {cells} |", metric.unit());
        }
    }
}

/// The metrics of a work, in the order in which they are reported; one that nobody reports has a row all the same.
fn metrics(verdicts: &[Verdict]) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for verdict in verdicts {
        if let Verdict::Medians(medians) = verdict {
            for (metric, _) in medians {
                if !metrics.contains(metric) {
                    metrics.push(*metric);
                }
            }
        }
    }
    if metrics.is_empty() { vec![Metric::Rate] } else { metrics }
}

fn cell(verdict: &Verdict, metric: Metric, ours: Option<f64>, place: &str, notes: &mut Vec<String>) -> String {
    let mut note = |what: &str, why: &str| {
        let note = format!("{place}: {why}");
        let number = notes.iter().position(|known| *known == note).unwrap_or_else(|| {
            notes.push(note);
            notes.len() - 1
        });
        format!("{what} ({})", number + 1)
    };
    match verdict {
        Verdict::Medians(_) => match (verdict.median(metric), ours) {
            (Some(theirs), Some(ours)) => format!("{} [{}]", shown(theirs), times(metric.advantage(ours, theirs))),
            (Some(figure), None) => shown(figure),
            (None, _) => String::new(),
        },
        Verdict::NotApplicable(why) => note("n/a", why),
        Verdict::Failed(why) => note("**failed**", &why.replace('|', "/")),
        Verdict::Absent => String::new(),
    }
}

/// Ours alone: how its cost grows.
fn grown(text: &mut String, works: &[&&Work], runs: &[Run], notes: &mut Vec<String>) {
    let _ = writeln!(text, "\n| how ours grows | |\n|---|---|");
    for work in works {
        let verdict = verdict(runs, work.name, Contender::Ours);
        let metrics = metrics(std::slice::from_ref(&verdict)).into_iter();
        let cells: Vec<_> = match &verdict {
            Verdict::Medians(_) => metrics
                .map(|metric| format!("{} {}", cell(&verdict, metric, None, work.title, notes), metric.unit()))
                .collect(),
            _ => vec![cell(&verdict, Metric::Rate, None, work.title, notes)],
        };
        let _ = writeln!(text, "| {} | {} |", work.title, cells.join(", "));
    }
}
