//! Figures as people read them.

/// Three significant digits below a thousand, grouped thousands below a million, and then M for millions.
pub(crate) fn shown(value: f64) -> String {
    // What rounds up to the next group belongs to it.
    let whole = value.round();
    if whole.abs() >= 1e6 {
        format!("{} M", significant(value / 1e6))
    } else if whole.abs() >= 1e3 {
        format!("{:.0},{:03.0}", (whole / 1e3).trunc(), whole.abs() % 1e3)
    } else {
        significant(value)
    }
}

fn significant(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A ratio.
pub(crate) fn times(ratio: f64) -> String {
    format!("{} ×", significant(ratio))
}

#[cfg(test)]
mod tests {
    use super::{shown, times};

    #[test]
    fn a_figure_has_three_digits_and_its_thousands_grouped() {
        let figures = [(12_345_678.0, "12.3 M"), (999_999.6, "1.00 M"), (12_345.0, "12,345"), (1_009.9, "1,010")];
        for (value, text) in
            figures.into_iter().chain([(999.6, "1,000"), (99.96, "100"), (9.876, "9.88"), (0.5, "0.50")])
        {
            assert_eq!(shown(value), text);
        }
        assert_eq!(times(2.0), "2.00 ×");
    }
}
