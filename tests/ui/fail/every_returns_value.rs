#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[every("30s")]
    async fn tick(&self) -> u32 {
        1
    }
}

fn main() {}
