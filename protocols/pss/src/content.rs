//! What is inside a seal: what kind of message it is, its length, and zeros up to a size that says little.
//!
//! Sealed payloads have a power of two bytes, whoever sealed them and how, so that those that carry them learn no more of
//! what is inside than its order of magnitude, and cannot tell a shared key from a public one.

use crate::envelope::MAX_SEALED;

/// The least bytes of a sealed payload: a line of chat, sealed to a public key.
pub const MIN_SEALED: usize = 256;

/// Bytes before the payload: the kind, and the length.
const HEAD: usize = 3;

/// What is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What the application sent.
    Payload,
    /// A step of a [handshake](crate::handshake).
    Handshake,
    /// What the application sent in reply: what replies by itself does not reply to it, so that two never do so for ever.
    Reply,
}

/// A payload that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payload of {found} bytes: at most {most} can be sent this way")]
pub struct TooLarge {
    /// How large it is.
    pub found: usize,
    /// How large it may be.
    pub most: usize,
}

/// What was sealed is not what this version seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was sealed is not a kind, a length and a payload")]
pub struct NotContent;

/// The most bytes of a payload whose seal takes `overhead` bytes.
pub const fn most(overhead: usize) -> usize {
    MAX_SEALED - overhead - HEAD
}

/// The payload as it is sealed, by a seal that takes `overhead` bytes.
///
/// # Errors
///
/// [`TooLarge`].
pub fn pack(kind: Kind, payload: &[u8], overhead: usize) -> Result<Vec<u8>, TooLarge> {
    let length = payload.len();
    if length > most(overhead) {
        return Err(TooLarge { found: length, most: most(overhead) });
    }
    let sealed = (overhead + HEAD + length).next_power_of_two().max(MIN_SEALED);
    let mut content = Vec::with_capacity(sealed - overhead);
    content.push(match kind {
        Kind::Payload => 0,
        Kind::Handshake => 1,
        Kind::Reply => 2,
    });
    // Below 2^16, as the bound is.
    content.extend((length as u16).to_be_bytes());
    content.extend(payload);
    content.resize(sealed - overhead, 0);
    Ok(content)
}

/// The kind and the payload of what was sealed.
///
/// # Errors
///
/// [`NotContent`].
pub fn unpack(content: &[u8]) -> Result<(Kind, &[u8]), NotContent> {
    let [kind, high, low, rest @ ..] = content else { return Err(NotContent) };
    let kind = match kind {
        0 => Kind::Payload,
        1 => Kind::Handshake,
        2 => Kind::Reply,
        _ => return Err(NotContent),
    };
    let payload = rest.get(..u16::from_be_bytes([*high, *low]).into());
    Ok((kind, payload.ok_or(NotContent)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_two_and_the_payload_comes_back() {
        for kind in [Kind::Handshake, Kind::Reply] {
            assert_eq!(unpack(&pack(kind, b"bar", 16).unwrap()), Ok((kind, &b"bar"[..])));
        }
        for overhead in [16, 144] {
            for length in [0, 1, 93, 94, 109, 110, 1_000, most(overhead)] {
                let payload = vec![7; length];
                let content = pack(Kind::Payload, &payload, overhead).unwrap();
                let sealed = content.len() + overhead;
                assert!(sealed.is_power_of_two() && (MIN_SEALED..=MAX_SEALED).contains(&sealed), "{sealed}");
                assert!(sealed / 2 < length + overhead + HEAD || sealed == MIN_SEALED);
                assert_eq!(unpack(&content), Ok((Kind::Payload, &payload[..])));
            }
            let error = TooLarge { found: most(overhead) + 1, most: most(overhead) };
            assert_eq!(pack(Kind::Payload, &vec![7; error.found], overhead), Err(error));
        }
    }

    #[test]
    fn what_is_no_content_is_an_error() {
        for content in [&[][..], &[0, 0], &[3, 0, 0], &[0, 0, 1], &[1, 255, 255, 0]] {
            assert_eq!(unpack(content), Err(NotContent), "{content:?}");
        }
    }
}
