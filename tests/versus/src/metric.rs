//! What is measured, in which unit, and which way is better.

use serde::{Deserialize, Serialize};

/// One kind of figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// Messages that arrived and were counted, a second.
    Rate,
    /// Payload that arrived, in 10^6 bytes a second.
    Throughput,
    /// User and system time of both ends, in microseconds a message.
    Cpu,
    /// Half of the round trips took at most this, in microseconds.
    P50,
    /// All but one in a hundred took at most this, in microseconds.
    P99,
    /// Half of the connections, with handshake and first echo, took at most this, in milliseconds.
    Connect,
    /// Resident memory of both ends, in KiB a connection.
    Memory,
    /// The longest time in which nothing could be sent, in milliseconds.
    Pause,
    /// What the sibling of the pings moved meanwhile, in 10^6 bytes a second.
    Beside,
}

impl Metric {
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Rate => "messages/s",
            Self::Throughput => "MB/s",
            Self::Cpu => "CPU µs/message",
            Self::P50 => "p50 µs",
            Self::P99 => "p99 µs",
            Self::Connect => "ms",
            Self::Memory => "KiB",
            Self::Pause => "longest pause, ms",
            Self::Beside => "sibling, MB/s",
        }
    }

    pub(crate) fn more_is_better(self) -> bool {
        matches!(self, Self::Rate | Self::Throughput | Self::Beside)
    }

    /// How many times `ours` is as good as `theirs`: over one means better, whichever way the metric goes.
    pub(crate) fn advantage(self, ours: f64, theirs: f64) -> f64 {
        if self.more_is_better() { ours / theirs } else { theirs / ours }
    }
}

/// One figure of one run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) metric: Metric,
    pub(crate) value: f64,
}

impl Figure {
    /// Whether it can be a measurement at all. Only a pause may be zero.
    pub(crate) fn is_sound(&self) -> bool {
        self.value.is_finite() && (self.value > 0.0 || (self.metric == Metric::Pause && self.value == 0.0))
    }
}

/// The middle one; of an even number the mean of the two in the middle.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (half, odd) = (values.len() / 2, values.len() % 2 == 1);
    match values {
        [] => None,
        _ if odd => Some(values[half]),
        _ => Some(f64::midpoint(values[half - 1], values[half])),
    }
}

/// The value that `percent` of the others do not exceed.
pub(crate) fn percentile(values: &mut [f64], percent: usize) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get((values.len().checked_sub(1)?) * percent / 100).copied()
}

#[cfg(test)]
mod tests {
    use super::{Metric, median, percentile};

    #[test]
    fn a_median_is_the_middle_whatever_the_order() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let mut values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 99), Some(99.0));
        assert_eq!(percentile(&mut values, 50), Some(50.0));
        assert_eq!(percentile(&mut [], 50), None);
    }

    #[test]
    fn an_advantage_over_one_is_better_whichever_way_the_metric_goes() {
        assert_eq!(Metric::Rate.advantage(6.0, 3.0), 2.0);
        assert_eq!(Metric::P50.advantage(3.0, 6.0), 2.0);
    }
}
