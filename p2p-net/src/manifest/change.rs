//! One difference between two manifests.

use std::fmt;

use super::{Asks, Rule};

/// A difference between two manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What differs.
    pub place: Place,
    /// The rule it falls under.
    pub rule: Rule,
    /// What was there, in words; empty, if nothing was.
    pub before: String,
    /// What is there now, in words; empty, if nothing is.
    pub after: String,
    /// What it asks.
    pub asks: Asks,
    /// Whether it is in a version that was never released, and asks no more than a look for that.
    pub draft: bool,
}

/// What differs, from the outside in: `chat/1 · say · field text`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(Vec<String>);

impl Place {
    pub(super) fn of(protocol: &str, version: u16) -> Self {
        Self(vec![format!("{protocol}/{version}")])
    }

    /// Something in it.
    pub(super) fn in_it(&self, part: impl Into<String>) -> Self {
        Self(self.0.iter().cloned().chain([part.into()]).collect())
    }

    /// The protocol, as `name/version`.
    pub fn protocol(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" · "))
    }
}

impl fmt::Display for Change {
    /// Three lines: what changed, the rule and its reason, what it asks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, rule, before, after, asks, draft } = self;
        write!(f, "{place}: ")?;
        match (before.as_str(), after.as_str()) {
            ("", "") => writeln!(f, "differs")?,
            ("", after) => writeln!(f, "new, {after}")?,
            (before, "") => writeln!(f, "gone, was {before}")?,
            (before, after) => writeln!(f, "was {before}, is {after}")?,
        }
        writeln!(f, "    {rule}: {}", rule.reason())?;
        write!(f, "    asks {asks}{}", if *draft { ", since this version is a draft" } else { "" })
    }
}
