#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

async fn ask(channel: &Channel) {
    let rows = channel.stream(Say { text: String::new() });
}

fn main() {}
