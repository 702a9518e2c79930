//! Sequences of things that take no bytes.
#![allow(unused, dead_code)]

use std::collections::{BTreeMap, VecDeque};

use p2p_net::prelude::*;

#[derive(Serialize, Deserialize, Schema)]
struct Hollow;

#[derive(Message, Serialize, Deserialize)]
struct Endless {
    nothing: Vec<()>,
}

#[derive(Message, Serialize, Deserialize)]
struct EndlessHollow {
    nothing: Option<VecDeque<Hollow>>,
}

#[derive(Message, Serialize, Deserialize)]
struct EndlessArrays {
    nothing: Vec<([u8; 0], [(); 4])>,
}

#[derive(Message, Serialize, Deserialize)]
struct EndlessMap {
    nothing: BTreeMap<u8, BTreeMap<(), Hollow>>,
}

fn main() {}
