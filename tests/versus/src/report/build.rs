//! The cost of a build as Markdown.

use std::fmt::Write;

use super::number::{shown, times};
use crate::build_cost::Cost;

/// What ours is to reach: a part of the other's processor time, so many crates, and 3 MB.
const LESS_CPU: f64 = 2.0;
const MOST_CRATES: f64 = 120.0;
const MOST_KIB: f64 = 3e6 / 1024.0;

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
        let reached = [ours[0] * LESS_CPU <= theirs[0], ours[2] <= MOST_CRATES, ours[3] <= MOST_KIB];
        let [cpu, crates, size] = reached.map(|yes| if yes { "yes" } else { "**no**" });
        let _ = writeln!(
            text,
            "| target reached | ≤ 1/{LESS_CPU}: {cpu} | | ≤ {MOST_CRATES}: {crates} | ≤ {}: {size} |",
            shown(MOST_KIB)
        );
    }
    text
}
