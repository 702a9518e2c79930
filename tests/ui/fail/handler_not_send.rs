#![allow(unused, dead_code)]
use std::sync::Mutex;

use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

#[derive(Message, Serialize, Deserialize)]
struct Pong;

#[derive(Default)]
struct Chat(Mutex<u32>);

#[protocol]
impl Chat {
    #[on]
    async fn say(&self, _say: Say, channel: &Channel) -> Result<()> {
        let mut n = self.0.lock().unwrap();
        channel.send(&Pong).await?;
        *n += 1;
        Ok(())
    }
}

fn main() {}
