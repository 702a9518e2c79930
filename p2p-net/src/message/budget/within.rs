//! Wraps serde's traits so that what is decoded is paid for. Every method passes on, and pays where memory is taken.

use std::cell::Cell;
use std::fmt;
use std::mem::size_of;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::place::{Call, Place};
use super::{Budget, Room};

/// Decodes with `seed` within a budget.
pub(in crate::message) struct Within<'b, T, P> {
    pub(in crate::message) inner: T,
    pub(in crate::message) budget: &'b Budget,
    /// Where in the message it is.
    pub(in crate::message) place: P,
}

impl<'de, S: DeserializeSeed<'de>, P: Place> DeserializeSeed<'de> for Within<'_, S, P> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Within { inner: deserializer, budget: self.budget, place: self.place })
    }
}

/// Plain values cost nothing beyond the place they are put in, unless that may be a box.
macro_rules! plain {
    ($($method:ident),*) => { $(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.budget.take_value::<V::Value, _>(self.place.called(Call::Plain))?;
            self.inner.$method(visitor)
        }
    )* };
}

impl<'de, D: Deserializer<'de>, P: Place> Deserializer<'de> for Within<'_, D, P> {
    type Error = D::Error;

    plain!(deserialize_any, deserialize_bool, deserialize_i8, deserialize_i16, deserialize_i32, deserialize_i64);
    plain!(deserialize_i128, deserialize_u8, deserialize_u16, deserialize_u32, deserialize_u64, deserialize_u128);
    plain!(deserialize_f32, deserialize_f64, deserialize_char, deserialize_unit);
    plain!(deserialize_identifier, deserialize_ignored_any);

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.budget.take_value::<V::Value, _>(self.place.called(Call::Plain))?;
        self.inner.deserialize_str(Run { inner: visitor, budget: self.budget })
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.budget.take_value::<V::Value, _>(self.place.called(Call::Plain))?;
        self.inner.deserialize_bytes(Run { inner: visitor, budget: self.budget })
    }

    /// As borrowed text: the owned way reserves the claimed length before it looks how much is there.
    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_str(visitor)
    }

    /// As borrowed bytes, for the same reason.
    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let place = self.place.called(Call::Option);
        let visitor = Fields { inner: visitor, budget: self.budget, place };
        self.budget.nested(place, || self.inner.deserialize_option(visitor))
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.budget.take_value::<V::Value, _>(self.place.called(Call::Plain))?;
        self.inner.deserialize_unit_struct(name, visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = Fields { inner: visitor, budget: self.budget, place: self.place };
        self.budget.nested(self.place, || self.inner.deserialize_newtype_struct(name, visitor))
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let place = self.place.called(Call::Seq);
        let visitor = Elements { inner: visitor, budget: self.budget, place };
        self.budget.nested(place, || self.inner.deserialize_seq(visitor))
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        let place = self.place.called(Call::Tuple(len));
        let visitor = Fields { inner: visitor, budget: self.budget, place };
        self.budget.nested(place, || self.inner.deserialize_tuple(len, visitor))
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let place = self.place.called(Call::Struct(len));
        let visitor = Fields { inner: visitor, budget: self.budget, place };
        self.budget.nested(place, || self.inner.deserialize_tuple_struct(name, len, visitor))
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let place = self.place.called(Call::Map);
        let visitor = Elements { inner: visitor, budget: self.budget, place };
        self.budget.nested(place, || self.inner.deserialize_map(visitor))
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let place = self.place.called(Call::Struct(fields.len()));
        let visitor = Fields { inner: visitor, budget: self.budget, place };
        self.budget.nested(place, || self.inner.deserialize_struct(name, fields, visitor))
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let place = self.place.called(Call::Enum(variants.len()));
        let visitor = Fields { inner: visitor, budget: self.budget, place };
        self.budget.nested(place, || self.inner.deserialize_enum(name, variants, visitor))
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// The visitor of text or bytes.
struct Run<'b, V> {
    inner: V,
    budget: &'b Budget,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Run<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    #[inline]
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<V::Value, E> {
        self.budget.take_run(text.len())?;
        self.inner.visit_str(text)
    }

    #[inline]
    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.budget.take_run(text.len())?;
        self.inner.visit_borrowed_str(text)
    }

    #[inline]
    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<V::Value, E> {
        self.budget.take_run(bytes.len())?;
        self.inner.visit_bytes(bytes)
    }

    #[inline]
    fn visit_borrowed_bytes<E: serde::de::Error>(self, bytes: &'de [u8]) -> Result<V::Value, E> {
        self.budget.take_run(bytes.len())?;
        self.inner.visit_borrowed_bytes(bytes)
    }
}

/// The visitor of something whose parts lie in it: their places are paid for already.
struct Fields<'b, V, P> {
    inner: V,
    budget: &'b Budget,
    place: P,
}

impl<'de, V: Visitor<'de>, P: Place> Visitor<'de> for Fields<'_, V, P> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    #[inline]
    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Within { inner: deserializer, budget: self.budget, place: self.place.part(0) })
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Within {
            inner: deserializer,
            budget: self.budget,
            place: self.place.in_newtype(),
        })
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Counted::new(access, self.budget, self.place, false))
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Within { inner: access, budget: self.budget, place: self.place })
    }
}

/// The visitor of something with any number of parts, which are paid for one by one.
struct Elements<'b, V, P> {
    inner: V,
    budget: &'b Budget,
    place: P,
}

impl<'de, V: Visitor<'de>, P: Place> Visitor<'de> for Elements<'_, V, P> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        // An element takes a byte at least (the message's shape sees to that), so a longer claim is a lie.
        if access.size_hint().is_some_and(|claimed| claimed > self.budget.frame) {
            return Err(A::Error::custom("a sequence claims more elements than there are bytes"));
        }
        self.inner.visit_seq(Counted::new(access, self.budget, self.place, true))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        if access.size_hint().is_some_and(|claimed| claimed > self.budget.frame) {
            return Err(A::Error::custom("a map claims more entries than there are bytes"));
        }
        self.inner.visit_map(Counted::new(access, self.budget, self.place, true))
    }
}

/// Hands out the parts of a value, and pays for them unless they lie in something that was paid for.
struct Counted<'b, A, P> {
    inner: A,
    budget: &'b Budget,
    place: P,
    /// How many were handed out.
    at: usize,
    room: Option<Room>,
}

impl<'b, A, P: Place> Counted<'b, A, P> {
    #[inline]
    fn new(inner: A, budget: &'b Budget, place: P, pays: bool) -> Self {
        Self { inner, budget, place, at: 0, room: pays.then(Room::default) }
    }

    #[inline]
    fn hint(&self, claimed: Option<usize>) -> Option<usize> {
        if self.room.is_some() { self.budget.hint(claimed, self.place) } else { claimed }
    }
}

impl<'de, A: SeqAccess<'de>, P: Place> SeqAccess<'de> for Counted<'_, A, P> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        // Paid for before it is decoded: what was reserved is there while the elements reserve theirs.
        if let Some(room) = &mut self.room
            && let left = self.inner.size_hint()
            && left != Some(0)
        {
            room.element(size_of::<T::Value>(), left, self.budget, self.place)?;
        }
        let place = self.place.part(self.at);
        self.at += 1;
        self.inner.next_element_seed(Within { inner: seed, budget: self.budget, place })
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint(self.inner.size_hint())
    }
}

impl<'de, A: MapAccess<'de>, P: Place> MapAccess<'de> for Counted<'_, A, P> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let key = self.inner.next_key_seed(Within { inner: seed, budget: self.budget, place: self.place.key() })?;
        if let (Some(room), Some(_)) = (&mut self.room, &key) {
            room.key(size_of::<K::Value>(), self.budget, self.place)?;
        }
        Ok(key)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        if let Some(room) = &self.room {
            room.value(size_of::<V::Value>(), self.budget, self.place)?;
        }
        self.inner.next_value_seed(Within { inner: seed, budget: self.budget, place: self.place.value() })
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint(self.inner.size_hint())
    }
}

impl<'de, 'b, A: EnumAccess<'de>, P: Place> EnumAccess<'de> for Within<'b, A, P> {
    type Error = A::Error;
    type Variant = Within<'b, A::Variant, P>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let Self { inner, budget, place } = self;
        let at = Cell::new(0);
        let (value, inner) = inner.variant_seed(Noted { seed, at: &at })?;
        let place = place.variant(usize::try_from(at.get()).unwrap_or(usize::MAX));
        Ok((value, Within { inner, budget, place }))
    }
}

/// Which variant it is, as the encoding says it, noted on its way to the type.
struct Noted<'a, S> {
    seed: S,
    at: &'a Cell<u32>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Noted<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let at = u32::deserialize(deserializer)?;
        self.at.set(at);
        self.seed.deserialize(at.into_deserializer())
    }
}

impl<'de, A: VariantAccess<'de>, P: Place> VariantAccess<'de> for Within<'_, A, P> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(Within { inner: seed, budget: self.budget, place: self.place.part(0) })
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, Fields { inner: visitor, budget: self.budget, place: self.place })
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, Fields { inner: visitor, budget: self.budget, place: self.place })
    }
}
