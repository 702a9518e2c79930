#![allow(unused, dead_code)]
use p2p_net::prelude::*;

struct Shelf;

#[service(protocls = [])]
impl Shelf {
    #[api]
    async fn api(&self) -> Shelf {
        Shelf
    }

    #[start]
    fn begin(&self) {}

    #[stop]
    async fn end(&mut self) {}

    #[job]
    async fn work(&self) {}
}

fn main() {}
