//! Expansions name nothing that an author's own names could stand for.
#![no_implicit_prelude]
#![deny(warnings)]
#![allow(unused_macros, non_camel_case_types, non_snake_case, non_upper_case_globals, dead_code)]

extern crate p2p_net as wire;

mod std {}
mod core {}
mod serde {}
mod inventory {}
mod futures {}

struct Result;
struct Channel;
struct String;
struct Option;
struct Vec;
struct Box;
struct Arc;
struct Context;
struct Some;
struct None;
struct Ok;
struct Err;
struct Send;
struct frame;
static a0: u8 = 0;
static inbox: u8 = 0;
const ALL: u8 = 0;

macro_rules! assert {
    () => {};
}
macro_rules! panic {
    () => {};
}

#[derive(::wire::Message, ::serde::Serialize, ::serde::Deserialize)]
#[message(crate = ::wire, max_bytes = 64, reply = r#Pong)]
pub struct r#Ping {
    r#type: u8,
    list: ::std::vec::Vec<Part<u16>>,
}

#[derive(::wire::Message, ::serde::Serialize, ::serde::Deserialize)]
#[message(crate = ::wire)]
pub enum r#Pong {
    r#match { r#fn: ::std::string::String },
    Other(::std::option::Option<u8>),
}

#[derive(::wire::Schema, ::serde::Serialize, ::serde::Deserialize)]
#[message(crate = ::wire)]
pub struct Part<T> {
    of: T,
}

#[derive(::std::default::Default)]
pub struct Game;

#[::wire::protocol(crate = ::wire, sessions = !SEED | INBOUND)]
impl Game {
    #[on]
    async fn r#type(&self, r#ping: r#Ping, _channel: &::wire::Channel) -> r#Pong {
        r#Pong::Other(::std::option::Option::Some(ping.r#type))
    }

    #[on]
    async fn pong(&self, Pong: Pong) -> ::wire::Result<()> {
        let _ = Pong;
        ::std::result::Result::Ok(())
    }

    #[job]
    async fn r#loop(&self, _channel: ::wire::Channel) {}
}

#[::wire::protocol(crate = ::wire, phase = handshake)]
async fn r#try(_: r#Ping) -> r#Pong {
    r#Pong::Other(::std::option::Option::None)
}

pub struct Made;

#[::wire::protocol(crate = ::wire, phase = handshake)]
impl Made {
    fn init(_: ::wire::NodeId) -> ::wire::Result<Self> {
        ::std::result::Result::Ok(Made)
    }

    #[job]
    async fn one(&self) {}

    #[job]
    async fn two(&self) -> ::wire::Result<()> {
        ::std::result::Result::Ok(())
    }
}

fn main() {}
