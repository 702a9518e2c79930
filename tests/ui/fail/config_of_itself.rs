#![allow(unused, dead_code)]
use p2p_net::prelude::*;

struct Chat {
    pause: u64,
}

#[protocol(config = Self)]
impl Chat {
    #[every("1s")]
    async fn tick(&self) {}
}

fn main() {}
