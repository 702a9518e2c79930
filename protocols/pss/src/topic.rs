//! What a message is about, in four bytes that everybody on its way can see.

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};

/// Bytes of a topic: enough to sort messages by, too few to name what they are about.
pub const TOPIC_BYTES: usize = 4;

/// What a message is about. Two names may share a topic; that is no secret, and what is sealed tells them apart.
///
/// ```
/// use p2p_pss::Topic;
///
/// assert_eq!(Topic::of("bar").to_string(), "fcde2b2e");
/// assert_eq!("fcde2b2e".parse(), Ok(Topic::of("bar")));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(pub [u8; TOPIC_BYTES]);

impl Topic {
    /// The topic of a name: the first four bytes of its SHA-256.
    pub fn of(name: &str) -> Self {
        let hash = digest(&SHA256, name.as_bytes());
        let mut bytes = [0; TOPIC_BYTES];
        bytes.copy_from_slice(&hash.as_ref()[..TOPIC_BYTES]);
        Self(bytes)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text that is no topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no topic: it should be 8 hexadecimal digits; `Topic::of` makes one of a name")]
pub struct TopicError(String);

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let plain = text.len() == 2 * TOPIC_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u32::from_str_radix(text, 16) {
            Ok(number) if plain => Ok(Self(number.to_be_bytes())),
            _ => Err(TopicError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_topic_is_an_error() {
        for text in ["", "fcde2b2", "fcde2b2e0", "+cde2b2e", "gcde2b2e"] {
            assert_eq!(text.parse::<Topic>(), Err(TopicError(text.to_owned())));
        }
        assert_eq!("0000002A".parse::<Topic>(), Ok(Topic([0, 0, 0, 42])));
    }
}
