#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[job]
    async fn count(&self) -> u32 {
        1
    }
}

fn main() {}
