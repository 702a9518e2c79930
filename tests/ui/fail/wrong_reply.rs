#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Pong;

#[derive(Message, Serialize, Deserialize)]
#[message(reply = Pong)]
struct Ping;

#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[on]
    async fn ping(&self, ping: Ping) -> Result<String> {
        Ok(String::new())
    }
}

fn main() {}
