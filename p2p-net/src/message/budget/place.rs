//! Where in a message's shape a decode is, so that only what no shape shows is counted as if it were the worst there is.

use super::super::schema::{Field, Shape, is_known};

/// A place in a message; its methods lead to the places below.
pub(in crate::message) trait Place: Copy {
    /// Whether nobody sees what is decoded here: how large its parts are, and which have a box of their own.
    fn is_foreign(self) -> bool;
    /// The same place, once it is known how it is decoded; foreign when its shape says otherwise.
    fn called(self, call: Call) -> Self;
    /// One of several things in a row, or what is in an option or a newtype.
    fn part(self, at: usize) -> Self;
    /// What a newtype is around.
    fn in_newtype(self) -> Self;
    /// The keys of a map.
    fn key(self) -> Self;
    /// The values of a map.
    fn value(self) -> Self;
    /// The fields of a variant.
    fn variant(self, at: usize) -> Self;
}

/// How a type asks to be decoded.
#[derive(Debug, Clone, Copy)]
pub(in crate::message) enum Call {
    /// As what has no parts.
    Plain,
    Option,
    Seq,
    Map,
    /// With so many parts.
    Tuple(usize),
    /// With so many fields.
    Struct(usize),
    /// With so many variants.
    Enum(usize),
}

/// Any place of a message in which nothing is foreign: it takes no room and no time.
#[derive(Debug, Clone, Copy)]
pub(in crate::message) struct Known;

impl Place for Known {
    fn is_foreign(self) -> bool {
        false
    }

    fn called(self, _: Call) -> Self {
        self
    }

    fn part(self, _: usize) -> Self {
        self
    }

    fn in_newtype(self) -> Self {
        self
    }

    fn key(self) -> Self {
        self
    }

    fn value(self) -> Self {
        self
    }

    fn variant(self, _: usize) -> Self {
        self
    }
}

/// A place of a message in which something is foreign.
#[derive(Debug, Clone, Copy)]
pub(in crate::message) enum Shaped {
    /// Here nothing is.
    Known,
    /// Here everything is.
    Foreign,
    /// What has parts.
    At(&'static Shape),
    /// The fields of a variant.
    Fields(&'static [Field]),
}

impl Shaped {
    /// The place of a value of this shape.
    pub(in crate::message) fn at(mut shape: &'static Shape) -> Self {
        loop {
            shape = match shape {
                Shape::Documented(_, of) => of,
                Shape::Transparent(Shape::Struct(_, [field])) => field.shape,
                Shape::Opaque(name) if is_known(name) => return Self::Known,
                Shape::Opaque(_) | Shape::Replaced(_) | Shape::Transparent(_) => return Self::Foreign,
                Shape::Unit | Shape::Plain(_) | Shape::Text | Shape::Bytes => return Self::Known,
                _ => return Self::At(shape),
            };
        }
    }

    fn of(shape: Option<&'static Shape>) -> Self {
        shape.map_or(Self::Foreign, Self::at)
    }
}

impl Place for Shaped {
    fn is_foreign(self) -> bool {
        matches!(self, Self::Foreign)
    }

    fn called(self, call: Call) -> Self {
        let Self::At(shape) = self else { return self };
        let fits = match (shape, call) {
            (Shape::Option(_), Call::Option) | (Shape::Seq(..), Call::Seq) | (Shape::Map(..), Call::Map) => true,
            (Shape::Array(_, len), Call::Tuple(called)) => *len == called,
            (Shape::Tuple(parts), Call::Tuple(called)) => parts.len() == called,
            (Shape::Struct(_, fields), Call::Struct(called)) => fields.len() == called,
            (Shape::Enum(_, variants), Call::Enum(called)) => variants.len() == called,
            _ => false,
        };
        match fits {
            true => self,
            // A shape written by hand, which is not how serde sees the type.
            false if shape.is_foreign() => Self::Foreign,
            false => Self::Known,
        }
    }

    fn part(self, at: usize) -> Self {
        match self {
            Self::Known | Self::Foreign => self,
            Self::Fields(fields) => Self::of(fields.get(at).map(|field| field.shape)),
            Self::At(Shape::Struct(_, fields)) => Self::of(fields.get(at).map(|field| field.shape)),
            Self::At(Shape::Tuple(parts)) => Self::of(parts.get(at).copied()),
            Self::At(Shape::Option(of) | Shape::Seq(of, _) | Shape::Array(of, _)) => Self::at(of),
            Self::At(_) => Self::Foreign,
        }
    }

    fn in_newtype(self) -> Self {
        match self {
            Self::At(Shape::Struct(_, [field])) if field.name.starts_with('0') => Self::at(field.shape),
            // A newtype whose author gave it the shape of what is in it.
            _ => self,
        }
    }

    fn key(self) -> Self {
        match self {
            Self::At(Shape::Map(key, ..)) => Self::at(key),
            Self::At(_) | Self::Fields(_) => Self::Foreign,
            _ => self,
        }
    }

    fn value(self) -> Self {
        match self {
            Self::At(Shape::Map(_, value, _)) => Self::at(value),
            Self::At(_) | Self::Fields(_) => Self::Foreign,
            _ => self,
        }
    }

    fn variant(self, at: usize) -> Self {
        match self {
            Self::At(Shape::Enum(_, variants)) => {
                variants.get(at).map_or(Self::Foreign, |known| Self::Fields(known.fields))
            }
            Self::At(_) | Self::Fields(_) => Self::Foreign,
            _ => self,
        }
    }
}
