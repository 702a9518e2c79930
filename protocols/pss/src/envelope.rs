//! What travels: a sealed payload, and what those that carry it need to know.
//!
//! Everything but the hops is fixed by the sender and bound to the payload's seal, so that whoever changes it on the way
//! only makes a message that nobody opens. The layout is in `docs/wire.md`.

use std::fmt;
use std::time::Duration;

use p2p_net::prelude::*;
use ring::digest::{Context, SHA256};

use crate::address::{Prefix, PrefixTooLong};
use crate::topic::Topic;

/// The version of envelopes, and of what is sealed in them.
pub const VERSION: u8 = 1;

/// The most bytes of a payload, sealed: half a frame, so that an envelope never keeps a channel busy for long.
pub const MAX_SEALED: usize = 32 * 1024;

/// Bytes of an envelope's header, encoded: 71 with a full destination, rounded up.
const HEADER_BYTES: usize = 128;

/// How far ahead an envelope may expire: what a node that relays must remember, it remembers for that long.
pub const MAX_LIFETIME: Duration = Duration::from_secs(600);

/// How much a sender's clock may be ahead of a relay's.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The most hops an envelope goes: twice the mean that a million nodes need.
pub const MAX_HOPS: u8 = 40;

/// A message on its way from one node to another.
///
/// What no honest peer passes on is more than this rate, sent evenly: [`outbox`](crate::outbox) keeps to half of it.
#[derive(Clone, PartialEq, Eq, Message, Serialize, Deserialize)]
#[message(name = "pss_envelope", max_bytes = MAX_SEALED + HEADER_BYTES, window = 1 << 20, rate = "2000/10s")]
pub struct Envelope {
    /// [`VERSION`].
    pub version: u8,
    /// Whether the payload is sealed, or raw: what the application says it is.
    pub sealed: bool,
    /// The leading bytes of the receiver's address: 0 to 32.
    pub destination: Bytes,
    /// What it is about.
    pub topic: [u8; 4],
    /// When it is worth nothing any more, in seconds since 1970.
    pub expiry: u64,
    /// Random: makes every message, and every key of a shared key's, another one.
    pub nonce: [u8; NONCE_BYTES],
    /// How many more hops it may go; the only field that changes on the way.
    pub hops: u8,
    /// At most [`MAX_SEALED`] bytes.
    pub payload: Bytes,
}

/// Bytes of an envelope's nonce.
pub const NONCE_BYTES: usize = 16;

/// What an envelope says beside its payload, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whether the payload is sealed.
    pub sealed: bool,
    /// What is shown of the receiver's address.
    pub destination: Prefix,
    /// What it is about.
    pub topic: Topic,
    /// When it is worth nothing any more, in seconds since 1970.
    pub expiry: u64,
    /// Random.
    pub nonce: [u8; NONCE_BYTES],
}

/// The name of a message: the first 16 bytes of the SHA-256 of all that does not change on the way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvelopeId(pub [u8; 16]);

/// What no honest node sends or passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Another version than was agreed on.
    #[error("an envelope of version {0}, not {VERSION}")]
    Version(u8),
    /// A destination longer than an address.
    #[error(transparent)]
    Destination(#[from] PrefixTooLong),
    /// A payload that is too large.
    #[error("a payload of {0} bytes: at most {MAX_SEALED} are relayed")]
    TooLarge(usize),
    /// More hops than any sender gives.
    #[error("an envelope with {0} hops to go: at most {MAX_HOPS} are given")]
    Hops(u8),
}

/// An envelope that is not to be carried now: nobody's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untimely {
    /// It is too late.
    #[error("the message expired at {expiry}, and it is {now}")]
    Expired {
        /// When it expired.
        expiry: u64,
        /// The time here.
        now: u64,
    },
    /// It would have to be remembered for too long.
    #[error("the message expires at {expiry}, more than {} s after {now}", (MAX_LIFETIME + CLOCK_SKEW).as_secs())]
    TooFarAhead {
        /// When it would expire.
        expiry: u64,
        /// The time here.
        now: u64,
    },
}

impl Header {
    /// What seals bind: every field of the header, in bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let destination = self.destination.as_slice();
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend([VERSION, u8::from(self.sealed), destination.len() as u8]);
        bytes.extend(destination);
        bytes.extend(self.topic.0);
        bytes.extend(self.expiry.to_be_bytes());
        bytes.extend(self.nonce);
        bytes
    }

    /// The name of the message with this header and this payload.
    pub fn id(&self, payload: &[u8]) -> EnvelopeId {
        let mut hash = Context::new(&SHA256);
        hash.update(&self.to_bytes());
        hash.update(payload);
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finish().as_ref()[..16]);
        EnvelopeId(id)
    }

    /// Whether a message is to be carried at the time `now`, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Untimely`]: too late, or too far ahead.
    pub fn check_time(&self, now: u64) -> Result<(), Untimely> {
        let expiry = self.expiry;
        if expiry <= now {
            return Err(Untimely::Expired { expiry, now });
        }
        if expiry - now > (MAX_LIFETIME + CLOCK_SKEW).as_secs() {
            return Err(Untimely::TooFarAhead { expiry, now });
        }
        Ok(())
    }
}

impl Envelope {
    /// The message with this header.
    pub fn new(header: &Header, hops: u8, payload: Vec<u8>) -> Self {
        Self {
            version: VERSION,
            sealed: header.sealed,
            destination: header.destination.as_slice().into(),
            topic: header.topic.0,
            expiry: header.expiry,
            nonce: header.nonce,
            hops,
            payload: payload.into(),
        }
    }

    /// The header.
    ///
    /// # Errors
    ///
    /// What no honest node sends.
    pub fn header(&self) -> Result<Header, Malformed> {
        if self.version != VERSION {
            return Err(Malformed::Version(self.version));
        }
        if self.payload.len() > MAX_SEALED {
            return Err(Malformed::TooLarge(self.payload.len()));
        }
        if self.hops > MAX_HOPS {
            return Err(Malformed::Hops(self.hops));
        }
        let destination = Prefix::from_slice(&self.destination)?;
        let Self { sealed, expiry, nonce, .. } = *self;
        Ok(Header { sealed, destination, topic: Topic(self.topic), expiry, nonce })
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, expiry, hops, payload, .. } = self;
        let (topic, bytes) = (Topic(*topic), payload.len());
        write!(f, "Envelope({topic} until {expiry}, {hops} hops, {bytes} bytes)")
    }
}

impl fmt::Debug for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_net::testing::{decode, encode};

    fn header() -> Header {
        let destination = Prefix::from_slice(&[7; 32]).unwrap();
        Header { sealed: true, destination, topic: Topic::of("bar"), expiry: 1_000, nonce: [9; 16] }
    }

    #[test]
    fn an_envelope_comes_back_as_it_was() {
        let envelope = Envelope::new(&header(), 30, vec![1; MAX_SEALED]);
        let back: Envelope = decode(&encode(&envelope).unwrap()).unwrap();
        assert_eq!(back, envelope);
        assert_eq!(back.header(), Ok(header()));
    }

    #[test]
    fn every_field_but_the_hops_names_the_message() {
        let known = header().id(b"x");
        let others = [
            Header { sealed: false, ..header() },
            Header { destination: Prefix::from_slice(&[7; 31]).unwrap(), ..header() },
            Header { topic: Topic::of("foo"), ..header() },
            Header { expiry: 1_001, ..header() },
            Header { nonce: [8; 16], ..header() },
        ];
        for other in others {
            assert_ne!(other.id(b"x"), known);
            assert_ne!(other.to_bytes(), header().to_bytes());
        }
        assert_ne!(header().id(b"y"), known);
    }

    #[test]
    fn what_no_honest_node_sends_is_named() {
        let good = Envelope::new(&header(), 30, vec![1]);
        let wrong = [
            (Envelope { version: 2, ..good.clone() }, Malformed::Version(2)),
            (Envelope { destination: vec![0; 33].into(), ..good.clone() }, PrefixTooLong(33).into()),
            (Envelope { payload: vec![0; MAX_SEALED + 1].into(), ..good.clone() }, Malformed::TooLarge(MAX_SEALED + 1)),
            (Envelope { hops: MAX_HOPS + 1, ..good.clone() }, Malformed::Hops(MAX_HOPS + 1)),
        ];
        for (envelope, error) in wrong {
            assert_eq!(envelope.header(), Err(error));
        }
    }

    #[test]
    fn a_message_has_its_time() {
        let at = |expiry| Header { expiry, ..header() }.check_time(1_000);
        assert_eq!(at(1_000), Err(Untimely::Expired { expiry: 1_000, now: 1_000 }));
        assert_eq!(at(1_001), Ok(()));
        assert_eq!(at(1_660), Ok(()));
        assert_eq!(at(1_661), Err(Untimely::TooFarAhead { expiry: 1_661, now: 1_000 }));
        assert_eq!(at(u64::MAX), Err(Untimely::TooFarAhead { expiry: u64::MAX, now: 1_000 }));
    }
}
