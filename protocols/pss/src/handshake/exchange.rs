//! The keys that two ephemeral ones make.

use p2p_net::NodeId;
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::rand::SystemRandom;

use super::StepError;
use crate::keys::{NoRandomness, SymmetricKey};
use crate::seal::derive;
use crate::topic::Topic;

/// What keys of sessions are for: HKDF's `info` begins with it.
const SESSION: &[u8] = b"p2p-net pss 1 session";

/// A key that is used once.
pub(super) fn ephemeral() -> Result<(EphemeralPrivateKey, [u8; 32]), NoRandomness> {
    let secret = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).map_err(|_| NoRandomness)?;
    let mut public = [0; 32];
    public.copy_from_slice(secret.compute_public_key().map_err(|_| NoRandomness)?.as_ref());
    Ok((secret, public))
}

/// Who agreed on the keys of a session, by what, and about what.
#[derive(Debug, Clone, Copy)]
pub struct Exchange {
    /// Who offered.
    pub offers: NodeId,
    /// Who answered.
    pub answers: NodeId,
    /// The ephemeral key of who offered.
    pub offer: [u8; 32],
    /// The ephemeral key of who answered.
    pub answer: [u8; 32],
    /// The topic.
    pub topic: Topic,
}

impl Exchange {
    /// The keys that follow from what X25519 made of the two ephemeral ones: under which who offered sends, and under which who
    /// answered does.
    pub fn keys(&self, shared: &[u8]) -> (SymmetricKey, SymmetricKey) {
        let Self { offers, answers, offer, answer, topic } = self;
        let key = |which: &'static [u8]| {
            let info = [SESSION, offers.as_bytes(), answers.as_bytes(), offer, answer, &topic.0, which];
            SymmetricKey::from_bytes(derive(&[], shared, &info))
        };
        (key(b"offers"), key(b"answers"))
    }

    pub(super) fn agree(
        &self,
        own: EphemeralPrivateKey,
        theirs: &[u8; 32],
    ) -> Result<(SymmetricKey, SymmetricKey), StepError> {
        let theirs = UnparsedPublicKey::new(&X25519, theirs);
        agree_ephemeral(own, &theirs, |shared| self.keys(shared)).map_err(|_| StepError::BadKey)
    }
}
