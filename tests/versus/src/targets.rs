//! What ours is to reach beside the others.

use crate::contender::Contender;
use crate::metric::Metric;

/// Ours is to be at least `times` as good as `against`.
pub(crate) struct Target {
    pub(crate) work: &'static str,
    pub(crate) metric: Metric,
    pub(crate) against: Contender,
    pub(crate) times: f64,
}

pub(crate) const TARGETS: &[Target] =
    &[Target { work: "small", metric: Metric::Rate, against: Contender::Iroh, times: 2.0 }];

impl Target {
    pub(crate) fn of(work: &str, metric: Metric) -> impl Iterator<Item = &'static Self> {
        TARGETS.iter().filter(move |target| target.work == work && target.metric == metric)
    }
}
