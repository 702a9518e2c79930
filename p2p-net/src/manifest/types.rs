//! The shape of a message in a manifest.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::{self, Shape};

/// How a type is encoded, with what its author says about it; the owned twin of [`Shape`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// No bytes at all.
    Unit,
    /// UTF-8 text.
    Text,
    /// A run of bytes.
    Bytes,
    /// A value that may be absent.
    Option(Box<Type>),
    /// Any number of one thing.
    List(Box<Type>),
    /// Keys and values.
    Map(Box<Type>, Box<Type>),
    /// A fixed number of one thing.
    Array(Box<Type>, usize),
    /// Several things in a row.
    Tuple(Vec<Type>),
    /// A struct.
    Struct {
        /// Its name.
        name: String,
        /// What its author says about it; of a message, that is with the message.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        docs: String,
        /// In the order they are encoded in.
        fields: Vec<FieldEntry>,
    },
    /// An enum.
    Enum {
        /// Its name.
        name: String,
        /// What its author says about it; of a message, that is with the message.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        docs: String,
        /// In the order they are counted in.
        variants: Vec<VariantEntry>,
    },
    /// A foreign type, by a name and version its author vouches for.
    Foreign(String),
    /// A number or another plain value, by its Rust name.
    #[serde(untagged)]
    Plain(String),
}

/// A field of a struct or of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldEntry {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub shape: Type,
    /// What its author says about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub docs: String,
}

/// A variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantEntry {
    /// Its name.
    pub name: String,
    /// What its author says about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub docs: String,
    /// Its fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldEntry>,
}

impl Type {
    /// A shape as a value; what is said about a struct or an enum goes with it.
    pub fn of(shape: &Shape) -> Self {
        let (said, mut of) = Self::documented(shape);
        if let Self::Struct { docs, .. } | Self::Enum { docs, .. } = &mut of {
            said.clone_into(docs);
        }
        of
    }

    /// A shape as a value, and what is said about the whole.
    pub(super) fn documented(shape: &Shape) -> (&'static str, Self) {
        let boxed = |shape: &Shape| Box::new(Self::of(shape));
        let of = match shape {
            Shape::Documented(docs, of) => return (docs, Self::documented(of).1),
            Shape::Replaced(of) | Shape::Transparent(of) => return Self::documented(of),
            Shape::Unit => Self::Unit,
            Shape::Plain(name) => Self::Plain((*name).to_owned()),
            Shape::Text => Self::Text,
            Shape::Bytes => Self::Bytes,
            Shape::Option(of) => Self::Option(boxed(of)),
            Shape::Seq(of, _) => Self::List(boxed(of)),
            Shape::Map(key, value, _) => Self::Map(boxed(key), boxed(value)),
            Shape::Array(of, len) => Self::Array(boxed(of), *len),
            Shape::Tuple(parts) => Self::Tuple(parts.iter().map(|part| Self::of(part)).collect()),
            Shape::Struct(name, fields) => {
                let fields = fields.iter().map(FieldEntry::of).collect();
                Self::Struct { name: (*name).to_owned(), docs: String::new(), fields }
            }
            Shape::Enum(name, variants) => {
                let variants = variants.iter().map(VariantEntry::of).collect();
                Self::Enum { name: (*name).to_owned(), docs: String::new(), variants }
            }
            Shape::Opaque(name) => Self::Foreign((*name).to_owned()),
        };
        ("", of)
    }
}

impl FieldEntry {
    fn of(field: &message::Field) -> Self {
        Self { name: field.name.to_owned(), shape: Type::of(field.shape), docs: field.docs.to_owned() }
    }
}

impl VariantEntry {
    fn of(variant: &message::Variant) -> Self {
        let fields = variant.fields.iter().map(FieldEntry::of).collect();
        Self { name: variant.name.to_owned(), docs: variant.docs.to_owned(), fields }
    }
}

impl fmt::Display for Type {
    /// In a few words: of a struct or an enum, the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit => f.write_str("nothing"),
            Self::Text => f.write_str("text"),
            Self::Bytes => f.write_str("bytes"),
            Self::Option(of) => write!(f, "option of {of}"),
            Self::List(of) => write!(f, "list of {of}"),
            Self::Map(key, value) => write!(f, "map from {key} to {value}"),
            Self::Array(of, len) => write!(f, "{len} of {of}"),
            Self::Tuple(parts) => {
                f.write_str("(")?;
                for (at, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            Self::Struct { name, .. } => write!(f, "struct {name}"),
            Self::Enum { name, .. } => write!(f, "enum {name}"),
            Self::Foreign(name) => write!(f, "foreign {name}"),
            Self::Plain(name) => f.write_str(name),
        }
    }
}
