#![allow(unused, dead_code)]
use p2p_net::prelude::*;

struct Shelf;

impl Shelf {
    #[api]
    fn api(&self) -> Shelf {
        Shelf
    }

    #[start]
    async fn begin(&self) {}
}

fn main() {}
