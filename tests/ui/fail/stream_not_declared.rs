#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

#[derive(Message, Serialize, Deserialize)]
struct Row;

#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[on]
    async fn say(&self, say: Say) -> impl Stream<Item = Row> {
        futures::stream::empty()
    }
}

fn main() {}
