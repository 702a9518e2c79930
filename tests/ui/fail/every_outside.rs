#![allow(unused, dead_code)]
use p2p_net::prelude::*;

struct Chat;

impl Chat {
    #[every("30s")]
    async fn tick(&self) {}
}

fn main() {}
