//! What one datagram of a relayed connection says. Pure code; `docs/wire.md` has the same in prose, with test vectors.
//!
//! ```text
//! 0       u8   version, 1
//! 1       u8   flags
//! 2..10   u64  number of the connection        little-endian
//! 10..18  u64  offset of the payload's first byte
//! 18..26  u64  the next byte that is expected from the other end
//! 26..30  u32  how many bytes from there on have room
//! 30      u8   how many ranges follow, at most 16
//! 31..    (u32, u32) each: bytes that came beyond the expected one, from and to, counted from it
//!              the payload
//! ```

/// The version of what follows.
const VERSION: u8 = 1;

/// Bytes in front of the ranges.
const FIXED: usize = 31;

/// The most ranges one segment tells: as many holes as a window of lost datagrams usually has.
pub(crate) const MAX_RANGES: usize = 16;

/// The most bytes in front of the payload.
pub(crate) const HEADER: usize = FIXED + MAX_RANGES * 8;

bitflags::bitflags! {
    /// What a segment is about, besides bytes.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct Flags: u8 {
        /// The connection is new; in every segment of whoever opens it until it has heard of the other end.
        const OPEN = 1;
        /// The bytes end where this segment's do.
        const FIN = 2;
        /// There is no such connection, or no longer.
        const RESET = 4;
        /// The other end is asked to answer at once.
        const PROBE = 8;
    }
}

/// What one datagram says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    pub(crate) flags: Flags,
    pub(crate) number: u64,
    pub(crate) offset: u64,
    pub(crate) expected: u64,
    pub(crate) room: u32,
    /// Each from and to, counted from `expected`.
    pub(crate) ranges: Vec<(u32, u32)>,
    pub(crate) payload: &'a [u8],
}

/// A datagram that is none of a relayed connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SegmentError {
    /// Too few bytes.
    #[error("a datagram of {0} bytes is shorter than what it announces")]
    Short(usize),
    /// Of a later version, or of something else.
    #[error("version {0} of relayed connections is not known here, only 1")]
    Version(u8),
    /// Flags that do not exist.
    #[error("flags {0:#04x} are not known")]
    Flags(u8),
    /// Ranges out of order, empty, or too many.
    #[error("the ranges are not in order")]
    Ranges,
    /// Offsets that no connection reaches.
    #[error("an offset beyond 2^62")]
    Offset,
}

/// No connection carries so many bytes, and sums of offsets stay within 64 bits.
const MOST: u64 = 1 << 62;

impl<'a> Segment<'a> {
    /// That there is no such connection.
    pub(crate) fn reset(number: u64) -> Self {
        Self { flags: Flags::RESET, number, offset: 0, expected: 0, room: 0, ranges: Vec::new(), payload: &[] }
    }

    /// As a datagram.
    pub(crate) fn to_wire(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED + self.ranges.len() * 8 + self.payload.len());
        bytes.extend([VERSION, self.flags.bits()]);
        for number in [self.number, self.offset, self.expected] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.room.to_le_bytes());
        let ranges = &self.ranges[..self.ranges.len().min(MAX_RANGES)];
        bytes.push(u8::try_from(ranges.len()).unwrap_or(0));
        for (from, to) in ranges {
            bytes.extend(from.to_le_bytes());
            bytes.extend(to.to_le_bytes());
        }
        bytes.extend(self.payload);
        bytes
    }

    /// What a datagram says.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, SegmentError> {
        let short = SegmentError::Short(bytes.len());
        let (fixed, rest) = bytes.split_first_chunk::<FIXED>().ok_or(short)?;
        if fixed[0] != VERSION {
            return Err(SegmentError::Version(fixed[0]));
        }
        let flags = Flags::from_bits(fixed[1]).ok_or(SegmentError::Flags(fixed[1]))?;
        let u64_at = |at: usize| fixed[at..at + 8].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let room = fixed[26..30].iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let (offset, expected) = (u64_at(10), u64_at(18));
        if offset > MOST || expected > MOST {
            return Err(SegmentError::Offset);
        }
        let many = usize::from(fixed[30]);
        let (ranges, payload) = rest.split_at_checked(many * 8).ok_or(short)?;
        let ranges: Vec<_> = ranges.chunks_exact(8).map(|pair| pair.split_at(4)).map(|(a, b)| (le(a), le(b))).collect();
        let mut end = 0;
        let in_order = |&(from, to): &(u32, u32)| {
            let good = from > end && to > from;
            end = to;
            good
        };
        if many > MAX_RANGES || !ranges.iter().all(in_order) {
            return Err(SegmentError::Ranges);
        }
        Ok(Self { flags, number: u64_at(2), offset, expected, room, ranges, payload })
    }
}

fn le(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_survives_the_wire() {
        let segment = Segment {
            flags: Flags::OPEN | Flags::PROBE,
            number: 7,
            offset: 1 << 40,
            expected: 9,
            room: 70_000,
            ranges: vec![(1, 5), (9, 70_000)],
            payload: b"hello",
        };
        assert_eq!(Segment::parse(&segment.to_wire()), Ok(segment.clone()));
        for len in 0..FIXED + 16 {
            assert_eq!(Segment::parse(&segment.to_wire()[..len]), Err(SegmentError::Short(len)));
        }
    }

    #[test]
    fn what_is_no_segment_is_refused() {
        let good = Segment { ranges: vec![(1, 2), (3, 4)], ..Segment::reset(1) };
        let with = |at: usize, byte: u8| {
            let mut bytes = good.to_wire();
            bytes[at] = byte;
            Segment::parse(&bytes).map(drop)
        };
        assert_eq!(with(0, 2), Err(SegmentError::Version(2)));
        assert_eq!(with(1, 16), Err(SegmentError::Flags(16)));
        assert_eq!(with(17, 0x80), Err(SegmentError::Offset));
        assert_eq!(with(30, 3), Err(SegmentError::Short(47)));
        for (at, byte) in [(31, 0), (35, 1), (39, 2), (43, 3)] {
            assert_eq!(with(at, byte), Err(SegmentError::Ranges), "{at}");
        }
        assert_eq!(with(39, 2).err(), Some(SegmentError::Ranges), "two that touch are one");
    }
}
