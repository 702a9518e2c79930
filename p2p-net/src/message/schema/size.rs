//! What a shape says of sizes: the fewest bytes, the largest elements, and whether memory is bounded at all.

use super::{Field, Shape};

const fn min_of_fields(fields: &[Field]) -> usize {
    let (mut sum, mut at) = (0, 0);
    while at < fields.len() {
        sum += fields[at].shape.min_bytes();
        at += 1;
    }
    sum
}

const fn larger(a: usize, b: usize) -> usize {
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

/// Foreign types that hold no list and no box: those with a `Schema` in `known.rs`.
const KNOWN: [&str; 3] = ["std::time::Duration", "std::net::IpAddr", "std::net::SocketAddr"];

pub(crate) const fn is_known(name: &str) -> bool {
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
}
