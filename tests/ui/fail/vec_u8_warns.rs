#![deny(deprecated)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Blob {
    bytes: Vec<u8>,
    #[allow(deprecated)]
    known: Vec<u8>,
}

fn main() {}
