#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[handle]
    async fn say(&self, say: Say) {}

    #[on]
    async fn other(&self, say: Say) {}
}

fn main() {}
