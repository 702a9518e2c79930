//! `#[rpc]` goes on an inherent impl with something in it.

use p2p_net::prelude::*;

struct Chat;

trait Talk {}

#[rpc(namespace = "chat")]
impl Talk for Chat {}

struct Empty;

#[rpc(namespace = "empty")]
impl Empty {
    fn new() -> Self {
        Self
    }
}

#[rpc(namespace = "function")]
async fn say() {}

fn main() {}
