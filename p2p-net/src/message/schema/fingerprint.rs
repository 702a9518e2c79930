//! The hash of a shape.

use super::{Field, Shape};

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

pub(crate) const fn mix_number(mut hash: u64, number: u64) -> u64 {
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

impl Shape {
    /// The hash of this shape.
    pub const fn fingerprint(&self) -> u64 {
        self.mix_into(FNV64_OFFSET)
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
