//! Expansions name nothing that an author's own names could stand for.
#![no_implicit_prelude]
#![deny(warnings)]
#![allow(unused_macros, non_camel_case_types, non_snake_case, non_upper_case_globals, dead_code)]

extern crate futures as futures_util;
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

#[derive(::wire::Message, ::serde::Serialize, ::serde::Deserialize)]
#[message(crate = ::wire, stream = r#Pong, rate = "1/1s", priority = high)]
pub struct r#Loop;

#[derive(::std::clone::Clone, ::std::default::Default)]
pub struct r#Config;

#[derive(::std::default::Default)]
pub struct Wide;

#[::wire::protocol(crate = ::wire, scope = node, config = r#Config)]
impl Wide {
    #[on]
    async fn r#loop(&self, _: r#Loop, _channel: &::wire::Channel) -> impl ::futures_util::Stream<Item = r#Pong> {
        ::futures_util::stream::empty()
    }

    #[every("1s")]
    async fn r#while(&self, _: ::wire::Config<r#Config>) {}

    #[stop]
    async fn r#break(&self) {}
}

#[derive(::std::clone::Clone, ::std::default::Default)]
pub struct Own;

#[::wire::protocol(crate = ::wire, scope = node, config = Own)]
impl Own {
    #[every(::std::time::Duration::from_secs(settings.max_peers as u64))]
    async fn r#while(&self, settings: &::wire::Settings, _own: ::wire::Config<Own>) {}
}

#[derive(::std::default::Default)]
pub struct Narrow;

#[::wire::protocol(crate = ::wire)]
impl Narrow {
    #[on]
    async fn r#loop(&self, _: r#Loop) -> impl ::futures_util::Stream<Item = ::wire::Result<r#Pong>> {
        ::futures_util::stream::empty()
    }

    #[every("1s")]
    async fn r#while(&self, _channel: &::wire::Channel) -> ::wire::Result<()> {
        ::std::result::Result::Ok(())
    }

    #[stop]
    async fn r#break(&self, _peer: ::wire::NodeId) -> ::wire::Result<()> {
        ::std::result::Result::Ok(())
    }
}

fn main() {}
