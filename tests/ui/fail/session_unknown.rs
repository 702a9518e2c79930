use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say;

#[protocol(sessions = !SEEDS)]
async fn typo(_: Say) {}

fn main() {}
