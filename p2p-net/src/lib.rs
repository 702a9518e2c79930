//! Write peer-to-peer protocols by annotation.

pub mod clock;
