//! The one place that knows how messages become bytes: bincode 2, little-endian, variable-length integers.
//!
//! A successor with the same bytes on the wire is a change to this file alone. Every decode has a limit and must consume
//! all its bytes; nothing here reads a length it has not checked.

use std::cell::Cell;
use std::marker::PhantomData;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Message;
use super::budget::{Budget, Within};

/// The largest message any type may declare, in bytes; also the most a decode may claim.
pub(crate) const MAX_MESSAGE: usize = 16 << 20;

/// Scratch that grew beyond this is given back after use, in bytes.
const KEEP_SCRATCH: usize = 128 << 10;

const CODEC: Configuration<LittleEndian, Varint, Limit<MAX_MESSAGE>> =
    bincode::config::standard().with_limit::<MAX_MESSAGE>();

/// A value could not be encoded; the fault is the sender's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot encode the message: {0}")]
pub struct EncodeError(String);

/// Bytes are not an encoding of the type they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end early, name a variant that does not exist, are not UTF-8, or claim more than the limit.
    #[error("not a valid encoding: {0}")]
    Invalid(String),
    /// Bytes are left after the value.
    #[error("{0} bytes too many after the value")]
    Trailing(usize),
}

/// Appends the encoding of `value` to `into`.
///
/// # Errors
///
/// When the type's `Serialize` refuses; `into` then holds what was written so far.
pub(crate) fn encode_into<T: Serialize + ?Sized>(value: &T, into: &mut Vec<u8>) -> Result<(), EncodeError> {
    match bincode::serde::encode_into_std_write(value, into, CODEC) {
        Ok(_) => Ok(()),
        Err(error) => Err(EncodeError(error.to_string())),
    }
}

/// Decodes all of `bytes` as a message, within the memory that so many bytes may take.
pub(crate) fn decode<M: Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    decode_within(bytes, const { M::SHAPE.largest_element() })
}

/// Decodes all of `bytes`, whose sequences have no larger element than `largest` bytes of memory.
pub(super) fn decode_within<T: DeserializeOwned>(bytes: &[u8], largest: usize) -> Result<T, DecodeError> {
    let budget = Budget::of(bytes.len(), largest);
    let seed = Within { inner: PhantomData::<T>, budget: &budget };
    match bincode::serde::seed_decode_from_slice(seed, bytes, CODEC) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        Ok((_, used)) => Err(DecodeError::Trailing(bytes.len() - used)),
        Err(error) => Err(DecodeError::Invalid(error.to_string())),
    }
}

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Runs `f` with an empty buffer that keeps its memory from call to call on this thread.
///
/// The buffer is out of its place while `f` runs, so a `Serialize` that panics or encodes something else harms nobody.
pub(crate) fn with_scratch<R>(f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    SCRATCH.with(|place| {
        let mut scratch = place.take();
        scratch.clear();
        let result = f(&mut scratch);
        if scratch.capacity() <= KEEP_SCRATCH {
            place.set(scratch);
        }
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let mut bytes = Vec::new();
        encode_into(&(7_u32, "seven"), &mut bytes).unwrap();
        assert_eq!(decode_within::<(u32, String)>(&bytes, 1), Ok((7, "seven".to_owned())));
    }

    #[test]
    fn trailing_and_missing_bytes_are_errors() {
        assert_eq!(decode_within::<u8>(&[1, 2], 1), Err(DecodeError::Trailing(1)));
        assert!(matches!(decode_within::<(u8, u8)>(&[1], 1), Err(DecodeError::Invalid(_))));
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        // 253 announces a u64 length; the bytes that should follow are not there.
        let claim = [253, 255, 255, 255, 255, 255, 255, 255, 127];
        assert!(decode_within::<Vec<u64>>(&claim, 8).is_err());
        assert!(decode_within::<String>(&claim, 1).is_err());
    }

    #[test]
    fn scratch_survives_a_panic_inside() {
        let caught = std::panic::catch_unwind(|| with_scratch(|_| panic!("a Serialize that panics")));
        assert!(caught.is_err());
        with_scratch(|scratch| assert!(scratch.is_empty()));
    }
}
