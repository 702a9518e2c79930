#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[on]
    async fn say(&self, channel: &Channel) {}
}

fn main() {}
