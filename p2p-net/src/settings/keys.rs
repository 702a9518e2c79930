//! The names of a struct's fields, asked from its `Deserialize` impl, so that no second list can go stale.

use serde::Deserialize;
use serde::de::{Deserializer, Visitor, value::Error};
use serde::forward_to_deserialize_any;

/// The keys of the struct `T`; none for anything that is no struct.
pub(crate) fn keys_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // The probe refuses to deliver a value: the error is expected.
    let _ = T::deserialize(Probe(&mut keys));
    keys
}

/// A deserializer that only notes which fields it was asked for.
struct Probe<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom(format_args!("a probe holds no value")))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
