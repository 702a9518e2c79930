//! A TLS session without its socket: what arrives becomes plaintext, what is to be sent becomes records. Pure code.
//!
//! It wraps the one interface of rustls that has no buffers of its own, and keeps what that leaves to its caller: the start
//! of a record whose rest has not come, plaintext that nobody had room for, and what rustls itself wants sent.

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use rustls::{CommonState, Error};

/// Type, version and length of a record.
pub(super) const HEADER: usize = 5;
/// The least and the most bytes asked of the socket at once; between them, as many as the caller has room for.
pub(super) const READ: std::ops::RangeInclusive<usize> = 1 << 10..=128 << 10;

/// Either end's session.
pub(super) trait Session: Send + 'static {
    /// What rustls keeps for it.
    type Data;

    /// Processes what lies in `incoming`, up to the next thing its caller has to see to.
    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;

    /// What is known of it.
    fn common(&self) -> &CommonState;
}

impl Session for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn common(&self) -> &CommonState {
        self
    }
}

impl Session for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn common(&self) -> &CommonState {
        self
    }
}

/// A session, and what of either direction it could not get rid of.
pub(super) struct Core<S> {
    pub(super) session: S,
    pub(super) rest: Rest,
}

/// What is left for later.
#[derive(Default)]
pub(super) struct Rest {
    /// Ciphertext whose record, or handshake message, is not there whole.
    pub(super) held: Vec<u8>,
    /// Plaintext that its reader had no room for, from `taken` on.
    plain: Vec<u8>,
    taken: usize,
    /// Records that the session wants sent, ahead of all that is encrypted later.
    pub(super) control: Vec<u8>,
    /// The other end has said that nothing more comes.
    pub(super) ended: bool,
    /// What ended the session; rustls panics when it goes on after that.
    failed: Option<Error>,
}

/// What a session waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: it has made progress.
    Again,
    /// That its `control` is sent.
    Send,
    /// More from the other end; it may be written to.
    Open,
    /// More from the other end, and nothing else can be done.
    Blocked,
    /// Nothing: both ends have said that nothing more comes.
    Closed,
}

/// Where plaintext goes: to who reads, as far as there is room.
pub(super) struct Room<'a> {
    pub(super) buffer: &'a mut [u8],
    pub(super) filled: usize,
}

impl<'a> Room<'a> {
    pub(super) fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, filled: 0 }
    }

    /// Takes what fits; returns the rest.
    fn take<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let room = &mut self.buffer[self.filled..];
        let (fits, rest) = bytes.split_at(bytes.len().min(room.len()));
        room[..fits.len()].copy_from_slice(fits);
        self.filled += fits.len();
        rest
    }
}

impl Rest {
    /// Sees to what a session has come to.
    fn absorb<D>(&mut self, state: ConnectionState<'_, '_, D>, room: &mut Room<'_>) -> Result<Step, Error> {
        match state {
            ConnectionState::ReadTraffic(mut traffic) => {
                while let Some(record) = traffic.next_record() {
                    let rest = room.take(record?.payload);
                    self.plain.extend_from_slice(rest);
                }
                Ok(Step::Again)
            }
            ConnectionState::EncodeTlsData(mut data) => {
                // How much it is shows when it does not fit.
                let Err(EncodeError::InsufficientSize(wanted)) = data.encode(&mut []) else { return Ok(Step::Again) };
                let start = self.control.len();
                self.control.resize(start + wanted.required_size, 0);
                let encoded = data.encode(&mut self.control[start..]);
                encoded.map(|_| Step::Again).map_err(|error| Error::General(error.to_string()))
            }
            ConnectionState::TransmitTlsData(transmit) => {
                transmit.done();
                Ok(Step::Send)
            }
            ConnectionState::PeerClosed => {
                self.ended = true;
                Ok(Step::Again)
            }
            ConnectionState::Closed => Ok(Step::Closed),
            ConnectionState::WriteTraffic(_) => Ok(Step::Open),
            // No early data is accepted, so none is there to be read.
            _ => Ok(Step::Blocked),
        }
    }

    fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            self.held = Vec::new();
        } else {
            self.held.clear();
            self.held.extend_from_slice(rest);
        }
    }

    /// How many bytes to read for a caller with room for `room`: what fits once it is decrypted, and at least the whole of
    /// the record that has begun. Never few, however much is held: a handshake message in several records is held whole.
    pub(super) fn wanted(&self, room: usize) -> usize {
        let begun =
            self.held.get(3..HEADER).map_or(0, |len| HEADER + usize::from(u16::from_be_bytes([len[0], len[1]])));
        let missing = begun.saturating_sub(self.held.len());
        room.min(*READ.end()).saturating_sub(self.held.len()).max(missing).max(*READ.start())
    }

    /// Hands out what was decrypted earlier and had no room.
    pub(super) fn take_plain(&mut self, room: &mut Room<'_>) {
        self.taken = self.plain.len() - room.take(&self.plain[self.taken..]).len();
        if self.taken == self.plain.len() {
            (self.plain, self.taken) = (Vec::new(), 0);
        }
    }
}

impl<S: Session> Core<S> {
    /// Processes all of `incoming` that is there whole, and keeps the rest; says what it waits for then.
    pub(super) fn receive(&mut self, mut incoming: &mut [u8], room: &mut Room<'_>) -> Result<Step, Error> {
        if let Some(error) = &self.rest.failed {
            return Err(error.clone());
        }
        loop {
            let UnbufferedStatus { discard, state, .. } = self.session.process(incoming);
            let step = state.and_then(|state| self.rest.absorb(state, room)).map_err(|error| self.fail(error))?;
            incoming = &mut std::mem::take(&mut incoming)[discard..];
            if step != Step::Again {
                self.rest.keep(incoming);
                return Ok(step);
            }
        }
    }

    /// Ends the session, and takes what it has to say about that.
    fn fail(&mut self, error: Error) -> Error {
        self.rest.failed = Some(error.clone());
        self.rest.held = Vec::new();
        while self.session.common().wants_write() {
            // Nothing is looked at before all that waits is taken.
            let UnbufferedStatus { state, .. } = self.session.process(&mut []);
            if state.and_then(|state| self.rest.absorb(state, &mut Room::new(&mut []))) != Ok(Step::Again) {
                break;
            }
        }
        error
    }

    /// Processes all of `incoming` that is there whole, whatever rustls wants sent meanwhile.
    pub(super) fn receive_all(&mut self, incoming: &mut [u8], room: &mut Room<'_>) -> Result<(), Error> {
        let mut step = self.receive(incoming, room)?;
        while step == Step::Send {
            step = self.resume(room)?;
        }
        Ok(())
    }

    /// Goes on with what it keeps.
    fn resume(&mut self, room: &mut Room<'_>) -> Result<Step, Error> {
        let mut held = std::mem::take(&mut self.rest.held);
        self.receive(&mut held, room)
    }

    /// Encrypts `plaintext`, or without one the end of this direction, into `out`; `None` when nothing more may be sent.
    pub(super) fn encrypt(&mut self, plaintext: Option<&[u8]>, out: &mut [u8]) -> Result<Option<usize>, Error> {
        if let Some(error) = &self.rest.failed {
            return Err(error.clone());
        }
        loop {
            // rustls wants to see what it has not done with, or it loses its place in that.
            let mut held = std::mem::take(&mut self.rest.held);
            let UnbufferedStatus { discard, state, .. } = self.session.process(&mut held);
            let mut encrypted = None;
            let step = state.and_then(|state| match state {
                ConnectionState::WriteTraffic(mut traffic) => {
                    let done = match plaintext {
                        Some(plaintext) => traffic.encrypt(plaintext, out),
                        None => traffic.queue_close_notify(out),
                    };
                    encrypted = Some(done.map_err(|error| Error::General(error.to_string()))?);
                    Ok(Step::Open)
                }
                other => self.rest.absorb(other, &mut Room::new(&mut [])),
            });
            held.drain(..discard);
            self.rest.held = held;
            match step.map_err(|error| self.fail(error))? {
                Step::Again | Step::Send => {}
                Step::Open | Step::Blocked | Step::Closed => return Ok(encrypted),
            }
        }
    }
}
