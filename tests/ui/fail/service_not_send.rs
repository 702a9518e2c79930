#![allow(unused, dead_code)]
use p2p_net::prelude::*;

struct Shelf;

#[service]
impl Shelf {
    #[start]
    async fn begin(&self) {
        let local = std::rc::Rc::new(7);
        std::future::ready(()).await;
        drop(local);
    }
}

fn main() {}
