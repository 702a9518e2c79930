//! Reads the encoding: a deserializer over the bytes of one message.
//!
//! Its steps are small, and inlined: for every type the compiler makes one function of them, in which a run of numbers or an
//! array of bytes takes a few instructions each. What is borrowed is borrowed; nothing here makes room for what is claimed.

use bincode::{Decode, decode_from_slice};
use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::fault::{Cause, Fault};
use super::{BINCODE, ONE_BYTE};

/// What of a message is not read yet.
pub(super) struct Read<'de>(pub(super) &'de [u8]);

impl<'de> Read<'de> {
    #[inline]
    fn bytes(&mut self, len: usize) -> Result<&'de [u8], Fault> {
        let Some((bytes, rest)) = self.0.split_at_checked(len) else { return Err(Cause::Short.into()) };
        self.0 = rest;
        Ok(bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let Some((bytes, rest)) = self.0.split_first_chunk() else { return Err(Cause::Short.into()) };
        self.0 = rest;
        Ok(*bytes)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Fault> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// As bincode reads it.
    #[inline(never)]
    fn value<T: Decode<()>>(&mut self) -> Result<T, Fault> {
        let (value, read) = decode_from_slice(self.0, BINCODE).map_err(|error| Cause::Value(error.to_string()))?;
        self.0 = &self.0[read..];
        Ok(value)
    }

    /// A number without a sign.
    #[inline]
    fn number<T: Decode<()> + From<u8>>(&mut self) -> Result<T, Fault> {
        match *self.0 {
            [byte @ ..=ONE_BYTE, ref rest @ ..] => {
                self.0 = rest;
                Ok(T::from(byte))
            }
            _ => self.value(),
        }
    }

    #[inline]
    fn len(&mut self) -> Result<usize, Fault> {
        // What is longer than memory is longer than the bytes.
        usize::try_from(self.number::<u64>()?).map_err(|_| Cause::Short.into())
    }

    #[inline]
    fn flag(&mut self) -> Result<bool, Fault> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Cause::Flag(other).into()),
        }
    }

    #[inline]
    fn text(&mut self, len: usize) -> Result<&'de str, Fault> {
        std::str::from_utf8(self.bytes(len)?).map_err(|_| Cause::Text.into())
    }

    #[inline]
    fn parts(&mut self, left: usize) -> Parts<'_, 'de> {
        Parts { read: self, left }
    }
}

/// Values that are read by one call.
macro_rules! plain {
    ($($method:ident $visit:ident $read:ident;)*) => { $(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            visitor.$visit(self.$read()?)
        }
    )* };
}

impl<'de> Deserializer<'de> for &mut Read<'de> {
    type Error = Fault;

    plain! {
        deserialize_bool visit_bool flag;
        deserialize_u8 visit_u8 byte;
        deserialize_u16 visit_u16 number;
        deserialize_u32 visit_u32 number;
        deserialize_u64 visit_u64 number;
        deserialize_u128 visit_u128 value;
        deserialize_i8 visit_i8 value;
        deserialize_i16 visit_i16 value;
        deserialize_i32 visit_i32 value;
        deserialize_i64 visit_i64 value;
        deserialize_i128 visit_i128 value;
        deserialize_f32 visit_f32 value;
        deserialize_f64 visit_f64 value;
        deserialize_char visit_char value;
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let len = self.len()?;
        visitor.visit_borrowed_str(self.text(len)?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let len = self.len()?;
        visitor.visit_borrowed_bytes(self.bytes(len)?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.flag()? { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let len = self.len()?;
        visitor.visit_seq(self.parts(len))
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(self.parts(len))
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_seq(self.parts(len))
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let len = self.len()?;
        visitor.visit_map(self.parts(len))
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_seq(self.parts(fields.len()))
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(Cause::Untyped.into())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(Cause::Untyped.into())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(Cause::Untyped.into())
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The parts of a tuple, or the elements of a sequence, or the entries of a map.
struct Parts<'a, 'de> {
    read: &'a mut Read<'de>,
    left: usize,
}

impl Parts<'_, '_> {
    /// Whether there is one more.
    #[inline]
    fn one_more(&mut self) -> bool {
        let more = self.left > 0;
        self.left -= usize::from(more);
        more
    }
}

impl<'de> SeqAccess<'de> for Parts<'_, 'de> {
    type Error = Fault;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        if self.one_more() { seed.deserialize(&mut *self.read).map(Some) } else { Ok(None) }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Parts<'_, 'de> {
    type Error = Fault;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        if self.one_more() { seed.deserialize(&mut *self.read).map(Some) } else { Ok(None) }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(&mut *self.read)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> EnumAccess<'de> for &mut Read<'de> {
    type Error = Fault;
    type Variant = Self;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let at: U32Deserializer<Fault> = self.number::<u32>()?.into_deserializer();
        Ok((seed.deserialize(at)?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Read<'de> {
    type Error = Fault;

    #[inline]
    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(self.parts(len))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(self.parts(fields.len()))
    }
}
