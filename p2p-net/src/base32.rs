//! Base32 for keys: the lower-case RFC 4648 alphabet, 32 bytes in 52 characters, no padding, one text for each key.
//!
//! Called by [`identity`](crate::identity) alone. It never accepts a second spelling of the same bytes.

/// How many bytes a key has.
const BYTES: usize = 32;
/// How many characters hold them: 256 bits, five to a character, rounded up.
pub(crate) const CHARACTERS: usize = 52;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The text of `bytes`.
pub(crate) fn encode(bytes: &[u8; BYTES]) -> String {
    let mut text = String::with_capacity(CHARACTERS);
    let (mut bits, mut held) = (0u32, 0);
    for &byte in bytes {
        bits = bits << 8 | u32::from(byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(character(bits >> held));
        }
    }
    text.push(character(bits << (5 - held)));
    text
}

fn character(bits: u32) -> char {
    char::from(ALPHABET[(bits & 31) as usize])
}

/// Why a text is not the base32 of 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    Length(usize),
    Character(char),
    /// The last character carries four bits beyond the last byte, which must be zero.
    Tail,
}

/// The bytes of `text`.
pub(crate) fn decode(text: &str) -> Result<[u8; BYTES], Malformed> {
    if text.len() != CHARACTERS {
        return Err(Malformed::Length(text.chars().count()));
    }
    let mut bytes = [0; BYTES];
    let (mut bits, mut held, mut at) = (0u32, 0, 0);
    for found in text.chars() {
        let value = match found {
            'a'..='z' => u32::from(found) - u32::from('a'),
            '2'..='7' => u32::from(found) - u32::from('2') + 26,
            _ => return Err(Malformed::Character(found)),
        };
        bits = bits << 5 | value;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes[at] = (bits >> held & 0xff) as u8;
            at += 1;
        }
    }
    if bits & ((1 << held) - 1) != 0 {
        return Err(Malformed::Tail);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_texts_hold() {
        assert_eq!(encode(&[0; 32]), "a".repeat(52));
        assert_eq!(encode(&[0xff; 32]), format!("{}q", "7".repeat(51)));
        assert!(encode(b"foobar..........................").starts_with("mzxw6ytbo"), "the RFC's own example");
    }

    #[test]
    fn every_key_comes_back_from_its_text() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let bytes: [u8; 32] = std::array::from_fn(|_| rng.u8(..));
            assert_eq!(decode(&encode(&bytes)), Ok(bytes));
        }
    }

    #[test]
    fn a_second_spelling_is_refused() {
        let text = "a".repeat(51);
        assert_eq!(decode(&format!("{text}b")), Err(Malformed::Tail));
        assert_eq!(decode(&format!("{text}A")), Err(Malformed::Character('A')));
        assert_eq!(decode(&text), Err(Malformed::Length(51)));
        assert_eq!(decode(&"é".repeat(26)), Err(Malformed::Character('é')), "52 bytes, 26 characters");
    }
}
