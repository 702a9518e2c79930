//! What callers give and get has a form in JSON, and errors have one for them.

use p2p_net::prelude::*;

struct Chat;

/// No serde.
struct Opaque;

/// No error.
struct Wrong;

#[rpc(namespace = "chat")]
impl Chat {
    async fn takes(&self, _opaque: Opaque) {}

    async fn gives(&self) -> Opaque {
        Opaque
    }

    async fn fails(&self) -> Result<(), Wrong> {
        Err(Wrong)
    }

    async fn not_send(&self) {
        let shared = std::rc::Rc::new(1);
        std::future::ready(()).await;
        drop(shared);
    }

    fn rows(&self) -> impl Stream<Item = Opaque> {
        futures::stream::empty()
    }
}

fn main() {}
