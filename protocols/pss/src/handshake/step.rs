//! The steps of a handshake, as they are sealed.

use crate::keys::SymmetricKey;

/// A step of a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Let us agree on keys.
    Offer {
        /// The ephemeral key of who offers.
        ephemeral: [u8; 32],
    },
    /// Agreed.
    Answer {
        /// The offer that this answers.
        offer: [u8; 32],
        /// The ephemeral key of who answered.
        ephemeral: [u8; 32],
    },
    /// The answer has come: sealed under the keys that were agreed on, as the next is.
    Confirm,
    /// The confirmation has come.
    Confirmed,
}

/// What is to be sent in return for a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A step, sealed to the other node.
    Sealed(Step),
    /// A step, sealed under a key of the session.
    Under(SymmetricKey, Step),
}

/// Bytes that are no step of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these are no bytes of a step of a handshake")]
pub struct NotAStep;

impl Step {
    /// As bytes: 0 and the key; 1, the key that was offered and the key; 2; or 3.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Offer { ephemeral } => [&[0], &ephemeral[..]].concat(),
            Self::Answer { offer, ephemeral } => [&[1], &offer[..], ephemeral].concat(),
            Self::Confirm => vec![2],
            Self::Confirmed => vec![3],
        }
    }

    /// From bytes.
    ///
    /// # Errors
    ///
    /// [`NotAStep`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAStep> {
        let key = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| NotAStep);
        match bytes {
            [0, ephemeral @ ..] => Ok(Self::Offer { ephemeral: key(ephemeral)? }),
            [1, rest @ ..] => {
                let (offer, ephemeral) = rest.split_at_checked(32).ok_or(NotAStep)?;
                Ok(Self::Answer { offer: key(offer)?, ephemeral: key(ephemeral)? })
            }
            [2] => Ok(Self::Confirm),
            [3] => Ok(Self::Confirmed),
            _ => Err(NotAStep),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_back_and_nothing_else_does() {
        let keys = [Step::Offer { ephemeral: [1; 32] }, Step::Answer { offer: [2; 32], ephemeral: [3; 32] }];
        for step in keys.into_iter().chain([Step::Confirm, Step::Confirmed]) {
            let bytes = step.to_bytes();
            assert_eq!(Step::from_bytes(&bytes), Ok(step));
            for length in 0..bytes.len() {
                assert_eq!(Step::from_bytes(&bytes[..length]), Err(NotAStep));
            }
            assert_eq!(Step::from_bytes(&[&bytes[..], &[0]].concat()), Err(NotAStep));
        }
        assert_eq!(Step::from_bytes(&[4]), Err(NotAStep));
        assert_eq!(Step::from_bytes(&[2; 33]), Err(NotAStep));
    }
}
