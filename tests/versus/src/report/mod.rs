//! What the figures are shown as.

pub(crate) mod build;
pub(crate) mod chart;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod table;
pub(crate) mod targets;
