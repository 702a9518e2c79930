//! The shape of a message as constant data, and its hash: the fingerprint.
//!
//! The encoding does not describe itself, so two builds whose structs differ would decode garbage in silence. Every
//! message therefore knows its own shape; the handshake compares fingerprints and refuses a protocol where they differ.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A type whose encoding is known as data; implemented by `#[derive(Schema)]`, and by `#[derive(Message)]` for messages.
///
/// ```
/// use p2p_net::prelude::*;
///
/// #[derive(Schema, Serialize, Deserialize)]
/// enum Colour {
///     Grey(u8),
///     Mixed { red: u8, green: u8, blue: u8 },
/// }
///
/// assert_ne!(Colour::FINGERPRINT, <Option<Colour>>::FINGERPRINT);
/// ```
#[diagnostic::on_unimplemented(
    message = "the shape of `{Self}` is unknown, so it cannot be part of a message's fingerprint",
    label = "no `Schema`",
    note = "add `#[derive(Schema)]` to `{Self}`, or mark the field `#[message(opaque = \"name-and-version\")]` if the type is foreign"
)]
pub trait Schema {
    /// Its fields and theirs.
    const SHAPE: Shape;
    /// A hash of the shape: equal on two nodes exactly when they encode the type alike.
    const FINGERPRINT: u64 = Self::SHAPE.fingerprint();
}

/// How a type is encoded. Names of fields and variants count: a renamed field is another message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No bytes at all.
    Unit,
    /// A number or another plain value, by its Rust name: `u32`, `bool`, `char`.
    Plain(&'static str),
    /// UTF-8 text.
    Text,
    /// A run of bytes.
    Bytes,
    /// A value that may be absent.
    Option(&'static Shape),
    /// Any number of one thing.
    Seq(&'static Shape, Memory),
    /// Keys and values.
    Map(&'static Shape, &'static Shape, Memory),
    /// A fixed number of one thing.
    Array(&'static Shape, usize),
    /// Several things in a row.
    Tuple(&'static [&'static Shape]),
    /// A struct.
    Struct(&'static str, &'static [Field]),
    /// An enum.
    Enum(&'static str, &'static [Variant]),
    /// A foreign type, by a name and version its author vouches for.
    Opaque(&'static str),
    /// A type, and what its author says about it. The words are no part of the fingerprint.
    Documented(&'static str, &'static Shape),
    /// A type, and that it is decoded through another one that nobody sees here (serde's `with`, `from` and their like). That
    /// it is so is no part of the fingerprint; the words that say it are in the name around it.
    Replaced(&'static Shape),
    /// A struct of one field that is encoded as the field is, with nothing around it (serde's `transparent`). That it is so is
    /// no part of the fingerprint; the word that says it is in the struct's name.
    Transparent(&'static Shape),
}

/// What one element of a sequence takes in this node's memory; no part of the fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory(pub(super) usize);

impl Memory {
    /// What a `T` takes.
    pub const fn of<T>() -> Self {
        Self(size_of::<T>())
    }
}

/// A field of a struct or of a variant; tuple fields are called `0`, `1`, …
///
/// ```
/// # use p2p_net::message::{Field, Schema, Shape};
/// const FIELDS: &[Field] = &[Field::new("text", &String::SHAPE).docs("What was said."), Field::new("at", &u64::SHAPE)];
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its shape.
    pub shape: &'static Shape,
    /// What its author says about it; no part of the fingerprint.
    pub docs: &'static str,
}

impl Field {
    /// A field of which nothing is said.
    pub const fn new(name: &'static str, shape: &'static Shape) -> Self {
        Self { name, shape, docs: "" }
    }

    /// The same field with a description.
    #[must_use]
    pub const fn docs(self, docs: &'static str) -> Self {
        Self { docs, ..self }
    }
}

/// A variant of an enum, in the order of declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// Its name.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
    /// What its author says about it; no part of the fingerprint.
    pub docs: &'static str,
}

impl Variant {
    /// A variant of which nothing is said.
    pub const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        Self { name, fields, docs: "" }
    }

    /// The same variant with a description.
    #[must_use]
    pub const fn docs(self, docs: &'static str) -> Self {
        Self { docs, ..self }
    }
}

const FNV64_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV64_PRIME: u64 = 0x0000_0100_0000_01b3;

/// An FNV-1a hash over tagged, length-prefixed parts, so that no two shapes write the same bytes.
const fn mix(mut hash: u64, tag: u8, text: &str) -> u64 {
    hash = (hash ^ tag as u64).wrapping_mul(FNV64_PRIME);
    hash = mix_number(hash, text.len() as u64);
    let (bytes, mut at) = (text.as_bytes(), 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(FNV64_PRIME);
        at += 1;
    }
    hash
}

pub(super) const fn mix_number(mut hash: u64, number: u64) -> u64 {
    let (bytes, mut at) = (number.to_le_bytes(), 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(FNV64_PRIME);
        at += 1;
    }
    hash
}

const fn mix_fields(mut hash: u64, fields: &[Field]) -> u64 {
    hash = mix_number(hash, fields.len() as u64);
    let mut at = 0;
    while at < fields.len() {
        hash = fields[at].shape.mix_into(mix(hash, b'f', fields[at].name));
        at += 1;
    }
    hash
}

const fn min_of_fields(fields: &[Field]) -> usize {
    let (mut sum, mut at) = (0, 0);
    while at < fields.len() {
        sum += fields[at].shape.min_bytes();
        at += 1;
    }
    sum
}

pub(super) const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

const fn largest_of_fields(fields: &[Field]) -> usize {
    let (mut largest, mut at) = (1, 0);
    while at < fields.len() {
        largest = larger(largest, fields[at].shape.largest_element());
        at += 1;
    }
    largest
}

const fn any_foreign(fields: &[Field]) -> bool {
    let mut at = 0;
    while at < fields.len() {
        if fields[at].shape.is_foreign() {
            return true;
        }
        at += 1;
    }
    false
}

/// Foreign types that hold no list and no box: those with a `Schema` below.
const KNOWN: [&str; 3] = ["std::time::Duration", "std::net::IpAddr", "std::net::SocketAddr"];

pub(super) const fn is_known(name: &str) -> bool {
    let mut at = 0;
    while at < KNOWN.len() {
        let (known, name) = (KNOWN[at].as_bytes(), name.as_bytes());
        let mut same = 0;
        while same < known.len() && same < name.len() && known[same] == name[same] {
            same += 1;
        }
        if same == known.len() && same == name.len() {
            return true;
        }
        at += 1;
    }
    false
}

const fn are_bounded(fields: &[Field]) -> bool {
    let mut at = 0;
    while at < fields.len() {
        if !fields[at].shape.is_bounded() {
            return false;
        }
        at += 1;
    }
    true
}

impl Shape {
    /// The hash of this shape.
    pub const fn fingerprint(&self) -> u64 {
        self.mix_into(FNV64_OFFSET)
    }

    /// The fewest bytes a value of this shape is encoded in.
    pub const fn min_bytes(&self) -> usize {
        match self {
            Self::Unit => 0,
            // Each has a length, a tag, or at least one byte of its own; a foreign type is its author's word.
            Self::Plain(_) | Self::Text | Self::Bytes | Self::Option(_) | Self::Seq(..) | Self::Map(..) => 1,
            Self::Enum(..) | Self::Opaque(_) => 1,
            Self::Array(of, len) => of.min_bytes().saturating_mul(*len),
            Self::Tuple(parts) => {
                let (mut sum, mut at) = (0, 0);
                while at < parts.len() {
                    sum += parts[at].min_bytes();
                    at += 1;
                }
                sum
            }
            Self::Struct(_, fields) => min_of_fields(fields),
            Self::Documented(_, of) | Self::Replaced(of) | Self::Transparent(of) => of.min_bytes(),
        }
    }

    /// Whether every sequence in it holds things that take bytes: a few bytes that claim a billion of nothing would be
    /// decoded for hours.
    pub const fn is_bounded(&self) -> bool {
        match self {
            Self::Unit | Self::Plain(_) | Self::Text | Self::Bytes | Self::Opaque(_) => true,
            Self::Option(of) | Self::Array(of, _) => of.is_bounded(),
            Self::Documented(_, of) | Self::Replaced(of) | Self::Transparent(of) => of.is_bounded(),
            Self::Seq(of, _) => of.min_bytes() > 0 && of.is_bounded(),
            Self::Map(key, value, _) => {
                key.min_bytes() + value.min_bytes() > 0 && key.is_bounded() && value.is_bounded()
            }
            Self::Tuple(parts) => {
                let mut at = 0;
                while at < parts.len() {
                    if !parts[at].is_bounded() {
                        return false;
                    }
                    at += 1;
                }
                true
            }
            Self::Struct(_, fields) => are_bounded(fields),
            Self::Enum(_, variants) => {
                let mut at = 0;
                while at < variants.len() {
                    if !are_bounded(variants[at].fields) {
                        return false;
                    }
                    at += 1;
                }
                true
            }
        }
    }

    /// The memory of the largest element of any sequence in it, in bytes; foreign types, whose elements may be of any size,
    /// left out.
    pub const fn largest_element(&self) -> usize {
        match self {
            Self::Unit | Self::Plain(_) | Self::Text | Self::Bytes | Self::Opaque(_) | Self::Replaced(_) => 1,
            Self::Option(of) | Self::Array(of, _) => of.largest_element(),
            Self::Documented(_, of) | Self::Transparent(of) => of.largest_element(),
            Self::Seq(of, memory) => larger(memory.0, of.largest_element()),
            Self::Map(key, value, memory) => larger(memory.0, larger(key.largest_element(), value.largest_element())),
            Self::Tuple(parts) => {
                let (mut largest, mut at) = (1, 0);
                while at < parts.len() {
                    largest = larger(largest, parts[at].largest_element());
                    at += 1;
                }
                largest
            }
            Self::Struct(_, fields) => largest_of_fields(fields),
            Self::Enum(_, variants) => {
                let (mut largest, mut at) = (1, 0);
                while at < variants.len() {
                    largest = larger(largest, largest_of_fields(variants[at].fields));
                    at += 1;
                }
                largest
            }
        }
    }

    /// Whether something in it is decoded by code that no shape shows: a foreign type, or one that serde replaces.
    pub const fn is_foreign(&self) -> bool {
        match self {
            Self::Unit | Self::Plain(_) | Self::Text | Self::Bytes => false,
            Self::Opaque(name) => !is_known(name),
            Self::Replaced(_) => true,
            Self::Option(of) | Self::Seq(of, _) | Self::Array(of, _) => of.is_foreign(),
            Self::Documented(_, of) | Self::Transparent(of) => of.is_foreign(),
            Self::Map(key, value, _) => key.is_foreign() || value.is_foreign(),
            Self::Tuple(parts) => {
                let mut at = 0;
                while at < parts.len() {
                    if parts[at].is_foreign() {
                        return true;
                    }
                    at += 1;
                }
                false
            }
            Self::Struct(_, fields) => any_foreign(fields),
            Self::Enum(_, variants) => {
                let mut at = 0;
                while at < variants.len() {
                    if any_foreign(variants[at].fields) {
                        return true;
                    }
                    at += 1;
                }
                false
            }
        }
    }

    const fn mix_into(&self, mut hash: u64) -> u64 {
        match self {
            Self::Unit => mix(hash, b'0', ""),
            Self::Plain(name) => mix(hash, b'p', name),
            Self::Text => mix(hash, b't', ""),
            Self::Bytes => mix(hash, b'b', ""),
            Self::Option(of) => of.mix_into(mix(hash, b'?', "")),
            Self::Seq(of, _) => of.mix_into(mix(hash, b'*', "")),
            Self::Map(key, value, _) => value.mix_into(key.mix_into(mix(hash, b'm', ""))),
            Self::Array(of, len) => of.mix_into(mix_number(mix(hash, b'a', ""), *len as u64)),
            Self::Tuple(parts) => {
                hash = mix_number(mix(hash, b'(', ""), parts.len() as u64);
                let mut at = 0;
                while at < parts.len() {
                    hash = parts[at].mix_into(hash);
                    at += 1;
                }
                hash
            }
            Self::Struct(name, fields) => mix_fields(mix(hash, b's', name), fields),
            Self::Enum(name, variants) => {
                hash = mix_number(mix(hash, b'e', name), variants.len() as u64);
                let mut at = 0;
                while at < variants.len() {
                    hash = mix_fields(mix(hash, b'v', variants[at].name), variants[at].fields);
                    at += 1;
                }
                hash
            }
            Self::Opaque(name) => mix(hash, b'o', name),
            Self::Documented(_, of) | Self::Replaced(of) | Self::Transparent(of) => of.mix_into(hash),
        }
    }
}

macro_rules! plain {
    ($($type:ty),*) => { $(impl Schema for $type { const SHAPE: Shape = Shape::Plain(stringify!($type)); })* };
}
plain!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64, bool, char);

impl Schema for () {
    const SHAPE: Shape = Shape::Unit;
}
impl Schema for String {
    const SHAPE: Shape = Shape::Text;
}
impl Schema for crate::node_url::NodeUrl {
    const SHAPE: Shape = Shape::Text;
}
impl Schema for crate::identity::NodeId {
    const SHAPE: Shape = Shape::Array(&u8::SHAPE, 32);
}
impl Schema for super::Bytes {
    const SHAPE: Shape = Shape::Bytes;
}
impl Schema for Duration {
    const SHAPE: Shape = Shape::Opaque("std::time::Duration");
}
impl Schema for std::net::IpAddr {
    const SHAPE: Shape = Shape::Opaque("std::net::IpAddr");
}
impl Schema for std::net::SocketAddr {
    const SHAPE: Shape = Shape::Opaque("std::net::SocketAddr");
}
impl<T: Schema> Schema for Option<T> {
    const SHAPE: Shape = Shape::Option(&T::SHAPE);
}
impl<T: Schema> Schema for Vec<T> {
    const SHAPE: Shape = Shape::Seq(&T::SHAPE, Memory::of::<T>());
}
impl<T: Schema> Schema for VecDeque<T> {
    const SHAPE: Shape = Shape::Seq(&T::SHAPE, Memory::of::<T>());
}
impl<K: Schema, V: Schema> Schema for BTreeMap<K, V> {
    const SHAPE: Shape = Shape::Map(&K::SHAPE, &V::SHAPE, Memory::of::<(K, V)>());
}
impl<T: Schema, E: Schema> Schema for Result<T, E> {
    const SHAPE: Shape = Shape::Enum(
        "Result",
        &[
            Variant { name: "Ok", fields: &[Field { name: "0", shape: &T::SHAPE, docs: "" }], docs: "" },
            Variant { name: "Err", fields: &[Field { name: "0", shape: &E::SHAPE, docs: "" }], docs: "" },
        ],
    );
}
impl<T: Schema, const N: usize> Schema for [T; N] {
    const SHAPE: Shape = Shape::Array(&T::SHAPE, N);
}

macro_rules! tuple {
    ($($name:ident)+) => {
        impl<$($name: Schema),+> Schema for ($($name,)+) { const SHAPE: Shape = Shape::Tuple(&[$(&$name::SHAPE),+]); }
    };
}
tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn different_shapes_have_different_fingerprints() {
        let prints = [
            u32::FINGERPRINT,
            u64::FINGERPRINT,
            <Option<u32>>::FINGERPRINT,
            <Vec<u32>>::FINGERPRINT,
            <[u32; 4]>::FINGERPRINT,
            <[u32; 5]>::FINGERPRINT,
            <(u32, u64)>::FINGERPRINT,
            <(u64, u32)>::FINGERPRINT,
            <Vec<Option<u32>>>::FINGERPRINT,
            <Option<Vec<u32>>>::FINGERPRINT,
            <BTreeMap<u32, String>>::FINGERPRINT,
        ];
        assert_eq!(BTreeSet::from(prints).len(), prints.len());
    }

    #[test]
    fn a_sequence_of_nothing_is_not_bounded() {
        assert!(<Vec<Option<[u64; 32]>>>::SHAPE.is_bounded());
        assert!(<BTreeMap<u8, ()>>::SHAPE.is_bounded());
        for shape in [<Vec<()>>::SHAPE, <Option<(u8, Vec<((), [u8; 0])>)>>::SHAPE, <BTreeMap<(), ()>>::SHAPE] {
            assert!(!shape.is_bounded(), "{shape:?}");
        }
    }

    #[test]
    fn what_is_said_about_a_shape_changes_nothing() {
        const PLAIN: Shape = Shape::Enum("E", &[Variant::new("A", &[Field::new("n", &<Vec<u64>>::SHAPE)])]);
        const DOCUMENTED: Shape = Shape::Documented(
            "Which.",
            &Shape::Enum(
                "E",
                &[Variant::new("A", &[Field::new("n", &<Vec<u64>>::SHAPE).docs("Those.")]).docs("This.")],
            ),
        );
        assert_eq!(DOCUMENTED.fingerprint(), PLAIN.fingerprint());
        assert_eq!(DOCUMENTED.min_bytes(), PLAIN.min_bytes());
        assert_eq!(DOCUMENTED.largest_element(), PLAIN.largest_element());
        assert!(DOCUMENTED.is_bounded());
    }

    #[test]
    fn only_what_is_foreign_is_left_out_of_the_largest_element() {
        assert_eq!(<Vec<Option<(u64, Vec<u8>)>>>::SHAPE.largest_element(), 32);
        assert_eq!(<Vec<(Duration, std::net::IpAddr)>>::SHAPE.largest_element(), 40);
        assert!(!<Vec<(Duration, std::net::IpAddr)>>::SHAPE.is_foreign());
        const OPAQUE: Shape = Shape::Option(&Shape::Opaque("uuid-1"));
        const REPLACED: Shape = Shape::Transparent(&Shape::Replaced(&<Vec<u64>>::SHAPE));
        assert_eq!((OPAQUE.largest_element(), REPLACED.largest_element()), (1, 1));
        assert!(OPAQUE.is_foreign() && REPLACED.is_foreign());
        const BESIDE: Shape = Shape::Tuple(&[&OPAQUE, &<Vec<u64>>::SHAPE]);
        assert!(BESIDE.is_foreign() && BESIDE.largest_element() == 8);
    }

    #[test]
    fn letters_in_a_name_make_nothing_foreign() {
        const FIELDS: &[Field] = &[Field::new("a #[serde(rename = \"withdrawn from\")]", &u8::SHAPE)];
        assert!(!Shape::Struct("with #[serde(from)]", FIELDS).is_foreign());
    }

    #[test]
    fn how_a_type_is_decoded_changes_no_fingerprint() {
        const SHAPE: Shape = Shape::Transparent(&Shape::Replaced(&<Vec<u64>>::SHAPE));
        assert_eq!(SHAPE.fingerprint(), <Vec<u64>>::FINGERPRINT);
        assert_eq!(SHAPE.min_bytes(), 1);
    }

    #[test]
    fn types_that_encode_alike_share_a_fingerprint() {
        assert_eq!(<Vec<u8>>::FINGERPRINT, <VecDeque<u8>>::FINGERPRINT);
    }
}
