#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
#[message(stream = Row, reply = Row)]
struct Query;

#[derive(Message, Serialize, Deserialize)]
struct Row {
    n: u32,
}

fn main() {}
