//! Bars as SVG: how many times ours is as good as each peer, on a logarithmic scale with ours at 1.

use std::fmt::Write;

use super::number::times;
use crate::contender::Contender;
use crate::metric::Metric;
use crate::rounds::{Run, Verdict, verdict};
use crate::work::Work;

const WIDTH: f64 = 960.0;
/// Where the bars are, between the names and the ratios.
const LEFT: f64 = 360.0;
const RIGHT: f64 = 890.0;
const BAR: f64 = 13.0;
const GROUP_GAP: f64 = 16.0;
const TOP: f64 = 74.0;
/// The scale ends at these ratios; a bar beyond is cut and its number says the rest.
const LEAST: f64 = 0.1;
const MOST: f64 = 100.0;

/// The bars of one metric of one work.
struct Group {
    title: String,
    bars: Vec<(Contender, f64)>,
}

pub(crate) fn draw(works: &[&Work], contenders: &[Contender], runs: &[Run]) -> String {
    let groups: Vec<_> = works.iter().flat_map(|work| groups(work, contenders, runs)).collect();
    let height = TOP + groups.iter().map(height).sum::<f64>() + 20.0;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11" fill="#222">
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
<text x="16" y="24" font-size="15">How many times ours is as good (bars to the right: ours is better)</text>"##
    );
    legend(&mut svg, contenders);
    grid(&mut svg, height);
    let mut y = TOP;
    for group in &groups {
        bars(&mut svg, group, y);
        y += self::height(group);
    }
    svg.push_str("</svg>\n");
    svg
}

fn groups(work: &Work, contenders: &[Contender], runs: &[Run]) -> Vec<Group> {
    let Verdict::Medians(ours) = verdict(runs, work.name, Contender::Ours) else { return Vec::new() };
    let group = |(metric, ours): &(Metric, f64)| {
        let others = contenders.iter().filter(|contender| **contender != Contender::Ours);
        let ratio = |other: &Contender| {
            let theirs = verdict(runs, work.name, *other).median(*metric)?;
            Some((*other, metric.advantage(*ours, theirs)))
        };
        let title = format!("{}, {}", work.title, metric.unit());
        Group { title, bars: others.filter_map(ratio).filter(|(_, ratio)| ratio.is_finite()).collect() }
    };
    ours.iter().map(group).filter(|group| !group.bars.is_empty()).collect()
}

fn height(group: &Group) -> f64 {
    group.bars.len() as f64 * BAR + GROUP_GAP
}

/// Where a ratio is on the scale.
fn x(ratio: f64) -> f64 {
    let part = (ratio.clamp(LEAST, MOST) / LEAST).ln() / (MOST / LEAST).ln();
    LEFT + part * (RIGHT - LEFT)
}

fn colour(contender: Contender) -> &'static str {
    match contender {
        Contender::Ours => "#222222",
        Contender::OursTcp => "#8c8c8c",
        Contender::Libp2pTcp => "#4477aa",
        Contender::Libp2pQuic => "#66ccee",
        Contender::Iroh => "#228833",
        Contender::Karyon => "#ccbb44",
        Contender::Commonware => "#ee6677",
        Contender::Raw => "#aa3377",
    }
}

fn legend(svg: &mut String, contenders: &[Contender]) {
    let others = contenders.iter().filter(|contender| **contender != Contender::Ours);
    for (place, contender) in others.enumerate() {
        let at = 16.0 + place as f64 * 110.0;
        let (colour, title) = (colour(*contender), contender.title());
        let _ = writeln!(svg, r#"<rect x="{at}" y="36" width="10" height="10" fill="{colour}"/>"#);
        let _ = writeln!(svg, r#"<text x="{}" y="45">{title}</text>"#, at + 15.0);
    }
}

fn grid(svg: &mut String, height: f64) {
    for ratio in [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0] {
        let at = x(ratio);
        let colour = if ratio == 1.0 { "#222" } else { "#ddd" };
        let _ = writeln!(
            svg,
            r#"<line x1="{at:.1}" y1="{}" x2="{at:.1}" y2="{}" stroke="{colour}"/><text x="{at:.1}" y="{}" text-anchor="middle">{ratio} ×</text>"#,
            TOP - 6.0,
            height - 14.0,
            TOP - 10.0
        );
    }
}

fn bars(svg: &mut String, group: &Group, top: f64) {
    let middle = top + (group.bars.len() as f64 * BAR) / 2.0 + 4.0;
    let _ = writeln!(svg, r#"<text x="{}" y="{middle:.1}" text-anchor="end">{}</text>"#, LEFT - 12.0, group.title);
    for (place, (contender, ratio)) in group.bars.iter().enumerate() {
        let (y, one, end) = (top + place as f64 * BAR, x(1.0), x(*ratio));
        let (from, to) = (one.min(end), one.max(end));
        let _ = writeln!(
            svg,
            r#"<rect x="{from:.1}" y="{y:.1}" width="{:.1}" height="{}" fill="{}"/><text x="{:.1}" y="{:.1}" font-size="9">{}</text>"#,
            (to - from).max(1.0),
            BAR - 2.0,
            colour(*contender),
            to + 4.0,
            y + 9.0,
            times(*ratio)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{LEFT, RIGHT, x};

    #[test]
    fn the_scale_is_logarithmic_and_ends_at_its_ends() {
        assert!((x(1.0) - x(0.1) - (x(10.0) - x(1.0))).abs() < 1e-9);
        assert_eq!((x(0.0001), x(1e9)), (LEFT, RIGHT));
    }
}
