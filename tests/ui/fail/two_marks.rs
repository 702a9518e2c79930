#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[job]
    #[stop]
    async fn run(&self) {}
}

fn main() {}
