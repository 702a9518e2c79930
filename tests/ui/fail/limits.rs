#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 0)]
struct Nothing;

#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 17 << 20)]
struct Huge;

#[derive(Message, Serialize, Deserialize)]
#[message(window = 4096)]
struct Narrow;

fn main() {}
