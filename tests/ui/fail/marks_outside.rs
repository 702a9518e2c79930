#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

struct Chat;

impl Chat {
    #[on]
    async fn say(&self, say: Say) {}

    #[job]
    async fn greet(&self) {}
}

fn main() {}
