//! What a method of an API cannot be, each mistake on the author's own tokens.

use p2p_net::prelude::*;

struct Chat;

#[rpc(namespace = "chat")]
impl Chat {
    fn not_async(&self) {}

    async fn changes(&mut self) {}

    async fn generic<T>(&self, _value: T) {}

    async fn pattern(&self, (_a, _b): (u8, u8)) {}

    async fn borrows(&self, _text: &str) {}

    async fn send_it(&self) {}

    #[rpc(name = "sendIt")]
    async fn again(&self) {}

    async fn subscribe(&self) {}

    #[rpc(nmae = "x")]
    async fn misspelt(&self) {}
}

fn main() {}
