//! Whole-network tests; the package itself is empty, see `tests/`.
