#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
#[message(priority = urgent)]
struct Say;

fn main() {}
