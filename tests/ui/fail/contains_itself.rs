//! Types that contain themselves, and a box, which has no shape.
#![allow(unused, dead_code)]

use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Chain {
    next: Option<Box<Chain>>,
}

#[derive(Message, Serialize, Deserialize)]
struct Tree {
    children: Vec<Tree>,
}

#[derive(Message, Serialize, Deserialize)]
struct Boxed {
    number: Box<u64>,
}

fn main() {}
