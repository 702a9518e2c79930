//! Bytes and names of keys as callers write them.

use std::fmt;

use p2p_net::NodeId;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::{ADDRESS_BYTES, Address, Prefix};
use crate::keys::{KeyId, SymmetricKey};
use crate::topic::{TOPIC_BYTES, Topic};

/// Bytes as a text of hexadecimal digits with `0x` in front.
///
/// ```
/// use p2p_pss::Topic;
/// use p2p_pss::rpc::Hex;
///
/// assert_eq!(Hex(Topic::of("bar")).to_string(), "0xfcde2b2e");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hex<T>(pub T);

/// What is written as [`Hex`].
pub trait AsBytes: Sized {
    /// Its bytes.
    fn as_bytes(&self) -> &[u8];

    /// What these bytes are.
    ///
    /// # Errors
    ///
    /// What is wrong, mostly their number.
    fn from_bytes(bytes: Vec<u8>) -> Result<Self, String>;
}

impl<T: AsBytes> fmt::Display for Hex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<T: AsBytes> Serialize for Hex<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: AsBytes> Deserialize<'de> for Hex<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = bytes_of(&text).and_then(T::from_bytes);
        bytes.map(Self).map_err(D::Error::custom)
    }
}

fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.strip_prefix("0x").ok_or("bytes are written in hexadecimal, with `0x` in front")?;
    if let Some(other) = digits.chars().find(|digit| !digit.is_ascii_hexdigit()) {
        return Err(format!("{other:?} is no hexadecimal digit"));
    }
    if digits.len() % 2 != 0 {
        return Err(format!("{} hexadecimal digits: two make a byte", digits.len()));
    }
    let value = |digit: u8| (digit as char).to_digit(16).unwrap_or_default() as u8;
    Ok(digits.as_bytes().chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect())
}

/// Exactly so many bytes, of what `what` is.
fn exactly<const N: usize>(what: &str, bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| format!("{what} has {N} bytes, not {}", bytes.len()))
}

impl AsBytes for Vec<u8> {
    fn as_bytes(&self) -> &[u8] {
        self
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        Ok(bytes)
    }
}

impl AsBytes for Topic {
    fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        exactly::<TOPIC_BYTES>("a topic", &bytes).map(Self)
    }
}

impl AsBytes for NodeId {
    fn as_bytes(&self) -> &[u8] {
        Self::as_bytes(self)
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        exactly("a public key", &bytes).map(Self::from_bytes)
    }
}

impl AsBytes for SymmetricKey {
    fn as_bytes(&self) -> &[u8] {
        Self::as_bytes(self)
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        exactly("a shared key", &bytes).map(Self::from_bytes)
    }
}

impl AsBytes for Address {
    fn as_bytes(&self) -> &[u8] {
        Self::as_bytes(self)
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        exactly::<ADDRESS_BYTES>("an address", &bytes).map(Self::from_bytes)
    }
}

impl AsBytes for Prefix {
    fn as_bytes(&self) -> &[u8] {
        self.as_slice()
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        Self::from_slice(&bytes).map_err(|error| error.to_string())
    }
}

/// The name of a shared key or a session, as a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyName(pub KeyId);

impl Serialize for KeyName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for KeyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?.parse().map(KeyId);
        let remedy = "no name of a key: `setSymmetricKey` and `handshake` answer with names";
        name.map(Self).map_err(|_| D::Error::custom(remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_are_written_and_nothing_else_is() {
        assert_eq!(bytes_of("0x"), Ok(vec![]));
        assert_eq!(bytes_of("0x00fFa7"), Ok(vec![0, 255, 0xa7]));
        assert_eq!(Hex(vec![0, 255, 0xa7]).to_string(), "0x00ffa7");
        for (text, problem) in [
            ("", "with `0x` in front"),
            ("0X00", "with `0x` in front"),
            ("00", "with `0x` in front"),
            ("0x0", "1 hexadecimal digits"),
            ("0x0g", "'g' is no"),
            ("0x+1", "'+' is no"),
            ("0xää", "'ä' is no"),
            ("0x 0", "' ' is no"),
        ] {
            assert!(bytes_of(text).is_err_and(|error| error.contains(problem)), "{text}");
        }
    }
}
