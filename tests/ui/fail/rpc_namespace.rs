//! A namespace is needed, has a form, and is not the server's own.

use p2p_net::prelude::*;

struct Chat;

#[rpc]
impl Chat {
    async fn say(&self) {}
}

struct Talk;

#[rpc(namespace = "my_talk")]
impl Talk {
    async fn say(&self) {}
}

struct Own;

#[rpc(namespace = "rpc")]
impl Own {
    async fn say(&self) {}
}

fn main() {}
