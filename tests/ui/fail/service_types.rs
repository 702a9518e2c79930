#![allow(unused, dead_code)]
use p2p_net::prelude::*;

struct Shelf;
struct NoApi;
struct NoProtocol;

#[service(protocols = [NoProtocol])]
impl Shelf {
    #[api]
    fn api(&self) -> NoApi {
        NoApi
    }

    #[start]
    async fn begin(&self, channel: &Channel) {}

    #[stop]
    async fn end(&self) -> u8 {
        7
    }
}

fn main() {}
