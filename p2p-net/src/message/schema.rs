//! The shape of a message as constant data; its hash is the `fingerprint`, its `size` bounds what a decode may take.
//!
//! The encoding does not describe itself, so two builds whose structs differ would decode garbage in silence. Every
//! message therefore knows its own shape; the handshake compares fingerprints and refuses a protocol where they differ.

mod fingerprint;
mod known;
mod size;

pub(super) use fingerprint::mix_number;
pub(super) use size::is_known;

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet, VecDeque};
    use std::time::Duration;

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
