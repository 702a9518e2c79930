//! The cost of a build as Markdown.

use std::fmt::Write;

use super::number::{shown, times};
use crate::build_cost::Cost;

pub(crate) fn table(costs: &[Cost]) -> String {
    let mut text = "| clean release build | CPU seconds | wall seconds | crates | stripped binary, KiB |\n".to_owned();
    text.push_str("|---|---|---|---|---|\n");
    let row =
        |cost: &Cost| [cost.cpu_seconds, cost.wall_seconds, cost.crates as f64, cost.stripped_bytes as f64 / 1024.0];
    for cost in costs {
        let [cpu, wall, crates, size] = row(cost).map(shown);
        let _ = writeln!(text, "| {} | {cpu} | {wall} | {crates} | {size} |", cost.program);
    }
    if let [ours, theirs] = costs {
        let (ours, theirs) = (row(ours), row(theirs));
        let ratios: Vec<_> = ours.iter().zip(&theirs).map(|(ours, theirs)| times(theirs / ours)).collect();
        let _ = writeln!(text, "| theirs to ours | {} |", ratios.join(" | "));
    }
    text
}
