//! Messages of every kind that a plugin could declare, and values of them by chance.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use fastrand::Rng;
use p2p_net::Bytes;
use p2p_net::identity::NodeId;
use p2p_net::node_url::NodeUrl;
use p2p_net::prelude::*;
use p2p_net::testing::secret_of;

/// A value by chance.
pub trait Any {
    fn any(rng: &mut Rng) -> Self;
}

/// Does something with each message of the family.
pub trait Visit {
    fn message<M: Message + Any>(&mut self);
}

/// Elements of a list made by chance, at most.
const FEW: usize = 4;

thread_local! {
    /// How many elements the lists of the value that is made may still have, all together, and whether they are as small as
    /// can be; nothing when each has a few.
    static MANY: Cell<Option<(usize, bool)>> = const { Cell::new(None) };
}

/// A value whose lists have up to `elements` in all; when they are `small`, of no letters, zeros and nothing.
pub fn of_many<T: Any>(rng: &mut Rng, elements: usize, small: bool) -> T {
    MANY.set(Some((elements, small)));
    let value = T::any(rng);
    MANY.set(None);
    value
}

/// How many elements a list has.
fn len(rng: &mut Rng) -> usize {
    let Some((left, small)) = MANY.get() else { return rng.usize(..FEW) };
    let len = match rng.u8(..4) {
        0 | 1 => left,
        2 => rng.usize(..=left),
        _ => left.min(FEW),
    };
    MANY.set(Some((left - len, small)));
    len
}

fn is_small() -> bool {
    MANY.get().is_some_and(|(_, small)| small)
}

macro_rules! numbers {
    ($($type:ident)*) => { $(
        impl Any for $type {
            fn any(rng: &mut Rng) -> Self {
                match rng.u8(..4) {
                    _ if is_small() => 0,
                    0 => $type::MIN,
                    1 => $type::MAX,
                    2 => rng.u8(..128) as $type,
                    _ => rng.$type(..),
                }
            }
        }
    )* };
}
numbers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

macro_rules! any {
    ($($type:ty: $rng:ident => $value:expr),* $(,)?) => { $(
        impl Any for $type {
            fn any($rng: &mut Rng) -> Self {
                $value
            }
        }
    )* };
}
any! {
    (): _rng => (),
    bool: rng => rng.bool(),
    f32: rng => f32::from_bits(rng.u32(..)),
    f64: rng => f64::from_bits(rng.u64(..)),
    char: rng => rng.char(..),
    String: rng => (0..if is_small() { 0 } else { rng.usize(..8) }).map(|_| rng.char(..)).collect(),
    Bytes: rng => (0..rng.usize(..20)).map(|_| rng.u8(..)).collect::<Vec<_>>().into(),
    Duration: rng => Duration::new(rng.u64(..), rng.u32(..1_000_000_000)),
    IpAddr: rng => if rng.bool() { IpAddr::from(rng.u32(..).to_be_bytes()) } else { rng.u128(..).to_be_bytes().into() },
    SocketAddr: rng => SocketAddr::new(Any::any(rng), rng.u16(..)),
    NodeId: rng => secret_of(&rng.u8(..).to_string()).id(),
    NodeUrl: rng => {
        let url = NodeUrl::at("tls", SocketAddr::new(Any::any(rng), rng.u16(1..))).unwrap();
        if rng.bool() { url.with_id(Any::any(rng)) } else { url }
    },
}

impl<T: Any> Any for Option<T> {
    fn any(rng: &mut Rng) -> Self {
        (!is_small() && rng.bool()).then(|| T::any(rng))
    }
}
impl<T: Any> Any for Vec<T> {
    fn any(rng: &mut Rng) -> Self {
        (0..len(rng)).map(|_| T::any(rng)).collect()
    }
}
impl<T: Any> Any for VecDeque<T> {
    fn any(rng: &mut Rng) -> Self {
        Vec::any(rng).into()
    }
}
impl<K: Any + Ord, V: Any> Any for BTreeMap<K, V> {
    fn any(rng: &mut Rng) -> Self {
        Vec::<(K, V)>::any(rng).into_iter().collect()
    }
}
impl<T: Any, const N: usize> Any for [T; N] {
    fn any(rng: &mut Rng) -> Self {
        std::array::from_fn(|_| T::any(rng))
    }
}
impl<A: Any, B: Any> Any for (A, B) {
    fn any(rng: &mut Rng) -> Self {
        (A::any(rng), B::any(rng))
    }
}
impl<T: Any, E: Any> Any for Result<T, E> {
    fn any(rng: &mut Rng) -> Self {
        if rng.bool() { Ok(T::any(rng)) } else { Err(E::any(rng)) }
    }
}

/// Declares messages, and their values by chance: each field by itself.
macro_rules! messages {
    ($($name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),* $(,)? })*) => {
        $(
            #[derive(Message, Serialize, Deserialize)]
            #[message(max_bytes = 16 << 20, window = 32 << 20)]
            pub struct $name { $($(#[$attribute])* $field: $type),* }

            impl Any for $name {
                fn any(_rng: &mut Rng) -> Self {
                    Self { $($field: Any::any(_rng)),* }
                }
            }
        )*

        /// Visits every message declared here.
        pub fn every_message(visit: &mut impl Visit) {
            $(visit.message::<$name>();)*
            visit.message::<Choice>();
        }
    };
}

messages! {
    Empty {}
    Small { a: u8, b: i8, c: bool, d: char, e: u16, f: i16 }
    Wide { a: u32, b: i32, c: u64, d: i64, e: u128, f: i128, g: f32, h: f64 }
    Texts { one: String, many: Vec<String>, maybe: Option<String> }
    Runs {
        bytes: Bytes,
        many: Vec<Bytes>,
        #[serde(with = "serde_bytes")] raw: Vec<u8>,
        #[serde(with = "serde_bytes")] maybe: Option<Vec<u8>>,
    }
    Lists { flat: Vec<u64>, signed: VecDeque<i16>, deep: Vec<Vec<Vec<Vec<u32>>>> }
    Absent { large: Vec<Option<[u64; 32]>>, pairs: Vec<(u8, Option<[u128; 4]>)> }
    Maps { names: BTreeMap<u32, String>, set: BTreeMap<u16, ()>, deep: BTreeMap<String, BTreeMap<u8, Vec<u16>>> }
    ManyMaps { maps: Vec<BTreeMap<u8, Option<[u64; 32]>>> }
    Arrays { plain: [u8; 32], deep: [[Option<u16>; 3]; 2], texts: [String; 2] }
    Nested { choices: Vec<Choice>, part: Part, parts: Vec<Option<Part>>, result: Result<Part, String> }
    Zero { nothing: (), none: [u8; 0], hollow: Hollow, list: Vec<(Hollow, u8)>, map: BTreeMap<u8, [Hollow; 3]> }
    Places { time: Duration, ips: Vec<IpAddr>, at: Vec<SocketAddr>, ids: Vec<NodeId>, urls: Vec<NodeUrl> }
    Trees { #[message(opaque = "tree-1")] tree: Tree }
    Chains { #[message(opaque = "chain-1")] chain: Option<Box<Chain>> }
    Boxes { #[message(opaque = "boxes-1")] boxes: Vec<Box<Uneven>>, #[message(opaque = "numbers-1")] numbers: Vec<Box<u64>> }
    Nothings { #[message(opaque = "nothings-1")] nothings: Nothing }
    Replaced { #[serde(with = "as_pairs")] list: Vec<u32> }
    Beside {
        numbers: Vec<u64>,
        #[message(opaque = "uneven-1")] part: Box<Uneven>,
        texts: Vec<String>,
        map: BTreeMap<u16, Clear>,
    }
    Rows { rows: Vec<Row>, result: Result<Vec<u64>, Row>, pair: (Option<Clear>, [Either; 2]) }
}

/// An enum as a message, with a variant of each kind.
#[derive(Message, Serialize, Deserialize)]
#[message(max_bytes = 16 << 20, window = 32 << 20)]
pub enum Choice {
    Nothing,
    One(u32),
    Two(String, Option<Bytes>),
    Named { list: Vec<u16>, nothing: () },
}
any!(Choice: rng => match rng.u8(..4) {
    0 => Self::Nothing,
    1 => Self::One(Any::any(rng)),
    2 => Self::Two(Any::any(rng), Any::any(rng)),
    _ => Self::Named { list: Any::any(rng), nothing: () },
});

/// A part of messages, with a parameter of its own.
#[derive(Serialize, Deserialize, Schema)]
pub struct Part {
    id: u64,
    wrapped: Wrapped<Vec<String>>,
}
any!(Part: rng => Self { id: Any::any(rng), wrapped: Wrapped(Any::any(rng)) });

#[derive(Serialize, Deserialize, Schema)]
pub struct Wrapped<T>(T);

/// A part in which something is foreign, and something is not.
#[derive(Serialize, Deserialize, Schema)]
pub struct Row {
    #[message(opaque = "uneven-1")]
    part: Box<Uneven>,
    texts: Vec<String>,
    either: Either,
}
any!(Row: rng => Self { part: Any::any(rng), texts: Any::any(rng), either: Any::any(rng) });

/// Encoded as what is in it, which is foreign.
#[derive(Serialize, Deserialize, Schema)]
#[serde(transparent)]
pub struct Clear {
    #[message(opaque = "boxes-1")]
    #[allow(clippy::vec_box, reason = "that each has a box of its own is what it is for")]
    boxes: Vec<Box<Uneven>>,
}
any!(Clear: rng => Self { boxes: Any::any(rng) });

/// Foreign in some variants.
#[derive(Serialize, Deserialize, Schema)]
pub enum Either {
    Known(Vec<Option<u64>>),
    Foreign(#[message(opaque = "tree-1")] Tree, u8),
    Both {
        known: Option<u8>,
        #[serde(with = "as_pairs")]
        foreign: Vec<u32>,
    },
}
any!(Either: rng => match rng.u8(..3) {
    0 => Self::Known(Any::any(rng)),
    1 => Self::Foreign(Any::any(rng), Any::any(rng)),
    _ => Self::Both { known: Any::any(rng), foreign: Any::any(rng) },
});

/// Takes no bytes.
#[derive(Serialize, Deserialize, Schema)]
pub struct Hollow;
any!(Hollow: _rng => Self);

/// Contains itself, which only a foreign type can.
#[derive(Serialize, Deserialize)]
pub struct Tree {
    leaf: u8,
    children: Vec<Tree>,
}
any!(Tree: rng => {
    let children = if rng.u8(..) < 100 { Any::any(rng) } else { Vec::new() };
    Self { leaf: Any::any(rng), children }
});

#[derive(Serialize, Deserialize)]
pub enum Chain {
    End([u64; 16]),
    More(Option<Box<Chain>>),
}
any!(Chain: rng => if rng.bool() { Self::End(Any::any(rng)) } else { Self::More(Any::any(rng)) });

/// One byte, or a thousand.
#[derive(Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "that it is uneven is what it is for")]
pub enum Uneven {
    Little,
    Much([[u64; 16]; 8]),
}
any!(Uneven: rng => if rng.u8(..) < 250 { Self::Little } else { Self::Much(Any::any(rng)) });

/// Lists of what takes no bytes: empty ones, for a list that claims more than its frame has bytes is refused.
#[derive(Serialize, Deserialize)]
pub struct Nothing(Vec<Vec<()>>);
any!(Nothing: rng => Self(vec![Vec::new(); rng.usize(..FEW)]));

impl<T: Any> Any for Box<T> {
    fn any(rng: &mut Rng) -> Self {
        Self::new(T::any(rng))
    }
}

/// Stands for the author's own way to encode: each number with something large beside it that may be absent.
mod as_pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Pair = (u32, Option<[u64; 32]>);

    pub(super) fn serialize<S: Serializer>(list: &[u32], serializer: S) -> Result<S::Ok, S::Error> {
        list.iter().map(|number| (*number, None)).collect::<Vec<Pair>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
        Ok(Vec::<Pair>::deserialize(deserializer)?.into_iter().map(|pair| pair.0).collect())
    }
}
