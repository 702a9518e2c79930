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
}

fn set(set: p2p_net::ProtocolSet) -> p2p_net::ProtocolSet {
    set.configure::<Chat>(|_| ())
}

fn main() {}
