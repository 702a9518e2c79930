//! A message that the application encrypts for itself, carried as it is: nothing says who sent it.
//!
//! ```sh
//! cargo run --example e4_raw
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

#[path = "../src/relay.rs"]
mod relay;

use std::process::ExitCode;

use p2p_examples::{Outcome, ensure, exit, local};
use p2p_protocols as _;
use p2p_pss::{Prefix, Sender, Topic};
use relay::{around, behind, heard};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    around(local("bob")?, [behind("alice")], async |bob, [alice]| {
        let topic = Topic::of("foo");
        let mut messages = bob.subscribe(topic);
        let (mut secret, mut nonce) = ([0; 32], [0; 12]);
        for random in [&mut secret[..], &mut nonce] {
            SystemRandom::new().fill(random).map_err(|_| "the system gave no random bytes")?;
        }
        let key = || UnboundKey::new(&CHACHA20_POLY1305, &secret).map(LessSafeKey::new).map_err(|_| "no key");
        let once = || Nonce::assume_unique_for_key(nonce);

        // ANCHOR: raw
        let mut text = b"xyzzy".to_vec();
        key()?.seal_in_place_append_tag(once(), Aad::empty(), &mut text).map_err(|_| "it cannot be sealed")?;
        alice.send_raw(Prefix::full(&bob.base_addr()), topic, &text)?;
        // ANCHOR_END: raw

        let mut message = heard(&mut messages).await?;
        ensure(message.sender == Sender::Raw, "no sender")?;
        let text =
            key()?.open_in_place(once(), Aad::empty(), &mut message.payload).map_err(|_| "it cannot be opened")?;
        println!("somebody says {}", String::from_utf8_lossy(text));
        ensure(text == b"xyzzy", "\"xyzzy\"")
    })
}
