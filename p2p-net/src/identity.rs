//! Who a node is: an Ed25519 key pair, whose public half is the node's name everywhere.
//!
//! A node loads or makes its [`SecretKey`] once; transports prove it, and everything else knows peers by their
//! [`NodeId`]. Nothing here opens a connection, and a secret never appears in a log or a `Debug` text.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::base32;

/// How many characters of a [`NodeId`] its short form shows: 40 bits, enough to tell peers apart in a log.
const SHORT: usize = 8;
/// A key file is 65 bytes; no more than this is read, so that a wrong path to a huge file costs nothing.
const MAX_KEY_FILE_BYTES: u64 = 256;

/// The y coordinates of the curve's points of small order, least byte first, with their unreduced forms: "signatures" of
/// these keys can be made by anybody, so none of them names anybody.
const NOBODYS_KEYS: [[u8; 32]; 7] = [
    ends(0x00, 0x00, 0x00),
    ends(0x01, 0x00, 0x00),
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    ends(0xec, 0xff, 0x7f),
    ends(0xed, 0xff, 0x7f),
    ends(0xee, 0xff, 0x7f),
];

/// 32 bytes by the first, those between, and the last.
const fn ends(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    (bytes[0], bytes[31]) = (first, last);
    bytes
}

/// The secret half of a node's identity; clones share it.
///
/// ```
/// use p2p_net::identity::SecretKey;
///
/// let secret = SecretKey::generate()?;
/// let signature = secret.sign(b"hello");
/// assert!(secret.id().verify(b"hello", &signature));
/// # Ok::<(), p2p_net::identity::IdentityError>(())
/// ```
#[derive(Clone)]
pub struct SecretKey {
    seed: [u8; 32],
    pair: Arc<Ed25519KeyPair>,
}

impl SecretKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`IdentityError::NoRandomness`] when the system gives none.
    pub fn generate() -> Result<Self, IdentityError> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| IdentityError::NoRandomness)?;
        Ok(Self::from_bytes(seed))
    }

    /// The key made from an Ed25519 seed; any 32 bytes are one, but only random ones are secret.
    pub fn from_bytes(seed: [u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are an Ed25519 seed");
        Self { seed, pair: Arc::new(pair) }
    }

    /// The seed, for whoever stores the key.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.seed
    }

    /// The public half.
    pub fn id(&self) -> NodeId {
        NodeId(self.pair.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes"))
    }

    /// Signs `message`; [`NodeId::verify`] checks it.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.pair.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }

    /// Reads the key file at `path`, or makes a new key and such a file when there is none.
    ///
    /// The file holds the seed as 64 hexadecimal digits and a newline (not the base32 of ids, so that nobody takes one
    /// for the other). It appears whole or not at all, readable by its owner only; of two processes that make it at once
    /// both get the same key. Permissions that let others read it are only warned about. Blocks: call it when starting.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Malformed`] for a file that is no key, [`IdentityError::File`] when it can be neither read nor made.
    pub fn load_or_create(path: &Path) -> Result<Self, IdentityError> {
        match load(path) {
            Err(IdentityError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => create(path),
            loaded => loaded,
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.id().short())
    }
}

fn load(path: &Path) -> Result<SecretKey, IdentityError> {
    let failed = |source| IdentityError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    warn_if_others_can_read(path, &file);
    let mut text = Vec::new();
    file.take(MAX_KEY_FILE_BYTES).read_to_end(&mut text).map_err(failed)?;
    let seed = from_hex(text.trim_ascii()).ok_or_else(|| IdentityError::Malformed { path: path.to_owned() })?;
    Ok(SecretKey::from_bytes(seed))
}

/// Writes the file beside its place, then links it there: a link, unlike a rename, never replaces a key made meanwhile.
fn create(path: &Path) -> Result<SecretKey, IdentityError> {
    let secret = SecretKey::generate()?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", secret.id().short()));
    let beside = PathBuf::from(beside);
    let made = write_private(&beside, &to_hex(&secret.seed)).and_then(|()| fs::hard_link(&beside, path));
    fs::remove_file(&beside).ok();
    match made {
        Ok(()) => {
            log::info!(target: "net", "made a new identity {} in {}", secret.id(), path.display());
            Ok(secret)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load(path),
        Err(source) => Err(IdentityError::File { path: path.to_owned(), source }),
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn warn_if_others_can_read(path: &Path, file: &File) {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_or(0, |about| about.permissions().mode());
    if mode & 0o077 != 0 {
        let path = path.display();
        log::warn!(target: "net", "the secret key in {path} is open to others (mode {:o}): chmod 600 {path}", mode & 0o777);
    }
}

#[cfg(not(unix))]
fn warn_if_others_can_read(_: &Path, _: &File) {}

fn to_hex(seed: &[u8; 32]) -> String {
    let mut text: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    text.push('\n');
    text
}

fn from_hex(text: &[u8]) -> Option<[u8; 32]> {
    let digit = |at: usize| char::from(text[at]).to_digit(16).map(|digit| digit as u8);
    let mut seed = [0; 32];
    if text.len() != 2 * seed.len() {
        return None;
    }
    for (at, byte) in seed.iter_mut().enumerate() {
        *byte = digit(2 * at)? << 4 | digit(2 * at + 1)?;
    }
    Some(seed)
}

/// Why there is no identity to run with.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The key file can be neither read nor made.
    #[error("the key file {path}: {source}", path = path.display())]
    File {
        /// Where it is or should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key file holds something else.
    #[error(
        "the file {path} is no secret key: it should be 64 hexadecimal digits; restore it, or move it away to get a new identity",
        path = path.display()
    )]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// The operating system gave no random bytes.
    #[error("the system gave no random bytes to make a key from")]
    NoRandomness,
}

/// A node's name: its Ed25519 public key.
///
/// Its text is 52 characters of lower-case base32. In readable formats it is stored as that text, in others as 32 bytes.
///
/// ```
/// use p2p_net::NodeId;
/// use p2p_net::identity::SecretKey;
///
/// let id = SecretKey::generate()?.id();
/// assert_eq!(id.to_string().parse::<NodeId>()?, id);
/// assert!(id.to_string().starts_with(&id.short()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 32]);

impl NodeId {
    /// The id that is this public key; whether it is a point of the curve shows when a signature is checked.
    pub const fn from_bytes(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 8 characters of the text, for logs; not unique.
    pub fn short(&self) -> String {
        let mut text = base32::encode(&self.0);
        text.truncate(SHORT);
        text
    }

    /// Whether the key can have an owner: not so for the few with which anybody can "sign" (points of small order).
    pub fn is_ownable(&self) -> bool {
        let mut y = self.0;
        // The highest bit is the sign of x.
        y[31] &= 0x7f;
        !NOBODYS_KEYS.contains(&y)
    }

    /// Whether `signature` over `message` was made by the owner of this id.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.is_ownable() && UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&base32::encode(&self.0))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

/// Why a text is no [`NodeId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeIdError {
    /// It is too long or too short.
    #[error("a node id has 52 characters, this text has {0}")]
    Length(usize),
    /// It holds a character outside the alphabet.
    #[error("a node id is made of a-z and 2-7, this text has {0:?}")]
    Character(char),
    /// Its last character says more than 32 bytes hold, so a character was changed or lost.
    #[error("this text of 52 characters is no node id: its last character is not one that can end it (a or q)")]
    Tail,
}

impl From<base32::Malformed> for NodeIdError {
    fn from(malformed: base32::Malformed) -> Self {
        match malformed {
            base32::Malformed::Length(length) => Self::Length(length),
            base32::Malformed::Character(character) => Self::Character(character),
            base32::Malformed::Tail => Self::Tail,
        }
    }
}

impl FromStr for NodeId {
    type Err = NodeIdError;

    fn from_str(text: &str) -> Result<Self, NodeIdError> {
        Ok(Self(base32::decode(text)?))
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return <[u8; 32]>::deserialize(deserializer).map(Self);
        }
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
