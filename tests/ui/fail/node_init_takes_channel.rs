#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

struct Chat;

#[protocol(scope = node)]
impl Chat {
    fn init(channel: Channel) -> Self {
        Chat
    }

    #[on]
    async fn say(&self, say: Say) {}
}

fn main() {}
