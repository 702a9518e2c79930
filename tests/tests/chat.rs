//! The chat example's own protocol file, tested as its author would.

#[path = "../../examples/examples/dchat/protocol.rs"]
#[allow(unreachable_pub, reason = "it is a module of a program")]
mod protocol;

// ANCHOR: test
use p2p_net::testing;
use protocol::{Lines, Say, chat};

#[test]
fn a_line_reaches_the_other_end_and_says_who_said_it() {
    let (sender, lines) = smol::channel::bounded(1);
    let give = move || -> Lines { sender.clone() };
    testing::pair().with::<chat>().state(give).run(async |[alice, bob]| {
        let say = Say { name: "alice".to_owned(), text: "hello".to_owned() };
        alice.to(&bob).send(&say).await.unwrap();
        assert_eq!(lines.recv().await.unwrap(), (alice.id(), say));
    });
}
// ANCHOR_END: test

// ANCHOR: many
#[test]
fn a_broadcast_reaches_everybody_but_the_speaker() {
    let (sender, lines) = smol::channel::bounded(16);
    let give = move || -> Lines { sender.clone() };
    testing::network::<5>().with::<chat>().state(give).run(async |nodes| {
        let say = Say { name: "carol".to_owned(), text: "hello, all".to_owned() };
        nodes[2].broadcast(&say).await;
        nodes[0].until(|_| lines.len() == 4).await;
    });
}
// ANCHOR_END: many
