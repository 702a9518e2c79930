#![allow(unused, dead_code)]
use p2p_net::ProtocolSet;
use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Say {
    text: String,
}

#[derive(Default)]
struct Chat;

#[protocol(phase = early)]
impl Chat {
    fn init(&self) -> Self {
        Chat
    }

    #[on]
    fn say(&mut self, say: Say) {}

    #[on]
    async fn generic<T>(&self, say: T) {}

    #[every("30s")]
    async fn tick(&self) {}

    #[on]
    async fn none(&self) {}
}

trait Other {}

#[protocol]
impl Other for Chat {}

struct Empty;

#[protocol]
impl Empty {}

struct Generic<T>(T);

#[protocol]
impl<T> Generic<T> {
    #[job]
    async fn run(&self) {}
}

// None of these is an error of its own.
fn used(set: ProtocolSet) -> ProtocolSet {
    set.without::<Chat>().without::<Empty>()
}

fn main() {}
