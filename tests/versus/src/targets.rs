//! What ours is to reach: beside the best of the others, beside a bare socket, beside itself, and as a plain number.

use crate::contender::Contender;
use crate::metric::Metric;
use crate::rounds::{Run, verdict};

/// A figure of ours, and what it is held against.
pub(crate) struct Target {
    pub(crate) work: &'static str,
    pub(crate) metric: Metric,
    /// Ours, encrypted or not.
    pub(crate) by: Contender,
    pub(crate) bar: Bar,
}

/// What a figure is held against.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    /// So many times what somebody reaches in the same run: at least, or at most where less is better.
    Times { times: f64, whom: Whom, work: &'static str, metric: Metric },
    /// A number in the metric's unit: at least, or at most where less is better.
    Number(f64),
}

/// Whose figure.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Whom {
    /// That of the best peer: of everybody but ours and the bare socket, which is no peer.
    Best,
    /// That of one contender.
    One(Contender),
}

/// What came of it: our figure, the bar, and whether it was reached.
pub(crate) struct Outcome {
    pub(crate) ours: f64,
    pub(crate) bar: f64,
    pub(crate) reached: bool,
}

const PEERS: [Contender; 5] =
    [Contender::Libp2pTcp, Contender::Libp2pQuic, Contender::Iroh, Contender::Karyon, Contender::Commonware];

const fn target(work: &'static str, metric: Metric, bar: Bar) -> Target {
    Target { work, metric, by: Contender::Ours, bar }
}

/// Held against what somebody reaches at the same work.
const fn beside(work: &'static str, metric: Metric, times: f64, whom: Whom) -> Target {
    target(work, metric, Bar::Times { times, whom, work, metric })
}

const fn round_trip(work: &'static str, by: Contender) -> [Target; 2] {
    let best = Bar::Times { times: 0.65, whom: Whom::Best, work, metric: Metric::P50 };
    let own = Bar::Times { times: 2.0, whom: Whom::One(by), work, metric: Metric::P50 };
    [Target { work, metric: Metric::P50, by, bar: best }, Target { work, metric: Metric::P99, by, bar: own }]
}

const OURS: Whom = Whom::One(Contender::Ours);
const RAW: Whom = Whom::One(Contender::Raw);

const PLAIN: [Target; 14] = [
    beside("small", Metric::Rate, 2.0, Whom::One(Contender::Iroh)),
    target("small", Metric::Rate, Bar::Times { times: 0.5, whom: RAW, work: "small-batched", metric: Metric::Rate }),
    target("small", Metric::Cpu, Bar::Number(0.20)),
    beside("64k", Metric::Throughput, 2.0, Whom::Best),
    beside("64k", Metric::Throughput, 0.8, RAW),
    beside("1m", Metric::Throughput, 2.0, Whom::Best),
    beside("1m", Metric::Throughput, 0.8, RAW),
    target("flood", Metric::P99, Bar::Number(1000.0)),
    beside("connect", Metric::Connect, 0.8, Whom::Best),
    target("idle", Metric::Memory, Bar::Number(40.0)),
    beside("broadcast", Metric::Rate, 5.0, Whom::One(Contender::Libp2pTcp)),
    beside("broadcast", Metric::Rate, 5.0, Whom::One(Contender::Libp2pQuic)),
    target(
        "broadcast-stalled",
        Metric::Rate,
        Bar::Times { times: 0.95, whom: OURS, work: "broadcast", metric: Metric::Rate },
    ),
    target("lanes-64", Metric::Rate, Bar::Times { times: 0.8, whom: OURS, work: "lanes-1", metric: Metric::Rate }),
];

const TRIPS: [[Target; 2]; 4] = [
    round_trip("rtt", Contender::Ours),
    round_trip("rtt", Contender::OursTcp),
    round_trip("rtt-1", Contender::Ours),
    round_trip("rtt-1", Contender::OursTcp),
];

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Target> {
    static ALL: (&[Target], &[[Target; 2]]) = (&PLAIN, &TRIPS);
    ALL.0.iter().chain(ALL.1.iter().flatten())
}

impl Target {
    /// What came of it; `None` when something that it takes was not measured.
    pub(crate) fn outcome(&self, runs: &[Run]) -> Option<Outcome> {
        let ours = verdict(runs, self.work, self.by).median(self.metric)?;
        let bar = match self.bar {
            Bar::Number(number) => number,
            Bar::Times { times, whom, work, metric } => times * whom.figure(runs, work, metric)?,
        };
        let reached = if self.metric.more_is_better() { ours >= bar } else { ours <= bar };
        Some(Outcome { ours, bar, reached })
    }
}

impl Whom {
    fn figure(self, runs: &[Run], work: &str, metric: Metric) -> Option<f64> {
        let of = |contender| verdict(runs, work, contender).median(metric);
        match self {
            Self::One(contender) => of(contender),
            Self::Best => {
                let figures = PEERS.into_iter().filter_map(of);
                if metric.more_is_better() { figures.reduce(f64::max) } else { figures.reduce(f64::min) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Whom, all, beside, target};
    use crate::contender::Contender;
    use crate::metric::{Figure, Metric};
    use crate::outcome::Report;
    use crate::rounds::Run;
    use crate::targets::Bar;
    use crate::work::Work;

    fn run(contender: Contender, work: &'static str, metric: Metric, value: f64) -> Run {
        Run { round: 1, work, contender, load: 0.0, report: Report::Figures(vec![Figure { metric, value }]) }
    }

    #[test]
    fn the_best_peer_is_the_fastest_and_no_bare_socket() {
        let connect = |contender, value| run(contender, "connect", Metric::Connect, value);
        let runs = [
            connect(Contender::Ours, 0.7),
            connect(Contender::Iroh, 0.8),
            connect(Contender::Karyon, 3.0),
            connect(Contender::Raw, 0.1),
        ];
        let outcome = beside("connect", Metric::Connect, 0.8, Whom::Best).outcome(&runs).unwrap();
        assert!((outcome.bar - 0.64).abs() < 1e-9 && !outcome.reached);
        assert!(beside("connect", Metric::Connect, 0.9, Whom::Best).outcome(&runs).unwrap().reached);
    }

    #[test]
    fn a_number_is_a_most_where_less_is_better() {
        let runs = [run(Contender::Ours, "idle", Metric::Memory, 41.0)];
        assert!(!target("idle", Metric::Memory, Bar::Number(40.0)).outcome(&runs).unwrap().reached);
        assert!(target("idle", Metric::Memory, Bar::Number(41.0)).outcome(&runs).unwrap().reached);
        assert!(target("connect", Metric::Connect, Bar::Number(1.0)).outcome(&runs).is_none(), "not measured");
    }

    #[test]
    fn every_target_is_of_a_work_there_is() {
        for target in all() {
            assert!(Work::named(target.work).is_some_and(|work| work.takes(target.by)), "{}", target.work);
            if let Bar::Times { work, .. } = target.bar {
                assert!(Work::named(work).is_some(), "{work}");
            }
        }
    }
}
