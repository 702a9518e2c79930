//! Seals: to a node's public key, signed by the sender inside; and under a shared key.
//!
//! To a public key: HPKE (RFC 9180) in base mode, X25519, HKDF-SHA256 and ChaCha20-Poly1305. The sender is inside, with a
//! signature by its node identity over the receiver, the encapsulated key, the header and the content: so those on the way
//! do not learn who it is, the receiver does for certain, and cannot pass it on as if it were meant for somebody else.
//! HPKE's own authenticated mode would need the sender's key outside, and whoever steals the receiver's key could then
//! forge messages to it.
//!
//! Under a shared key: ChaCha20-Poly1305 with a key made from it and the envelope's random nonce by HKDF-SHA256, so that no
//! key is used twice. Both bind every field of the header.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender};
use p2p_net::NodeId;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};

use crate::content::{self, Kind, TooLarge};
use crate::envelope::Header;
use crate::keys::{NotAKey, OwnKey, SymmetricKey, sealing_key};

pub(crate) type Kem = X25519HkdfSha256;

/// What seals to a public key are for: HPKE's `info`.
const ASYMMETRIC: &[u8] = b"p2p-net pss 1 asymmetric";
/// What seals under a shared key are for: HKDF's `info`.
const SYMMETRIC: &[u8] = b"p2p-net pss 1 symmetric";
/// What signatures begin with, so that none made for anything else is one of these.
const SIGNED: &[u8] = b"p2p-net pss 1 sender";

const ENCAPSULATED: usize = 32;
const SENDER: usize = 32;
const SIGNATURE: usize = 64;
const TAG: usize = 16;

/// Bytes that a seal to a public key adds.
pub const ASYMMETRIC_OVERHEAD: usize = ENCAPSULATED + SENDER + SIGNATURE + TAG;
/// Bytes that a seal under a shared key adds.
pub const SYMMETRIC_OVERHEAD: usize = TAG;
/// The most bytes of a payload that is sealed to a public key.
pub const MAX_ASYMMETRIC: usize = content::most(ASYMMETRIC_OVERHEAD);
/// The most bytes of a payload that is sealed under a shared key.
pub const MAX_SYMMETRIC: usize = content::most(SYMMETRIC_OVERHEAD);

/// Why nothing was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The payload is too large.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// Nobody can open what is sealed to that key.
    #[error(transparent)]
    NotAKey(#[from] NotAKey),
}

/// Why a seal is not opened: it may be for another node, under another key, or changed on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is not sealed to this key, or was changed.
    #[error("this key does not open it: it is for another, or was changed on the way")]
    NotOurs,
    /// It was sealed to this key, and not by the node that it says.
    #[error("it says that {0} sent it, whose signature it has not")]
    Forged(NodeId),
    /// It was sealed to this key, and what is inside makes no sense.
    #[error("what was sealed is not a kind, a length and a payload")]
    NotContent,
}

/// What was sealed to this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub payload: Vec<u8>,
}

/// Seals to the public key `to`, as `from`.
///
/// # Errors
///
/// When the payload is too large, or nobody owns the key.
///
/// # Panics
///
/// When the system gives no random bytes, as everything that makes keys does.
pub fn to_public_key(
    from: &OwnKey,
    to: &NodeId,
    header: &Header,
    kind: Kind,
    payload: &[u8],
) -> Result<Vec<u8>, SealError> {
    let content = content::pack(kind, payload, ASYMMETRIC_OVERHEAD)?;
    let bound = header.to_bytes();
    let nobody = |_| NotAKey(*to);
    let (encapsulated, mut context) =
        setup_sender::<ChaCha20Poly1305, HkdfSha256, Kem>(&OpModeS::Base, &sealing_key(to)?, ASYMMETRIC)
            .map_err(nobody)?;
    let encapsulated = encapsulated.to_bytes();
    let signature = from.secret().sign(&signed(to, &encapsulated, &bound, &content));
    let inside = [from.id().as_bytes(), &signature[..], &content].concat();
    let sealed = context.seal(&inside, &bound).map_err(nobody)?;
    Ok([&encapsulated[..], &sealed].concat())
}

/// Opens what was sealed to the public key of `own`, and says who sealed it.
///
/// # Errors
///
/// [`OpenError`].
pub fn open_with_own(own: &OwnKey, header: &Header, sealed: &[u8]) -> Result<(NodeId, Opened), OpenError> {
    let ours = |_| OpenError::NotOurs;
    let (encapsulated, sealed) = sealed.split_at_checked(ENCAPSULATED).ok_or(OpenError::NotOurs)?;
    let key = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated).map_err(ours)?;
    let mode = OpModeR::Base;
    let mut context =
        setup_receiver::<ChaCha20Poly1305, HkdfSha256, Kem>(&mode, own.opens(), &key, ASYMMETRIC).map_err(ours)?;
    let bound = header.to_bytes();
    let inside = context.open(sealed, &bound).map_err(ours)?;
    let (sender, rest) = inside.split_first_chunk::<SENDER>().ok_or(OpenError::NotContent)?;
    let (signature, content) = rest.split_at_checked(SIGNATURE).ok_or(OpenError::NotContent)?;
    let sender = NodeId::from_bytes(*sender);
    if !sender.verify(&signed(&own.id(), encapsulated, &bound, content), signature) {
        return Err(OpenError::Forged(sender));
    }
    Ok((sender, opened(content)?))
}

/// Seals under a shared key.
///
/// # Errors
///
/// [`TooLarge`].
pub fn under_key(key: &SymmetricKey, header: &Header, kind: Kind, payload: &[u8]) -> Result<Vec<u8>, TooLarge> {
    let mut sealed = content::pack(kind, payload, SYMMETRIC_OVERHEAD)?;
    let sealing = key_for(key, header);
    let done = sealing.seal_in_place_append_tag(zero_nonce(), Aad::from(header.to_bytes()), &mut sealed);
    done.expect("far below what ChaCha20-Poly1305 can seal");
    Ok(sealed)
}

/// Opens what was sealed under a shared key.
///
/// # Errors
///
/// [`OpenError`].
pub fn open_with_key(key: &SymmetricKey, header: &Header, sealed: &[u8]) -> Result<Opened, OpenError> {
    let mut sealed = sealed.to_vec();
    let content = key_for(key, header).open_in_place(zero_nonce(), Aad::from(header.to_bytes()), &mut sealed);
    opened(content.map_err(|_| OpenError::NotOurs)?)
}

fn opened(content: &[u8]) -> Result<Opened, OpenError> {
    let (kind, payload) = content::unpack(content).map_err(|_| OpenError::NotContent)?;
    Ok(Opened { kind, payload: payload.to_vec() })
}

fn signed(to: &NodeId, encapsulated: &[u8], bound: &[u8], content: &[u8]) -> Vec<u8> {
    [SIGNED, to.as_bytes(), encapsulated, bound, content].concat()
}

/// The key of one message.
fn key_for(key: &SymmetricKey, header: &Header) -> LessSafeKey {
    LessSafeKey::new(
        UnboundKey::new(&CHACHA20_POLY1305, &derive(&header.nonce, key.as_bytes(), &[SYMMETRIC])).expect("32 bytes"),
    )
}

/// Each key is used for one message, so its nonce may be any.
fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// 32 bytes by HKDF-SHA256.
pub(crate) fn derive(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> [u8; 32] {
    struct Bytes;
    impl KeyType for Bytes {
        fn len(&self) -> usize {
            32
        }
    }
    let mut bytes = [0; 32];
    let made = Salt::new(HKDF_SHA256, salt).extract(secret);
    let filled = made.expand(info, Bytes).and_then(|made| made.fill(&mut bytes));
    filled.expect("HKDF gives up to 8,160 bytes");
    bytes
}

#[cfg(test)]
mod tests;
