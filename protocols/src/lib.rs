//! The plugins that ship with p2p-net, written with its own annotations: [`version`], [`ping`] and [`address`].
//!
//! A program that says `use p2p_protocols as _;` runs all three. Each can be left out, or replaced by one of your own:
//! the core knows none of them.
//!
//! With the feature `pss` the relay of the crate `p2p-pss` is here too, as `p2p_protocols::pss`.

pub mod address;
pub mod ping;
pub mod version;

#[cfg(feature = "pss")]
pub use p2p_pss as pss;
