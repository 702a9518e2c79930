//! A secret that callers prove to know; never shown.

use std::fmt;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// A bearer token: 16 to 256 printable characters without spaces. `Debug` does not show it.
///
/// ```
/// use p2p_net::rpc::Token;
///
/// let token = Token::from("correct-horse-battery".to_owned());
/// assert_eq!(format!("{token:?}"), "Token(..)");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// Whether it can stand in a header and is not guessed at once.
    pub(super) fn is_usable(&self) -> bool {
        (16..=256).contains(&self.0.len()) && self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Whether `given` is this token; takes the same time wherever the two differ.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        // Of digests nobody chooses the bytes, and all have one length.
        let (ours, theirs) = (digest(&SHA256, self.0.as_bytes()), digest(&SHA256, given));
        let different = ours.as_ref().iter().zip(theirs.as_ref()).fold(0, |all, (a, b)| all | (a ^ b));
        different == 0
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}
