#![allow(unused, dead_code)]
use p2p_net::prelude::*;

#[derive(Clone, Default)]
struct Chat {
    pause: u64,
}

#[protocol(config = Self)]
impl Chat {
    #[every(self.pause * 2)]
    async fn tick(&self) {}

    #[every(settings.limits.heartbeat_interval)]
    async fn tock(&self) {}
}

fn main() {}
