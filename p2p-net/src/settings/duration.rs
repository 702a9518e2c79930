//! Durations as text with a unit: `500ms`, `5s`, `2m`, `1h`.
//!
//! Used by the settings as `#[serde(with = "duration")]`. A bare number is refused, because nobody can see its unit.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// The units, largest first, in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no duration: write a whole number and a unit, like `500ms`, `5s`, `2m` or `1h`")]
pub struct DurationError(String);

/// Reads a duration.
///
/// # Errors
///
/// [`DurationError`] when there is no whole number, no known unit, or more than 64 bits of milliseconds.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    read(text).ok_or_else(|| DurationError(text.to_owned()))
}

/// Reads a duration, in a constant too; `None` when it is none.
pub(crate) const fn read(text: &str) -> Option<Duration> {
    let Some((number, unit)) = read_number(text.as_bytes()) else { return None };
    let mut at = 0;
    while at < UNITS.len() {
        if equal(UNITS[at].0.as_bytes(), unit) {
            return match number.checked_mul(UNITS[at].1) {
                Some(millis) => Some(Duration::from_millis(millis)),
                None => None,
            };
        }
        at += 1;
    }
    None
}

/// Reads the whole number at the start of `text`; returns what is left.
pub(crate) const fn read_number(mut text: &[u8]) -> Option<(u64, &[u8])> {
    let mut number: Option<u64> = None;
    while let [digit @ b'0'..=b'9', rest @ ..] = text {
        let so_far = match number {
            Some(number) => number,
            None => 0,
        };
        let Some(tens) = so_far.checked_mul(10) else { return None };
        number = tens.checked_add((*digit - b'0') as u64);
        if number.is_none() {
            return None;
        }
        text = rest;
    }
    match number {
        Some(number) => Some((number, text)),
        None => None,
    }
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    a.len() == b.len()
}

/// Prints a duration in the largest unit that holds it exactly; what is below a millisecond is dropped.
#[derive(Debug, Clone, Copy)]
pub struct Text(pub Duration);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let exact =
            UNITS.iter().find(|(_, unit)| millis >= u128::from(*unit) && millis.is_multiple_of(u128::from(*unit)));
        let (name, unit) = exact.unwrap_or(&("s", 1_000));
        write!(f, "{}{name}", millis / u128::from(*unit))
    }
}

/// Writes a duration as text.
///
/// # Errors
///
/// Those of the serializer, and a duration with a part below a millisecond: its text would not read back the same.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    if !duration.subsec_nanos().is_multiple_of(1_000_000) {
        let message = format!("{duration:?} has a part below a millisecond: use whole milliseconds");
        return Err(serde::ser::Error::custom(message));
    }
    serializer.collect_str(&Text(*duration))
}

/// Reads a duration from text.
///
/// # Errors
///
/// Those of the deserializer, and [`DurationError`].
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        for (text, millis) in [("500ms", 500), ("5s", 5_000), ("2m", 120_000), ("1h", 3_600_000), ("0s", 0)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_printed_reads_back_the_same() {
        for millis in [0, 1, 999, 1_000, 1_500, 59_000, 60_000, 90_000, 3_600_000, 5_400_000, u64::MAX] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse(&Text(duration).to_string()), Ok(duration));
        }
        assert_eq!(Text(Duration::from_secs(90)).to_string(), "90s");
        assert_eq!(Text(Duration::from_secs(7_200)).to_string(), "2h");
    }

    #[test]
    fn a_text_without_number_or_unit_is_refused_with_an_example() {
        for text in ["", "5", "s", "5 s", "-5s", "1.5s", "5d", "18446744073709551615h", "99999999999999999999ms"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is no duration")) && error.contains("`5s`"), "{error}");
        }
    }
}
