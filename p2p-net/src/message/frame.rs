//! Frames: what a channel's byte stream is made of. Pure code; `docs/wire.md` has the same in prose, with test vectors.
//!
//! ```text
//! 0..2  u16  payload length        little-endian
//! 2     u8   kind
//! 3     u8   flags, zero
//! 4..8  u32  message id
//! ```

use super::MessageId;

/// Bytes of a frame header.
pub const HEADER: usize = 8;

/// The most payload bytes of one frame: what its 16-bit length can say.
pub const MAX_PAYLOAD: usize = u16::MAX as usize;

/// Bytes of the correlation number in front of a request or a reply.
pub const CORRELATION: usize = 4;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A message, or the last part of one.
    Message = 0,
    /// A part of a message, request or reply, with more to come in the same lane.
    Part = 1,
    /// A request, or the last part of one: a correlation number, then the message.
    Request = 2,
    /// A reply, or the last part of one: the request's correlation number, then the message.
    Reply = 3,
    /// The answer of a handler that failed: the request's correlation number, then a text.
    ReplyError = 4,
    /// Credit for a lane: a `u32` of bytes that may be sent in addition.
    Window = 5,
    /// The last frame of a channel: a reason code, then a text.
    Close = 6,
    /// A row of a stream, or the last part of one: the request's correlation number, then the message. The stream ends
    /// with a reply of nothing but the number, or with a failed one.
    Row = 7,
    /// Nobody waits for the rows of a request any more: its correlation number, in the request's lane.
    Cancel = 8,
    /// A protocol of the main phase has ended here, and the channel goes on: a text. The id is that of the protocol's name.
    Left = 9,
}

impl Kind {
    const fn from_wire(kind: u8) -> Option<Self> {
        Some(match kind {
            0 => Self::Message,
            1 => Self::Part,
            2 => Self::Request,
            3 => Self::Reply,
            4 => Self::ReplyError,
            5 => Self::Window,
            6 => Self::Close,
            7 => Self::Row,
            8 => Self::Cancel,
            9 => Self::Left,
            _ => return None,
        })
    }

    /// Whether a correlation number comes first in what frames of this kind carry.
    pub const fn is_numbered(self) -> bool {
        matches!(self, Self::Request | Self::Reply | Self::ReplyError | Self::Row)
    }

    /// Whether frames of this kind count against their lane's window.
    pub const fn is_flow_controlled(self) -> bool {
        !matches!(self, Self::Window | Self::Close | Self::Cancel | Self::Left)
    }
}

/// The first bytes of a frame cannot be those of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// There is no such kind.
    #[error("frame kind {0} is not one of 0 to 9")]
    UnknownKind(u8),
    /// The flags are reserved.
    #[error("frame flags {0:#04x} are not zero")]
    UnknownFlags(u8),
}

/// The first eight bytes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Payload bytes that follow.
    pub len: u16,
    /// What the frame is.
    pub kind: Kind,
    /// The message type, that is, the lane.
    pub id: MessageId,
}

impl Header {
    /// The header of a frame with `len` payload bytes; more than [`MAX_PAYLOAD`] is cut to it.
    pub fn new(kind: Kind, id: MessageId, len: usize) -> Self {
        debug_assert!(len <= MAX_PAYLOAD, "a frame of {len} bytes");
        Self { len: u16::try_from(len).unwrap_or(u16::MAX), kind, id }
    }

    /// Reads the header at the start of `bytes`; `None` when fewer than [`HEADER`] are there yet.
    ///
    /// # Errors
    ///
    /// When the bytes are not those of a header.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, FrameError> {
        let Some(wire) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        // Taken apart in a register: field by field, the compiler lays it out in memory and waits for itself to read it back.
        let wire = u64::from_le_bytes(*wire);
        let (len, kind, flags, id) = (wire as u16, (wire >> 16) as u8, (wire >> 24) as u8, (wire >> 32) as u32);
        let Some(kind) = Kind::from_wire(kind) else { return Err(FrameError::UnknownKind(kind)) };
        if flags != 0 {
            return Err(FrameError::UnknownFlags(flags));
        }
        Ok(Some(Self { len, kind, id: MessageId::from_wire(id) }))
    }

    /// The header as it goes over the wire.
    #[inline]
    pub fn to_wire(self) -> [u8; HEADER] {
        let (len, id) = (self.len.to_le_bytes(), self.id.to_wire().to_le_bytes());
        [len[0], len[1], self.kind as u8, 0, id[0], id[1], id[2], id[3]]
    }

    /// Bytes of the whole frame.
    #[inline]
    pub const fn frame_len(self) -> usize {
        HEADER + self.len as usize
    }
}

/// Appends a whole frame to `out`.
pub fn write(out: &mut Vec<u8>, kind: Kind, id: MessageId, payload: &[u8]) {
    out.extend_from_slice(&Header::new(kind, id, payload.len()).to_wire());
    out.extend_from_slice(payload);
}

/// A whole frame of its own, whose payload is `head`, then `body`.
pub(crate) fn of(kind: Kind, id: MessageId, head: &[u8], body: &[u8]) -> Vec<u8> {
    let header = Header::new(kind, id, head.len() + body.len()).to_wire();
    [&header, head, body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_wire() {
        for kind in 0..10 {
            let header = Header { len: 0x1234, kind: Kind::from_wire(kind).unwrap(), id: MessageId::of("say") };
            assert_eq!(Header::parse(&header.to_wire()), Ok(Some(header)));
        }
    }

    #[test]
    fn a_short_header_is_not_there_yet() {
        let bytes = Header::new(Kind::Message, MessageId::of("say"), 3).to_wire();
        for len in 0..HEADER {
            assert_eq!(Header::parse(&bytes[..len]), Ok(None));
        }
    }

    #[test]
    fn an_unknown_kind_and_reserved_flags_are_errors() {
        assert_eq!(Header::parse(&[0, 0, 10, 0, 0, 0, 0, 0]), Err(FrameError::UnknownKind(10)));
        assert_eq!(Header::parse(&[0, 0, 0, 1, 0, 0, 0, 0]), Err(FrameError::UnknownFlags(1)));
    }
}
