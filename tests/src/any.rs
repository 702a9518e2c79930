//! A message that is encoded as whatever value it holds, to see how values are encoded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use p2p_net::message::{Bytes, Message, One, Schema, Shape};
use p2p_net::protocol::{Construct, Context, Handles, Phase, Protocol, ProtocolBase, ProtocolDescriptor};
use p2p_net::{Result, SessionFlags};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::plain::{deaf, protocol};

/// An enum whose second variant has a field.
#[derive(Debug, Serialize)]
pub enum Choice {
    /// Number 0.
    Nothing,
    /// Number 1.
    Number(u32),
}

macro_rules! any {
    ($($name:ident($type:ty)),*) => {
        /// A value; what is sent is the value alone.
        #[derive(Debug)]
        pub enum Any {
            $(#[doc = concat!("A value of `", stringify!($type), "`.")] $name($type),)*
        }

        impl Serialize for Any {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name(value) => value.serialize(serializer),)*
                }
            }
        }
    };
}

any!(
    U8(u8),
    U32(u32),
    U64(u64),
    I32(i32),
    Bool(bool),
    F32(f32),
    Char(char),
    Text(String),
    Bytes(Bytes),
    Seq(Vec<u16>),
    Option(Option<u32>),
    Choice(Choice),
    Map(BTreeMap<u32, u64>),
    Duration(Duration),
    Unit(())
);

impl Any {
    /// The value that a vector names, as `type` and `value`.
    ///
    /// # Panics
    ///
    /// When there is no such type or value.
    pub fn of(kind: &str, value: &str) -> Self {
        let bad = || -> ! { panic!("no value `{value}` of type `{kind}`") };
        let number = || value.parse::<u64>().unwrap_or_else(|_| bad());
        let small = || u32::try_from(number()).unwrap_or_else(|_| bad());
        match kind {
            "u8" => Self::U8(value.parse().unwrap_or_else(|_| bad())),
            "u32" => Self::U32(small()),
            "u64" => Self::U64(number()),
            "i32" => Self::I32(value.parse().unwrap_or_else(|_| bad())),
            "bool" => Self::Bool(value == "true"),
            "f32" => Self::F32(value.parse().unwrap_or_else(|_| bad())),
            "char" => Self::Char(value.parse().unwrap_or_else(|_| bad())),
            "text" => Self::Text(value.to_owned()),
            "bytes" => Self::Bytes(crate::wire::hex(value).into()),
            "[u16]" => Self::Seq(value.split(' ').map(|item| item.parse().unwrap_or_else(|_| bad())).collect()),
            "option u32" => Self::Option((value != "none").then(small)),
            "enum, variant 1 of one u32 field" => Self::Choice(Choice::Number(small())),
            "map u32 u64" => Self::Map(
                value
                    .split(' ')
                    .map(|pair| {
                        let (key, value) = pair.split_once('=').unwrap_or_else(|| bad());
                        (key.parse().unwrap_or_else(|_| bad()), value.parse().unwrap_or_else(|_| bad()))
                    })
                    .collect(),
            ),
            "duration" => {
                Self::Duration(Duration::from_millis(value.trim_end_matches("ms").parse().unwrap_or_else(|_| bad())))
            }
            "unit" => Self::Unit(()),
            _ => bad(),
        }
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(_: D) -> std::result::Result<Self, D::Error> {
        Err(serde::de::Error::custom("nobody knows what it was"))
    }
}

impl Schema for Any {
    // A shape that any memory is enough for: a sender decodes others to see whether a peer could.
    const SHAPE: Shape = Shape::Bytes;
}

impl Message for Any {
    const NAME: &'static str = "any";
    const MAX_BYTES: usize = 1024;
    type Answer = One<()>;
}

protocol! {
    /// Brings the message [`Any`].
    Teller "teller" Main deaf [Any]
}
