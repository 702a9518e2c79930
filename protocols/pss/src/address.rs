//! Where a node is in the overlay: the hash of its id; and what of it a message shows.
//!
//! Addresses are far apart or near by their common leading bits, so every node has a few peers at each distance and knows
//! of a closer one for every address but those next to its own. A message names only as many leading bytes of its
//! receiver's address as its sender is willing to show.

use std::fmt;

use p2p_net::NodeId;
use ring::digest::{SHA256, digest};

/// Bytes of an address.
pub const ADDRESS_BYTES: usize = 32;

/// A node's place in the overlay: SHA-256 of its id.
///
/// ```
/// use p2p_net::NodeId;
/// use p2p_pss::Address;
///
/// let (here, there) = (Address::of(&NodeId::from_bytes([1; 32])), Address::of(&NodeId::from_bytes([2; 32])));
/// assert_eq!(here.proximity(&here), 256);
/// assert!(here.proximity(&there) < 256);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; ADDRESS_BYTES]);

/// How far two addresses are apart: their exclusive or, as a number of 256 bits. Source: Kademlia.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Distance([u8; ADDRESS_BYTES]);

impl Address {
    /// The address of a node.
    pub fn of(node: &NodeId) -> Self {
        let mut bytes = [0; ADDRESS_BYTES];
        bytes.copy_from_slice(digest(&SHA256, node.as_bytes()).as_ref());
        Self(bytes)
    }

    /// The address with these bytes.
    pub const fn from_bytes(bytes: [u8; ADDRESS_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; ADDRESS_BYTES] {
        &self.0
    }

    /// The number of leading bits that two addresses have in common: 0 to 256.
    pub fn proximity(&self, other: &Self) -> u32 {
        let mut bits = 0;
        for (a, b) in self.0.iter().zip(&other.0) {
            bits += (a ^ b).leading_zeros();
            if a != b {
                break;
            }
        }
        bits
    }

    /// How far the two are apart.
    pub fn distance(&self, other: &Self) -> Distance {
        Distance(std::array::from_fn(|at| self.0[at] ^ other.0[at]))
    }

    /// The address that has exactly `bin` leading bits in common with this one, and then what `rest` has.
    ///
    /// # Panics
    ///
    /// When `bin` is 256 or more: no other address has that many.
    #[must_use]
    pub fn in_bin(&self, bin: u32, rest: &Self) -> Self {
        let bin = bin as usize;
        assert!(bin < 8 * ADDRESS_BYTES, "two addresses have at most 255 leading bits in common, not {bin}");
        let mut made = rest.0;
        made[..bin / 8].copy_from_slice(&self.0[..bin / 8]);
        let shared = !(0xff_u8 >> (bin % 8));
        let flipped = 0x80 >> (bin % 8);
        let own = self.0[bin / 8];
        made[bin / 8] = (own & shared) | (!own & flipped) | (made[bin / 8] & !(shared | flipped));
        Self(made)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl From<Address> for Prefix {
    /// All of it.
    fn from(address: Address) -> Self {
        Self::full(&address)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The leading bytes of an address that a message shows: all 32 lead it to one node, none to everybody.
///
/// ```
/// use p2p_net::NodeId;
/// use p2p_pss::{Address, Prefix};
///
/// let bob = Address::of(&NodeId::from_bytes([2; 32]));
/// let hint = Prefix::of(&bob, 2);
/// assert!(hint.matches(&bob) && Prefix::EMPTY.matches(&bob) && Prefix::full(&bob).is_full());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    length: u8,
    /// Zeros after `length`.
    bytes: [u8; ADDRESS_BYTES],
}

/// A destination that is longer than an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a destination has 0 to {ADDRESS_BYTES} bytes, not {0}")]
pub struct PrefixTooLong(pub usize);

impl Prefix {
    /// Shows nothing: full darkness. The message goes to everybody.
    pub const EMPTY: Self = Self { length: 0, bytes: [0; ADDRESS_BYTES] };

    /// The whole address: the message goes to one node, the fastest way.
    pub const fn full(address: &Address) -> Self {
        Self { length: ADDRESS_BYTES as u8, bytes: address.0 }
    }

    /// The first `length` bytes of an address, or all of it.
    pub fn of(address: &Address, length: usize) -> Self {
        let length = length.min(ADDRESS_BYTES);
        let mut prefix = Self { length: length as u8, bytes: [0; ADDRESS_BYTES] };
        prefix.bytes[..length].copy_from_slice(&address.0[..length]);
        prefix
    }

    /// The prefix that is these bytes.
    ///
    /// # Errors
    ///
    /// [`PrefixTooLong`] for more than 32.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, PrefixTooLong> {
        if bytes.len() > ADDRESS_BYTES {
            return Err(PrefixTooLong(bytes.len()));
        }
        let mut prefix = Self { length: bytes.len() as u8, bytes: [0; ADDRESS_BYTES] };
        prefix.bytes[..bytes.len()].copy_from_slice(bytes);
        Ok(prefix)
    }

    /// Its bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length.into()]
    }

    /// Whether it is a whole address.
    pub const fn is_full(&self) -> bool {
        self.length as usize == ADDRESS_BYTES
    }

    /// Whether a node with this address could be the receiver.
    pub fn matches(&self, address: &Address) -> bool {
        address.0.starts_with(self.as_slice())
    }

    /// How many leading bits of the prefix the address has: at most all of them.
    pub fn proximity(&self, address: &Address) -> u32 {
        Address(self.bytes).proximity(address).min(8 * u32::from(self.length))
    }

    /// How far an address is from the prefix, filled up with zeros.
    pub fn distance(&self, address: &Address) -> Distance {
        Address(self.bytes).distance(address)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes ", self.length)?;
        self.as_slice().iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(first: u8, second: u8) -> Address {
        let mut bytes = [0; ADDRESS_BYTES];
        (bytes[0], bytes[1]) = (first, second);
        Address(bytes)
    }

    #[test]
    fn proximity_counts_common_leading_bits() {
        assert_eq!(at(0, 0).proximity(&at(0x80, 0)), 0);
        assert_eq!(at(0, 0).proximity(&at(1, 0)), 7);
        assert_eq!(at(7, 0).proximity(&at(7, 0x10)), 11);
        assert_eq!(at(7, 7).proximity(&at(7, 7)), 256);
    }

    #[test]
    fn an_address_in_a_bin_has_exactly_so_many_bits_in_common() {
        let (own, rest) = (at(0b1010_0101, 0x5a), at(0b1111_0000, 0xc3));
        for rest in [rest, own, at(0, 0)] {
            for bin in 0..256 {
                assert_eq!(own.proximity(&own.in_bin(bin, &rest)), bin);
            }
        }
    }

    #[test]
    fn a_prefix_matches_those_that_begin_with_it() {
        let bob = at(0xab, 0xcd);
        for length in 0..=ADDRESS_BYTES {
            let prefix = Prefix::of(&bob, length);
            assert!(prefix.matches(&bob));
            assert_eq!(prefix.matches(&at(0xab, 0xce)), length < 2);
            assert_eq!(prefix.proximity(&bob), 8 * length as u32);
            assert_eq!(Prefix::from_slice(prefix.as_slice()), Ok(prefix));
        }
        assert_eq!(Prefix::from_slice(&[0; 33]), Err(PrefixTooLong(33)));
        assert_eq!(Prefix::of(&bob, 1).proximity(&at(0xaa, 0xcd)), 7);
    }

    #[test]
    fn the_nearer_of_two_shares_more_bits() {
        let own = at(0, 0);
        assert!(own.distance(&at(1, 0)) < own.distance(&at(2, 0)));
        assert_eq!(own.distance(&own), Distance([0; ADDRESS_BYTES]));
    }
}
