//! What holds for every message there is: a value comes back as it was sent, and any other bytes are an error or another
//! valid value, never a panic. What decoding may take of memory: `decode_memory.rs`.

mod family;
mod shipped;

use std::collections::BTreeSet;

use family::{Any, Visit};
use fastrand::Rng;
use p2p_net::ProtocolSet;
use p2p_net::message::{EncodeError, Message};
use p2p_net::testing::{decode, encode};
use p2p_protocols as _;

/// Visits the family and what is shipped.
fn every_message(visit: &mut impl Visit) {
    family::every_message(visit);
    shipped::every_message(visit);
}

/// Whether bytes are a message of one type.
type IsValid<'a> = &'a dyn Fn(&[u8]) -> bool;

/// Runs `check` on `values` values of each message.
struct Each<F> {
    rng: Rng,
    values: usize,
    check: F,
}

impl<F: FnMut(&mut Rng, &[u8], IsValid<'_>)> Visit for Each<F> {
    fn message<M: Message + Any>(&mut self) {
        for _ in 0..self.values {
            let bytes = encode(&M::any(&mut self.rng)).unwrap();
            (self.check)(&mut self.rng, &bytes, &is_valid::<M>);
        }
    }
}

/// Runs `check` with the bytes of a value, and with what says whether other bytes are a value too.
fn each(values: usize, check: impl FnMut(&mut Rng, &[u8], IsValid<'_>)) {
    every_message(&mut Each { rng: Rng::with_seed(7), values, check });
}

/// Whether `bytes` are an `M`, which then comes back as it is sent on.
fn is_valid<M: Message>(bytes: &[u8]) -> bool {
    let Ok(value) = decode::<M>(bytes) else { return false };
    let sent = encode(&value).unwrap();
    let again = decode::<M>(&sent).unwrap_or_else(|error| panic!("{}: {error}, {bytes:?} as {sent:?}", M::NAME));
    assert_eq!(encode(&again).unwrap(), sent, "{} from {bytes:?}", M::NAME);
    true
}

#[test]
fn every_message_comes_back_as_it_was_sent() {
    struct RoundTrip(Rng);

    impl Visit for RoundTrip {
        fn message<M: Message + Any>(&mut self) {
            for _ in 0..200 {
                let bytes = encode(&M::any(&mut self.0)).unwrap();
                let value = decode::<M>(&bytes).unwrap_or_else(|error| panic!("{}: {error}, {bytes:?}", M::NAME));
                assert_eq!(encode(&value).unwrap(), bytes, "{}", M::NAME);
            }
        }
    }

    every_message(&mut RoundTrip(Rng::with_seed(1)));
}

/// Elements in a value, of the lists all together.
const ELEMENTS: [usize; 6] = [10, 100, 500, 2000, 10_000, 60_000];

#[test]
fn what_is_accepted_from_a_sender_is_decoded() {
    #[derive(Default)]
    struct Honest {
        rng: Rng,
        decoded: usize,
        refused: usize,
    }

    impl Visit for Honest {
        fn message<M: Message + Any>(&mut self) {
            for (elements, small) in ELEMENTS.iter().flat_map(|elements| [(*elements, true), (*elements, false)]) {
                for _ in 0..4 {
                    match encode(&family::of_many::<M>(&mut self.rng, elements, small)) {
                        Ok(bytes) if bytes.len() > M::MAX_BYTES => {}
                        Ok(bytes) => match decode::<M>(&bytes) {
                            Ok(_) => self.decoded += 1,
                            Err(error) => panic!("{}: {error}, {elements} elements, {} bytes", M::NAME, bytes.len()),
                        },
                        Err(EncodeError::Memory { need, most, .. }) if need > most => self.refused += 1,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        }
    }

    let mut honest = Honest { rng: Rng::with_seed(3), ..Honest::default() };
    every_message(&mut honest);
    assert!(honest.decoded > 1000 && honest.refused > 100, "{} decoded, {} refused", honest.decoded, honest.refused);
}

#[test]
fn every_linked_message_is_among_them() {
    struct Names(BTreeSet<&'static str>);

    impl Visit for Names {
        fn message<M: Message + Any>(&mut self) {
            self.0.insert(M::NAME);
        }
    }

    let mut names = Names(BTreeSet::new());
    shipped::every_message(&mut names);
    let handlers = ProtocolSet::linked().iter().flat_map(|known| known.handlers).collect::<Vec<_>>();
    let linked = handlers.iter().flat_map(|handler| {
        let reply = handler.message.reply.map(|reply| reply().name);
        [Some(handler.message.name), reply].into_iter().flatten()
    });
    assert_eq!(names.0, linked.collect());
}

#[test]
fn no_beginning_of_a_message_is_a_message() {
    each(50, |_, bytes, is_valid| {
        for end in 0..bytes.len() {
            assert!(!is_valid(&bytes[..end]), "{end} of {bytes:?}");
        }
        assert!(is_valid(bytes) && !is_valid(&[bytes, &[0]].concat()));
    });
}

#[test]
fn every_byte_that_is_changed_gives_an_error_or_another_message() {
    let mut valid = [0_usize; 2];
    each(10, |rng, bytes, is_valid| {
        let mut bytes = bytes.to_vec();
        for at in 0..bytes.len() {
            let was = bytes[at];
            let changes = (0..8).map(|bit| was ^ 1 << bit).chain([0, 1, 250, 251, 252, 253, 254, 255, rng.u8(..)]);
            for change in changes {
                bytes[at] = change;
                valid[usize::from(is_valid(&bytes))] += 1;
            }
            bytes[at] = was;
        }
    });
    assert!(valid.iter().all(|count| *count > 1000), "both happen: {valid:?}");
}

#[test]
fn noise_in_a_message_gives_an_error_or_another_message() {
    let mut valid = [0_usize; 2];
    each(200, |rng, bytes, is_valid| {
        let mut bytes = bytes.to_vec();
        for _ in 0..rng.usize(1..6) {
            let at = rng.usize(..=bytes.len());
            match rng.u8(..4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, rng.u8(..)),
                2 => drop(bytes.splice(at..at, std::iter::repeat_with(|| rng.u8(..)).take(9)).count()),
                _ => bytes.iter_mut().skip(at).take(3).for_each(|byte| *byte = rng.u8(..)),
            }
        }
        valid[usize::from(is_valid(&bytes))] += 1;
    });
    assert!(valid.iter().all(|count| *count > 100), "both happen: {valid:?}");
}

#[test]
fn noise_alone_gives_an_error_or_a_message() {
    each(200, |rng, _, is_valid| {
        let most = if rng.bool() { 12 } else { 3000 };
        let bytes: Vec<u8> = (0..rng.usize(..most)).map(|_| rng.u8(..)).collect();
        is_valid(&bytes);
        let small: Vec<u8> = bytes.iter().map(|byte| byte % 4).collect();
        is_valid(&small);
    });
}
