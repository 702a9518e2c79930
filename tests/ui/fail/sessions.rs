#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

#[derive(Default)]
struct Chat;

#[protocol(sessions = SEED & INBOUND)]
impl Chat {
    #[on]
    async fn say(&self, say: Say) {}
}

#[protocol(sessions = SEED + INBOUND, version = 0)]
async fn wrong(_: Say) {}

fn main() {}
