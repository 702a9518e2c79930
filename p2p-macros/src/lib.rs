//! The annotations.
