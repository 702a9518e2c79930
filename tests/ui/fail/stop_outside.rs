#![allow(unused, dead_code)]
use p2p_net::prelude::*;

struct Chat;

impl Chat {
    #[stop]
    async fn bye(&self) {}
}

fn main() {}
