#![allow(unused, dead_code)]
use std::cell::Cell;

use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

#[derive(Default)]
struct Chat(Cell<u32>);

#[protocol]
impl Chat {
    #[on]
    async fn say(&self, _say: Say) {}
}

fn main() {}
