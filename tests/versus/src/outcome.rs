//! What came of a measurement: figures, nothing to measure, or a failure, and never a number in place of either.

use std::error::Error;

use serde::{Deserialize, Serialize};

use crate::metric::Figure;

pub(crate) type Outcome<T> = Result<T, Failure>;

/// Why there is no figure.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The library has no such thing; why.
    NotApplicable(&'static str),
    /// It should have worked.
    Failed(String),
}

/// Everything that is an error to a library is a failed measurement here.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self::Failed(text)
    }
}

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }
}

/// What a child process tells its parent, in one line of JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    Figures(Vec<Figure>),
    NotApplicable(String),
    Failed(String),
}

impl From<Outcome<Vec<Figure>>> for Report {
    fn from(outcome: Outcome<Vec<Figure>>) -> Self {
        match outcome {
            Ok(figures) => match figures.iter().find(|figure| !figure.is_sound()) {
                Some(figure) => Self::Failed(format!("{:?} came out as {}", figure.metric, figure.value)),
                None => Self::Figures(figures),
            },
            Err(Failure::NotApplicable(why)) => Self::NotApplicable(why.to_owned()),
            Err(Failure::Failed(why)) => Self::Failed(why),
        }
    }
}
