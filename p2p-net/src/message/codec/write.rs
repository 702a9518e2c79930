//! Writes the encoding: a serializer that appends to a buffer.

use bincode::{Encode, encode_into_std_write};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::fault::{Cause, Fault};
use super::{BINCODE, ONE_BYTE};

/// Where a message is written.
pub(super) struct Write<'a>(pub(super) &'a mut Vec<u8>);

impl Write<'_> {
    /// As bincode writes it.
    #[inline(never)]
    fn value<T: Encode>(&mut self, value: T) -> Result<(), Fault> {
        encode_into_std_write(value, self.0, BINCODE).map(drop).map_err(|error| Cause::Own(error.to_string()).into())
    }

    /// A number without a sign. bincode writes one of any width in as few bytes as it needs.
    #[inline]
    fn number(&mut self, number: u64) -> Result<(), Fault> {
        match u8::try_from(number) {
            Ok(byte @ ..=ONE_BYTE) => self.byte(byte),
            _ => self.value(number),
        }
    }

    #[inline]
    fn byte(&mut self, byte: u8) -> Result<(), Fault> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn run(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.number(bytes.len() as u64)?;
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn begin(mut self, len: Option<usize>) -> Result<Self, Fault> {
        let Some(len) = len else { return Err(Cause::Endless.into()) };
        self.number(len as u64)?;
        Ok(self)
    }

    #[inline]
    fn variant(mut self, at: u32) -> Result<Self, Fault> {
        self.number(u64::from(at))?;
        Ok(self)
    }

    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, part: &T) -> Result<(), Fault> {
        part.serialize(Write(self.0))
    }
}

/// Values that are written by one call.
macro_rules! plain {
    ($($method:ident($write:ident, $value:ident: $type:ty) $does:expr;)*) => { $(
        #[inline]
        fn $method(mut self, $value: $type) -> Result<(), Fault> {
            let $write = &mut self;
            $does
        }
    )* };
}

impl<'a> Serializer for Write<'a> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    plain! {
        serialize_bool(write, value: bool) write.byte(u8::from(value));
        serialize_u8(write, value: u8) write.byte(value);
        serialize_u16(write, value: u16) write.number(u64::from(value));
        serialize_u32(write, value: u32) write.number(u64::from(value));
        serialize_u64(write, value: u64) write.number(value);
        serialize_u128(write, value: u128) write.value(value);
        serialize_i8(write, value: i8) write.byte(value.cast_unsigned());
        serialize_i16(write, value: i16) write.value(value);
        serialize_i32(write, value: i32) write.value(value);
        serialize_i64(write, value: i64) write.value(value);
        serialize_i128(write, value: i128) write.value(value);
        serialize_f32(write, value: f32) write.value(value);
        serialize_f64(write, value: f64) write.value(value);
        serialize_char(write, value: char) write.value(value);
        serialize_str(write, value: &str) write.run(value.as_bytes());
        serialize_bytes(write, value: &[u8]) write.run(value);
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Fault> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Fault> {
        Ok(())
    }

    #[inline]
    fn serialize_none(mut self) -> Result<(), Fault> {
        self.byte(0)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<(), Fault> {
        self.byte(1)?;
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, at: u32, _: &'static str) -> Result<(), Fault> {
        self.variant(at).map(drop)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        at: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        value.serialize(self.variant(at)?)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Fault> {
        self.begin(len)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self, Fault> {
        self.begin(len)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Self, Fault> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Fault> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Fault> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(self, _: &'static str, at: u32, _: &'static str, _: usize) -> Result<Self, Fault> {
        self.variant(at)
    }

    #[inline]
    fn serialize_struct_variant(self, _: &'static str, at: u32, _: &'static str, _: usize) -> Result<Self, Fault> {
        self.variant(at)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Everything with parts is its parts, one after the other.
macro_rules! parts {
    ($($kind:ident $method:ident($($name:ident: $type:ty),*);)*) => { $(
        impl $kind for Write<'_> {
            type Ok = ();
            type Error = Fault;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $type,)* part: &T) -> Result<(), Fault> {
                self.part(part)
            }

            #[inline]
            fn end(self) -> Result<(), Fault> {
                Ok(())
            }
        }
    )* };
}

parts! {
    SerializeSeq serialize_element();
    SerializeTuple serialize_element();
    SerializeTupleStruct serialize_field();
    SerializeTupleVariant serialize_field();
    SerializeStruct serialize_field(_name: &'static str);
    SerializeStructVariant serialize_field(_name: &'static str);
}

impl SerializeMap for Write<'_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        self.part(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.part(value)
    }

    #[inline]
    fn end(self) -> Result<(), Fault> {
        Ok(())
    }
}
