#![allow(unused, dead_code)]
use std::rc::Rc;

use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Pong;

#[derive(Default)]
struct Chat;

#[protocol]
impl Chat {
    #[job]
    async fn greet(&self, channel: &Channel) -> Result<()> {
        let n = Rc::new(1);
        channel.send(&Pong).await?;
        drop(n);
        Ok(())
    }
}

fn main() {}
