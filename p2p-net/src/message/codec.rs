//! The one place that knows how messages become bytes: bincode 2, little-endian, variable-length integers.
//!
//! bincode writes and reads every value of more than a byte. How values stand side by side, and what is one byte, is done by code
//! of our own ([`read`], [`write`]): bincode's spends 25 instructions on the smallest number and 45 on each byte of a `[u8; 32]`.
//! A test holds it to bincode's. Every decode must consume all its bytes; nothing here reads a length it has not checked.

mod fault;
mod read;
mod write;

use std::cell::Cell;
use std::marker::PhantomData;

use bincode::config::{Configuration, standard};
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use self::read::Read;
use self::write::Write;
use super::budget::{Budget, Known, Shaped, Within, always_decoded};
use super::{Message, Schema};

/// The largest message any type may declare, in bytes.
pub(crate) const MAX_MESSAGE: usize = 16 << 20;

/// Scratch that grew beyond this is given back after use, in bytes.
const KEEP_SCRATCH: usize = 128 << 10;

/// Little-endian, and numbers the shorter the smaller they are.
const BINCODE: Configuration = standard();

/// The largest number that is written as itself, in one byte; bincode knows the others.
const ONE_BYTE: u8 = 250;

/// A value could not be encoded, or not in a way that a peer could decode; the fault is the sender's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Its own `Serialize` refused.
    #[error("cannot encode the message: {0}")]
    Serialize(String),
    /// It holds so many small things that a peer would refuse it: lists grow, and each element takes more than its bytes.
    #[error(
        "a `{message}` of {bytes} bytes takes {need} bytes of memory to decode, and a peer gives it no more than {most}: \
         send its lists in several messages"
    )]
    Memory {
        /// The message.
        message: &'static str,
        /// Its encoded size.
        bytes: usize,
        /// What decoding it is counted as, in bytes of memory.
        need: usize,
        /// What a peer lets a message of this size take, in bytes of memory.
        most: usize,
    },
    /// Its own `Deserialize` does not take what its `Serialize` writes.
    #[error("a `{message}` cannot be decoded again: {error}")]
    Undecodable {
        /// The message.
        message: &'static str,
        /// What a peer would say.
        error: DecodeError,
    },
}

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
#[inline]
pub(crate) fn encode_into<T: Serialize + ?Sized>(value: &T, into: &mut Vec<u8>) -> Result<(), EncodeError> {
    value.serialize(Write(into)).map_err(|fault| EncodeError::Serialize(fault.to_string()))
}

/// The encoding of a message, which a peer decodes unless it is over the type's `MAX_BYTES`: that is an error of its own.
pub(crate) fn encode<M: Message>(message: &M) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    encode_into(message, &mut bytes)?;
    if bytes.len() <= M::MAX_BYTES {
        check_decodes::<M>(&bytes)?;
    }
    Ok(bytes)
}

/// Says whether a peer decodes these `bytes`, the encoding of an `M`, so that nobody is punished for what it did not know.
///
/// Free for a message that is too small to be refused, or of a shape that never is. Others are decoded, as the peer will.
#[inline]
pub(crate) fn check_decodes<M: Message>(bytes: &[u8]) -> Result<(), EncodeError> {
    if bytes.len() <= const { always_decoded(&M::SHAPE) } { Ok(()) } else { count::<M>(bytes) }
}

#[inline(never)]
fn count<M: Message>(bytes: &[u8]) -> Result<(), EncodeError> {
    let budget = Budget::counting(bytes.len(), const { M::SHAPE.largest_element() });
    if let Err(error) = decode_within::<M>(bytes, &budget) {
        return Err(EncodeError::Undecodable { message: M::NAME, error });
    }
    match budget.overdrawn() {
        None => Ok(()),
        Some((need, most)) => Err(EncodeError::Memory { message: M::NAME, bytes: bytes.len(), need, most }),
    }
}

/// Decodes all of `bytes`, within the memory that so many bytes may take.
pub(crate) fn decode<M: Schema + DeserializeOwned>(bytes: &[u8]) -> Result<M, DecodeError> {
    decode_within(bytes, &Budget::of(bytes.len(), const { M::SHAPE.largest_element() }))
}

fn decode_within<M: Schema + DeserializeOwned>(bytes: &[u8], budget: &Budget) -> Result<M, DecodeError> {
    let inner = PhantomData::<M>;
    let mut read = Read(bytes);
    let decoded = if const { M::SHAPE.is_foreign() } {
        Within { inner, budget, place: Shaped::at(const { &M::SHAPE }) }.deserialize(&mut read)
    } else {
        Within { inner, budget, place: Known }.deserialize(&mut read)
    };
    match decoded {
        Ok(value) if read.0.is_empty() => Ok(value),
        Ok(_) => Err(DecodeError::Trailing(read.0.len())),
        Err(fault) => Err(DecodeError::Invalid(fault.to_string())),
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
mod tests;
