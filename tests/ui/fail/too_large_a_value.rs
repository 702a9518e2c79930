//! Arrays of arrays that no stack holds, in the message and in its lists.
#![allow(unused, dead_code)]

use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Grid {
    cells: [[[u64; 32]; 32]; 32],
}

#[derive(Message, Serialize, Deserialize)]
struct Grids {
    grids: Vec<[[[u64; 32]; 32]; 32]>,
}

fn main() {}
