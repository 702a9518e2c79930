//! The two steps of a handshake, as they are sealed.

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
        /// The ephemeral key of who answers.
        ephemeral: [u8; 32],
    },
}

/// Bytes that are no step of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these are no bytes of an offer or an answer")]
pub struct NotAStep;

impl Step {
    /// As bytes: 0 and the key, or 1, the key that was offered and the key.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Offer { ephemeral } => [&[0], &ephemeral[..]].concat(),
            Self::Answer { offer, ephemeral } => [&[1], &offer[..], ephemeral].concat(),
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
            _ => Err(NotAStep),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_back_and_nothing_else_does() {
        let steps = [Step::Offer { ephemeral: [1; 32] }, Step::Answer { offer: [2; 32], ephemeral: [3; 32] }];
        for step in steps {
            let bytes = step.to_bytes();
            assert_eq!(Step::from_bytes(&bytes), Ok(step));
            for length in 0..bytes.len() {
                assert_eq!(Step::from_bytes(&bytes[..length]), Err(NotAStep));
            }
            assert_eq!(Step::from_bytes(&[&bytes[..], &[0]].concat()), Err(NotAStep));
        }
        assert_eq!(Step::from_bytes(&[2; 33]), Err(NotAStep));
    }
}
