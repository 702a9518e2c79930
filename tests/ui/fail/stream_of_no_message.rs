#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
#[message(stream = u32)]
struct Query;

fn main() {}
