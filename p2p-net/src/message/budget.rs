//! A budget for decoding: what bytes from a stranger may make this node allocate. Pure code, used by the codec alone.
//!
//! The encoding's own limit counts bytes on the wire, not in memory: a sequence of `Option<[u64; 32]>` turns one byte into
//! 264, and a claimed length reserves up to a megabyte before the first element is missed. So every decode goes through a
//! wrapper that counts elements by their size in memory, takes text and bytes from the frame instead of reserving what
//! they claim, and bounds nesting.

use std::cell::Cell;
use std::fmt;
use std::mem::size_of;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor};

/// Bytes of memory that each byte of a frame may become; a `Vec<u64>` of small numbers needs all of them.
const PER_BYTE: usize = 8;

/// Bytes of memory any frame may take.
const BASE: usize = 64 << 10;

/// How deep values may nest; what a message's shape can express by hand is far less.
const MAX_DEPTH: u32 = 64;

/// The most serde reserves for a sequence before its first element, in bytes; a full one then doubles.
const RESERVED: usize = 1 << 20;

/// What one decode may still use.
pub(super) struct Budget {
    frame: usize,
    /// The largest element of any sequence in the message, in bytes of memory.
    largest: usize,
    memory: Cell<usize>,
    depth: Cell<u32>,
}

impl Budget {
    /// The budget of a frame of `frame` bytes whose sequences have no larger element than `largest` bytes of memory.
    pub(super) fn of(frame: usize, largest: usize) -> Self {
        Self { frame, largest: largest.max(1), memory: Cell::new(BASE + PER_BYTE * frame), depth: Cell::new(0) }
    }

    fn take<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        match self.memory.get().checked_sub(bytes) {
            Some(left) => {
                self.memory.set(left);
                Ok(())
            }
            None => Err(E::custom(format_args!(
                "{} bytes would need more than {PER_BYTE} times their size in memory",
                self.frame
            ))),
        }
    }

    fn nested<T, E: serde::de::Error>(&self, decode: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let depth = self.depth.get() + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} deep")));
        }
        self.depth.set(depth);
        let result = decode();
        self.depth.set(depth - 1);
        result
    }
}

/// Decodes with `seed` within a budget.
pub(super) struct Within<'b, T> {
    pub(super) inner: T,
    pub(super) budget: &'b Budget,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Within<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Within { inner: deserializer, budget: self.budget })
    }
}

/// Plain values cost nothing beyond the place they are put in.
macro_rules! plain {
    ($($method:ident),*) => { $(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )* };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Within<'_, D> {
    type Error = D::Error;

    plain!(deserialize_any, deserialize_bool, deserialize_i8, deserialize_i16, deserialize_i32, deserialize_i64);
    plain!(deserialize_i128, deserialize_u8, deserialize_u16, deserialize_u32, deserialize_u64, deserialize_u128);
    plain!(deserialize_f32, deserialize_f64, deserialize_char, deserialize_str, deserialize_bytes, deserialize_unit);
    plain!(deserialize_identifier, deserialize_ignored_any);

    /// As borrowed text: the owned way reserves the claimed length before it looks how much is there.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_str(visitor)
    }

    /// As borrowed bytes, for the same reason.
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.budget.nested(|| self.inner.deserialize_option(Fields { inner: visitor, budget: self.budget }))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = Fields { inner: visitor, budget: self.budget };
        self.budget.nested(|| self.inner.deserialize_newtype_struct(name, visitor))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.budget.nested(|| self.inner.deserialize_seq(Elements { inner: visitor, budget: self.budget }))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = Fields { inner: visitor, budget: self.budget };
        self.budget.nested(|| self.inner.deserialize_tuple(len, visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Fields { inner: visitor, budget: self.budget };
        self.budget.nested(|| self.inner.deserialize_tuple_struct(name, len, visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.budget.nested(|| self.inner.deserialize_map(Elements { inner: visitor, budget: self.budget }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Fields { inner: visitor, budget: self.budget };
        self.budget.nested(|| self.inner.deserialize_struct(name, fields, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Fields { inner: visitor, budget: self.budget };
        self.budget.nested(|| self.inner.deserialize_enum(name, variants, visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// The visitor of something whose parts lie in it: their places are paid for already.
struct Fields<'b, V> {
    inner: V,
    budget: &'b Budget,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Fields<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Within { inner: deserializer, budget: self.budget })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Within { inner: deserializer, budget: self.budget })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Counted::new(access, self.budget, false))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Within { inner: access, budget: self.budget })
    }
}

/// The visitor of something with any number of parts, which are paid for one by one.
struct Elements<'b, V> {
    inner: V,
    budget: &'b Budget,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Elements<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        // An element takes a byte at least (the message's shape sees to that), so a longer claim is a lie.
        if access.size_hint().is_some_and(|claimed| claimed > self.budget.frame) {
            return Err(A::Error::custom("a sequence claims more elements than there are bytes"));
        }
        self.inner.visit_seq(Counted::new(access, self.budget, true))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        if access.size_hint().is_some_and(|claimed| claimed > self.budget.frame) {
            return Err(A::Error::custom("a map claims more entries than there are bytes"));
        }
        self.inner.visit_map(Counted::new(access, self.budget, true))
    }
}

/// Hands out the parts of a value, and counts them unless they lie in something that was counted.
struct Counted<'b, A> {
    inner: A,
    budget: &'b Budget,
    counts: bool,
    len: usize,
    /// Elements there is room for: as a `Vec` grows, so is it paid for.
    capacity: usize,
}

impl<'b, A> Counted<'b, A> {
    fn new(inner: A, budget: &'b Budget, counts: bool) -> Self {
        Self { inner, budget, counts, len: 0, capacity: 0 }
    }

    /// What is told to whoever reserves room before the first element.
    fn hint(&self, claimed: Option<usize>) -> Option<usize> {
        claimed.map(
            |claimed| if self.counts { claimed.min(self.budget.memory.get() / self.budget.largest) } else { claimed },
        )
    }

    /// Pays for the room of one more element of `size` bytes.
    #[inline]
    fn pay<E: serde::de::Error>(&mut self, size: usize, claimed: Option<usize>) -> Result<(), E> {
        if !self.counts {
            return Ok(());
        }
        self.len += 1;
        if self.len > self.capacity {
            let first = self.hint(claimed.map(|rest| rest + 1)).unwrap_or(0).min(RESERVED / size.max(1)).max(4);
            let grown = if self.capacity == 0 { first } else { 2 * self.capacity };
            self.budget.take((grown - self.capacity) * size)?;
            self.capacity = grown;
        }
        Ok(())
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Counted<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let element = self.inner.next_element_seed(Within { inner: seed, budget: self.budget })?;
        if element.is_some() {
            let rest = self.inner.size_hint();
            self.pay(size_of::<T::Value>(), rest)?;
        }
        Ok(element)
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint(self.inner.size_hint())
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Counted<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let key = self.inner.next_key_seed(Within { inner: seed, budget: self.budget })?;
        if key.is_some() {
            // The nodes of a tree are about half full.
            self.budget.take(2 * size_of::<K::Value>())?;
        }
        Ok(key)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.budget.take(2 * size_of::<V::Value>())?;
        self.inner.next_value_seed(Within { inner: seed, budget: self.budget })
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint(self.inner.size_hint())
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Within<'b, A> {
    type Error = A::Error;
    type Variant = Within<'b, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let budget = self.budget;
        let (value, variant) = self.inner.variant_seed(seed)?;
        Ok((value, Within { inner: variant, budget }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Within<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(Within { inner: seed, budget: self.budget })
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, Fields { inner: visitor, budget: self.budget })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, Fields { inner: visitor, budget: self.budget })
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::{decode_within, encode_into};
    use std::collections::BTreeMap;

    fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq>(value: &T, largest: usize) -> bool {
        let mut bytes = Vec::new();
        encode_into(value, &mut bytes).unwrap();
        decode_within::<T>(&bytes, largest).is_ok_and(|decoded| decoded == *value)
    }

    #[test]
    fn honest_values_are_within_the_budget() {
        assert!(round_trip(&vec![7_u64; 100_000], 8));
        assert!(round_trip(&vec![u64::MAX; 1_000_000], 8));
        assert!(round_trip(&(0..10_000_u32).map(|n| (n, n.to_string())).collect::<BTreeMap<_, _>>(), 24));
        assert!(round_trip(&vec!["text".to_owned(); 40_000], 24));
        assert!(round_trip(&vec![Some([u64::MAX; 32]); 1000], 264));
    }

    #[test]
    fn a_sequence_of_large_absences_is_refused() {
        let mut bytes = Vec::new();
        encode_into(&vec![None::<[u64; 32]>; 100_000], &mut bytes).unwrap();
        let error = decode_within::<Vec<Option<[u64; 32]>>>(&bytes, 264).unwrap_err().to_string();
        assert!(error.contains("would need more than 8 times their size in memory"), "{error}");
    }

    #[test]
    fn more_elements_than_bytes_are_refused_before_the_first() {
        let claim = [252, 0, 0, 1, 0, 1, 2, 3];
        let error = decode_within::<Vec<u8>>(&claim, 1).unwrap_err().to_string();
        assert!(error.contains("claims more elements than there are bytes"), "{error}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        enum Deep {
            End,
            More(Box<Deep>),
        }
        let deep = |n| (0..n).fold(Deep::End, |inner, _| Deep::More(Box::new(inner)));
        assert!(round_trip(&deep(20), 8));
        let mut bytes = Vec::new();
        encode_into(&deep(10_000), &mut bytes).unwrap();
        assert!(decode_within::<Deep>(&bytes, 8).unwrap_err().to_string().contains("nested more than 64 deep"));
    }
}
