//! What was wrong with a value or with bytes.

use std::fmt::Display;

/// Why a value cannot be written or read. One pointer, because it is part of what every step returns.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Fault(Box<Cause>);

#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    /// The bytes are fewer than what they announce.
    #[error("the bytes end before the value does")]
    Short,
    /// What bincode says of a number or a character.
    #[error("{0}")]
    Value(String),
    /// Neither false nor true, or neither nothing nor something.
    #[error("{0} is neither 0 nor 1")]
    Flag(u8),
    /// Not a character, or not text.
    #[error("not UTF-8")]
    Text,
    /// A type that wants to be told by the bytes what they are.
    #[error("the encoding does not say what a value is, only the type does")]
    Untyped,
    /// A sequence or a map that is written before its length is known.
    #[error("a sequence or a map must know its length before it is written")]
    Endless,
    /// What the type itself says.
    #[error("{0}")]
    Own(String),
}

impl From<Cause> for Fault {
    #[cold]
    fn from(cause: Cause) -> Self {
        Self(Box::new(cause))
    }
}

impl serde::ser::Error for Fault {
    #[cold]
    fn custom<T: Display>(text: T) -> Self {
        Cause::Own(text.to_string()).into()
    }
}

impl serde::de::Error for Fault {
    #[cold]
    fn custom<T: Display>(text: T) -> Self {
        Cause::Own(text.to_string()).into()
    }
}
