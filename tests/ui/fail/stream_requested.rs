#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
#[message(stream = Row)]
struct Query;

#[derive(Message, Serialize, Deserialize)]
struct Row {
    n: u32,
}

async fn ask(channel: &Channel) -> Result<()> {
    let row = channel.request(Query).await?;
    Ok(())
}

fn main() {}
