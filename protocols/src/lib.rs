//! The plugins that ship with p2p-net.
