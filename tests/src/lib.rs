//! What the whole-network tests share: protocols written by hand, a peer that writes its own bytes, folders, and meters.

pub mod any;
pub mod folder;
pub mod meter;
pub mod plain;
pub mod raw;
pub mod wire;
