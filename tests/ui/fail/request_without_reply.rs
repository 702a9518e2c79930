#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

async fn ask(channel: &Channel) -> Result<()> {
    let _answer = channel.request(Say { text: String::new() }).await?;
    Ok(())
}

fn main() {}
