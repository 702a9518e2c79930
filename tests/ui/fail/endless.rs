//! A sequence of things that take no bytes.

use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Endless {
    nothing: Vec<()>,
}

fn main() {}
