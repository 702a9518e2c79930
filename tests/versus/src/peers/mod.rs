//! One file a library.

pub(crate) mod commonware;
pub(crate) mod iroh;
pub(crate) mod karyon;
pub(crate) mod libp2p;
pub(crate) mod ours;
pub(crate) mod raw;
