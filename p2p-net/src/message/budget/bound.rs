//! Up to which size a message of a shape is never refused, so that most senders need not look whether theirs would be.

use super::super::schema::{Field, Shape};
use super::{BASE, BESIDE, FIRST, IN_NODE, MAX_DEPTH, NODE, PER_BYTE, RESERVED};

/// What the values of a shape are charged at most: `fixed`, and `per_byte` for each byte they are encoded in.
#[derive(Clone, Copy)]
struct Charge {
    fixed: usize,
    per_byte: usize,
}

/// How the room of a list is charged.
#[derive(Clone, Copy)]
struct Lists {
    /// Times the room of its elements.
    times: usize,
    /// The size every element counts as at least, in bytes.
    at_least: usize,
}

/// A list that grows pays for up to twice its elements, and for the old room while they move.
const GROWING: Lists = Lists { times: 3, at_least: 1 };

/// The largest message, in bytes, whose lists are all reserved at once if they can be paid for.
const RESERVED_AT_ONCE: usize = (RESERVED - BASE) / PER_BYTE;

/// Levels of a shape that surely do not nest too deep: a level may be decoded as more than one, a newtype in a newtype.
const SURE_DEPTH: usize = MAX_DEPTH as usize / 2;

/// The largest encoding, in bytes, of a value of this shape that is decoded whatever the value is. Larger ones may be
/// refused; with a foreign type in it, all.
pub(in crate::message) const fn always_decoded(shape: &Shape) -> usize {
    let growing = Charge::of(shape, GROWING, 0);
    if growing.fixed <= BASE && growing.per_byte <= PER_BYTE {
        return usize::MAX;
    }
    // A list is told to reserve no more elements of the largest size than can be paid for: if all lists could be paid for as
    // if they held those, each is reserved at once.
    let reserved = Charge::of(shape, Lists { times: 1, at_least: shape.largest_element() }, 0);
    if reserved.fixed > BASE {
        0
    } else if reserved.per_byte <= PER_BYTE {
        RESERVED_AT_ONCE
    } else {
        let bytes = (BASE - reserved.fixed) / (reserved.per_byte - PER_BYTE);
        if bytes < RESERVED_AT_ONCE { bytes } else { RESERVED_AT_ONCE }
    }
}

impl Charge {
    const NONE: Self = Self { fixed: 0, per_byte: 0 };
    const ANY: Self = Self { fixed: usize::MAX, per_byte: usize::MAX };

    const fn of(shape: &Shape, lists: Lists, depth: usize) -> Self {
        if depth > SURE_DEPTH {
            return Self::ANY;
        }
        match shape {
            Shape::Unit | Shape::Plain(_) => Self::NONE,
            // Once for good, once for a moment.
            Shape::Text | Shape::Bytes => Self { fixed: 0, per_byte: 2 },
            Shape::Opaque(_) | Shape::Replaced(_) => {
                if shape.is_foreign() {
                    Self::ANY
                } else {
                    Self::NONE
                }
            }
            Shape::Documented(_, of) | Shape::Transparent(of) => Self::of(of, lists, depth),
            Shape::Option(of) => Self::of(of, lists, depth + 1),
            Shape::Seq(of, memory) => {
                let size = if memory.0 > lists.at_least { memory.0 } else { lists.at_least };
                let each = Self::of(of, lists, depth + 1);
                each.repeated(size.saturating_mul(lists.times), of.min_bytes(), size.saturating_mul(FIRST))
            }
            Shape::Map(key, value, memory) => {
                // A key and a value that take no room are counted all the same.
                let node = BESIDE.saturating_add(memory.0.saturating_add(2).saturating_mul(NODE));
                let each = Self::of(key, lists, depth + 1).and(Self::of(value, lists, depth + 1));
                each.repeated(node.div_ceil(IN_NODE), key.min_bytes().saturating_add(value.min_bytes()), node)
            }
            Shape::Array(of, len) => {
                let each = Self::of(of, lists, depth + 1);
                Self { fixed: each.fixed.saturating_mul(*len), ..each }
            }
            Shape::Tuple(parts) => {
                let (mut all, mut at) = (Self::NONE, 0);
                while at < parts.len() {
                    all = all.and(Self::of(parts[at], lists, depth + 1));
                    at += 1;
                }
                all
            }
            Shape::Struct(_, fields) => Self::of_fields(fields, lists, depth + 1),
            Shape::Enum(_, variants) => {
                let (mut most, mut at) = (Self::NONE, 0);
                while at < variants.len() {
                    let variant = Self::of_fields(variants[at].fields, lists, depth + 1);
                    most = Self {
                        fixed: larger(most.fixed, variant.fixed),
                        per_byte: larger(most.per_byte, variant.per_byte),
                    };
                    at += 1;
                }
                most
            }
        }
    }

    const fn of_fields(fields: &[Field], lists: Lists, depth: usize) -> Self {
        let (mut all, mut at) = (Self::NONE, 0);
        while at < fields.len() {
            all = all.and(Self::of(fields[at].shape, lists, depth));
            at += 1;
        }
        all
    }

    /// Of one thing and another.
    const fn and(self, other: Self) -> Self {
        Self { fixed: self.fixed.saturating_add(other.fixed), per_byte: larger(self.per_byte, other.per_byte) }
    }

    /// Of any number of these, for each of which `room` is charged and which take `least` bytes or more, and `first` at once.
    const fn repeated(self, room: usize, least: usize, first: usize) -> Self {
        let per_byte = self.fixed.saturating_add(room).div_ceil(larger(least, 1));
        Self { fixed: first, per_byte: self.per_byte.saturating_add(per_byte) }
    }
}

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}
