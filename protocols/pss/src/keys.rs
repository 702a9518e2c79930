//! Keys: a node's own, those of others, and those that are shared.
//!
//! A node has one key pair. Its id is the Ed25519 half, which signs; the X25519 half, to which others seal, is the same key
//! on the curve's other form, so that whoever knows a node's id can write to it. That one key pair may serve both was shown
//! for this KEM by Thormarker (<https://ia.cr/2021/509>); what is signed here begins with a text of its own.

use std::fmt;

use curve25519_dalek::edwards::CompressedEdwardsY;
use hpke::Deserializable;
use p2p_net::NodeId;
use p2p_net::identity::SecretKey;
use ring::digest::{SHA512, digest};
use ring::rand::{SecureRandom, SystemRandom};

use crate::seal::Kem;

/// A node's key pair as what is sealed to it is opened with.
pub struct OwnKey {
    secret: SecretKey,
    opens: <Kem as hpke::Kem>::PrivateKey,
}

/// Why nothing can be sealed to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is nobody's key: no secret key belongs to it")]
pub struct NotAKey(pub NodeId);

/// The system gave no random bytes; nothing is sealed without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandomness;

impl OwnKey {
    /// The key of a node.
    pub fn new(secret: SecretKey) -> Self {
        // RFC 8032, 5.1.5: the scalar of an Ed25519 key is the first half of this; X25519 clamps it in the same way.
        let hash = digest(&SHA512, &secret.to_bytes());
        let opens = <Kem as hpke::Kem>::PrivateKey::from_bytes(&hash.as_ref()[..32]);
        Self { secret, opens: opens.expect("any 32 bytes are a secret key of X25519") }
    }

    /// The node.
    pub fn id(&self) -> NodeId {
        self.secret.id()
    }

    /// What signs.
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }

    /// What opens.
    pub(crate) fn opens(&self) -> &<Kem as hpke::Kem>::PrivateKey {
        &self.opens
    }
}

impl fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnKey(of {})", self.id().short())
    }
}

/// What is sealed to a node with.
///
/// # Errors
///
/// [`NotAKey`] when nobody can own that id.
pub(crate) fn sealing_key(node: &NodeId) -> Result<<Kem as hpke::Kem>::PublicKey, NotAKey> {
    let point =
        CompressedEdwardsY(*node.as_bytes()).decompress().filter(|_| node.is_ownable()).ok_or(NotAKey(*node))?;
    <Kem as hpke::Kem>::PublicKey::from_bytes(point.to_montgomery().as_bytes()).map_err(|_| NotAKey(*node))
}

/// Random bytes from the system.
///
/// # Errors
///
/// [`NoRandomness`].
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// 32 bytes that several nodes know and nobody else does.
#[derive(Clone, PartialEq, Eq)]
pub struct SymmetricKey([u8; 32]);

impl SymmetricKey {
    /// The key that is these bytes; only random ones are secret.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new key.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        random().map(Self)
    }

    /// Its bytes, for whoever shares it.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SymmetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SymmetricKey")
    }
}

/// A shared key, or a session, as this node calls it. It says nothing to another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hpke::{Kem as _, Serializable};

    #[test]
    fn the_id_of_a_node_is_enough_to_seal_to_it() {
        for number in 0..50 {
            let own = OwnKey::new(SecretKey::from_bytes([number; 32]));
            let derived = Kem::sk_to_pk(own.opens());
            let converted = sealing_key(&own.id()).unwrap();
            assert_eq!(derived.to_bytes(), converted.to_bytes());
        }
    }

    #[test]
    fn nobodys_key_is_refused() {
        let id = |first| NodeId::from_bytes(std::array::from_fn(|at| if at == 0 { first } else { 0 }));
        for nobody in [0, 1] {
            assert_eq!(sealing_key(&id(nobody)).err(), Some(NotAKey(id(nobody))), "a point of small order");
        }
        let off_the_curve = (2..100).filter(|first| sealing_key(&id(*first)).is_err()).count();
        assert!((20..80).contains(&off_the_curve), "half of all numbers are no points: {off_the_curve} of 98");
    }
}
