#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Clone)]
struct Limits;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

#[derive(Default)]
struct Chat;

#[protocol(config = Limits)]
impl Chat {
    #[on]
    async fn say(&self, say: Say) {}
}

fn main() {}
