// ANCHOR: plugin
//! Greets whoever asks.

use p2p_net::prelude::*;

/// Greet me.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 256, reply = Greeting)]
pub struct Greet {
    /// The name to be greeted by.
    pub name: String,
}

/// Here you are.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 512)]
pub struct Greeting {
    /// What is said.
    pub text: String,
}

/// The protocol: one request, one reply.
#[protocol(sessions = !SEED)]
pub async fn greeter(greet: Greet, from: NodeId) -> Result<Greeting> {
    if greet.name.is_empty() {
        return Err(Error::msg("who are you?"));
    }
    Ok(Greeting { text: format!("hello {}, whose key begins with {}", greet.name, from.short()) })
}
// ANCHOR_END: plugin

// ANCHOR: tests
#[cfg(test)]
mod tests {
    use p2p_net::testing;

    use super::*;

    #[test]
    fn who_asks_is_greeted() {
        testing::pair().with::<greeter>().run(async |[alice, bob]| {
            let greeting = alice.to(&bob).request(Greet { name: "Ada".to_owned() }).await.unwrap();
            assert_eq!(greeting.text, format!("hello Ada, whose key begins with {}", alice.id().short()));
        });
    }

    #[test]
    fn who_has_no_name_is_asked_for_it() {
        testing::pair().with::<greeter>().run(async |[alice, bob]| {
            let refused = alice.to(&bob).request(Greet { name: String::new() }).await.map(|greeting| greeting.text);
            assert_eq!(refused.unwrap_err().to_string(), "the peer could not answer `greet`: who are you?");
        });
    }
}
// ANCHOR_END: tests
