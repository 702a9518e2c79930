#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[every("30")]
    async fn tick(&self) {}
}

fn main() {}
