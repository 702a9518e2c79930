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
    async fn say(&self, say: Say, a: NodeId, b: NodeId, c: NodeId, d: NodeId, e: NodeId, f: NodeId) {}
}

fn main() {}
