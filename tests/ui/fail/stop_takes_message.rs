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
    #[on]
    async fn say(&self, say: Say) {}

    #[stop]
    async fn bye(&self, say: Say) {}
}

fn main() {}
