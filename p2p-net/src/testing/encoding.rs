//! A message as bytes, for tests of what a peer may send.

use crate::message::{DecodeError, EncodeError, Message, codec};

/// The bytes in which `message` travels, without frame headers.
///
/// # Errors
///
/// When the type's `Serialize` refuses, or a peer would refuse to decode it.
pub fn encode<M: Message>(message: &M) -> Result<Vec<u8>, EncodeError> {
    codec::encode(message)
}

/// What a channel makes of `bytes` that came as an `M`, within the memory that so many bytes may take.
///
/// ```
/// use p2p_net::prelude::*;
/// use p2p_net::testing::{decode, encode};
///
/// #[derive(Debug, PartialEq, Message, Serialize, Deserialize)]
/// struct Say(String);
///
/// let bytes = encode(&Say("hi".to_owned()))?;
/// assert_eq!(decode::<Say>(&bytes)?, Say("hi".to_owned()));
/// assert!(decode::<Say>(&bytes[1..]).is_err());
/// # Ok::<_, Error>(())
/// ```
///
/// # Errors
///
/// When `bytes` are not the encoding of an `M`, hold more than one, or would take too much memory.
pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    codec::decode(bytes)
}
