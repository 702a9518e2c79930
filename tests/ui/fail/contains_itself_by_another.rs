//! A type that contains itself by way of another, which no derive sees: the compiler does.
#![allow(unused, dead_code)]

use p2p_net::prelude::*;

#[derive(Message, Serialize, Deserialize)]
struct Hen {
    eggs: Vec<Egg>,
}

#[derive(Serialize, Deserialize, Schema)]
struct Egg {
    hen: Vec<Hen>,
}

fn main() {}
