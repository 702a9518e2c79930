#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Default)]
struct Chat;

#[protocol(phase = handshake)]
impl Chat {
    #[every("30s")]
    async fn tick(&self) {}
}

fn main() {}
