#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

struct Note;

#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[on]
    async fn note(&self, say: Say, note: Note, channel: &Channel) {}
}

fn main() {}
