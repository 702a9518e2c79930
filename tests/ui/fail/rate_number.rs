#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
#[message(rate = 100)]
struct Say;

fn main() {}
