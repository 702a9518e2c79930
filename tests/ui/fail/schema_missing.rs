#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Serialize, Deserialize)]
enum Colour {
    Red,
}

#[derive(Message, Serialize, Deserialize)]
struct Paint {
    colour: Option<Colour>,
}

fn main() {}
