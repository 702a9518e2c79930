//! The rounds: in each, every work by every contender in turn, so that a slow minute of the machine hurts all alike.

use std::time::Duration;

use serde::Serialize;

use crate::child;
use crate::contender::Contender;
use crate::machine::load;
use crate::metric::{Metric, median};
use crate::outcome::Report;
use crate::work::Work;

/// One run of one work by one contender.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Run {
    pub(crate) round: usize,
    pub(crate) work: &'static str,
    pub(crate) contender: Contender,
    /// When it began.
    pub(crate) load: f64,
    pub(crate) report: Report,
}

/// What all rounds say of one work by one contender.
pub(crate) enum Verdict {
    /// The median of each metric, in the order they were reported.
    Medians(Vec<(Metric, f64)>),
    NotApplicable(String),
    /// A single failed run fails the work: the others may have been lucky.
    Failed(String),
    /// It does not take part.
    Absent,
}

/// Runs all of it; tells what it does on the error output.
pub(crate) fn run(works: &[&'static Work], contenders: &[Contender], rounds: usize, period: Duration) -> Vec<Run> {
    let mut runs = Vec::new();
    for round in 1..=rounds {
        for work in works {
            for &contender in contenders.iter().filter(|contender| work.takes(**contender)) {
                let load = load();
                eprintln!("round {round}/{rounds}, load {load:.2}: {} by {}", work.name, contender.title());
                let report = child::run(contender, work, period);
                if let Report::Failed(why) = &report {
                    eprintln!("  failed: {why}");
                }
                runs.push(Run { round, work: work.name, contender, load, report });
            }
        }
    }
    runs
}

pub(crate) fn verdict(runs: &[Run], work: &str, contender: Contender) -> Verdict {
    let mut medians: Vec<(Metric, Vec<f64>)> = Vec::new();
    for run in runs.iter().filter(|run| run.work == work && run.contender == contender) {
        match &run.report {
            Report::Figures(figures) => {
                for figure in figures {
                    match medians.iter_mut().find(|(metric, _)| *metric == figure.metric) {
                        Some((_, values)) => values.push(figure.value),
                        None => medians.push((figure.metric, vec![figure.value])),
                    }
                }
            }
            Report::NotApplicable(why) => return Verdict::NotApplicable(why.clone()),
            Report::Failed(why) => return Verdict::Failed(why.clone()),
        }
    }
    let medians: Vec<_> =
        medians.into_iter().filter_map(|(metric, mut values)| Some((metric, median(&mut values)?))).collect();
    if medians.is_empty() { Verdict::Absent } else { Verdict::Medians(medians) }
}

impl Verdict {
    pub(crate) fn median(&self, metric: Metric) -> Option<f64> {
        match self {
            Self::Medians(medians) => medians.iter().find(|(known, _)| *known == metric).map(|(_, value)| *value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Run, Verdict, verdict};
    use crate::contender::Contender;
    use crate::metric::{Figure, Metric};
    use crate::outcome::Report;

    fn run(round: usize, report: Report) -> Run {
        Run { round, work: "small", contender: Contender::Ours, load: 0.0, report }
    }

    fn rate(value: f64) -> Report {
        Report::Figures(vec![Figure { metric: Metric::Rate, value }])
    }

    #[test]
    fn the_median_of_the_rounds_counts() {
        let runs = [run(1, rate(1.0)), run(2, rate(9.0)), run(3, rate(2.0))];
        assert_eq!(verdict(&runs, "small", Contender::Ours).median(Metric::Rate), Some(2.0));
        assert!(matches!(verdict(&runs, "small", Contender::Iroh), Verdict::Absent));
    }

    #[test]
    fn one_failed_round_leaves_no_number() {
        let runs = [run(1, rate(1.0)), run(2, Report::Failed("lost".to_owned())), run(3, rate(2.0))];
        assert!(matches!(verdict(&runs, "small", Contender::Ours), Verdict::Failed(why) if why == "lost"));
    }
}
