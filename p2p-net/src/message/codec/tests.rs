//! Holds the encoding to bincode's: the same bytes from the same values, and the same values, or none, from the same bytes.

use std::collections::BTreeMap;

use bincode::config::standard;
use serde::Deserialize;

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Every {
    numbers: (u8, u16, u32, u64, u128),
    signed: (i8, i16, i32, i64, i128),
    floats: (f32, f64),
    flags: [bool; 3],
    letter: char,
    text: String,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    array: [u8; 32],
    list: Vec<Option<u32>>,
    map: BTreeMap<String, i16>,
    unit: (),
    kinds: Vec<Kind>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kind {
    Nothing,
    One(u16),
    Two(u8, i64),
    Named { name: String, wide: i128 },
}

/// Of any size, small ones as often as large ones.
fn number(rng: &mut fastrand::Rng) -> u128 {
    rng.u128(..) >> rng.u32(0..128)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "any number will do")]
fn every(rng: &mut fastrand::Rng) -> Every {
    let mut number = || number(rng);
    let numbers = (number() as u8, number() as u16, number() as u32, number() as u64, number());
    let signed = (number() as i8, number() as i16, number() as i32, !number() as i64, !number() as i128);
    let floats = (number() as f32, -(number() as f64));
    let kinds = vec![
        Kind::Nothing,
        Kind::One(number() as u16),
        Kind::Two(number() as u8, number() as i64),
        Kind::Named { name: "x".repeat(number() as usize % 600), wide: number() as i128 },
    ];
    let list = (0..number() % 9).map(|_| Some(number() as u32).filter(|n| n % 3 > 0)).collect();
    let map = (0..number() % 9).map(|n| (n.to_string(), !number() as i16)).collect();
    let array = std::array::from_fn(|_| number() as u8);
    let (letter, text) = (rng.char(..), (0..rng.usize(..9)).map(|_| rng.char(..)).collect());
    let (flags, bytes) = ([rng.bool(), rng.bool(), rng.bool()], vec![rng.u8(..); rng.usize(..300)]);
    Every { numbers, signed, floats, flags, letter, text, bytes, array, list, map, unit: (), kinds }
}

/// What is decoded of all the bytes.
fn ours(bytes: &[u8]) -> Option<Every> {
    let mut read = Read(bytes);
    let value = Every::deserialize(&mut read).ok()?;
    read.0.is_empty().then_some(value)
}

fn theirs(bytes: &[u8]) -> Option<Every> {
    // A limit, because it makes room for what is claimed.
    let config = standard().with_limit::<{ 1 << 20 }>();
    let (value, used) = bincode::serde::decode_from_slice(bytes, config).ok()?;
    (used == bytes.len()).then_some(value)
}

#[test]
fn the_bytes_are_those_of_bincode() {
    let mut rng = fastrand::Rng::with_seed(3);
    for _ in 0..2000 {
        let (value, mut bytes) = (every(&mut rng), Vec::new());
        encode_into(&value, &mut bytes).unwrap();
        assert_eq!(bytes, bincode::serde::encode_to_vec(&value, standard()).unwrap());
        assert_eq!(ours(&bytes), Some(value));
    }
}

#[test]
fn wrong_bytes_are_refused_where_bincode_refuses_them() {
    let (mut rng, mut refused, mut taken) = (fastrand::Rng::with_seed(4), 0, 0);
    for _ in 0..20_000 {
        let mut bytes = bincode::serde::encode_to_vec(every(&mut rng), standard()).unwrap();
        match rng.u8(0..3) {
            0 => bytes.truncate(rng.usize(..bytes.len())),
            1 => bytes.push(rng.u8(..)),
            _ => {
                let at = rng.usize(..bytes.len());
                bytes[at] = if rng.bool() { rng.u8(250..) } else { rng.u8(..) };
            }
        }
        let (ours, theirs) = (ours(&bytes), theirs(&bytes));
        // What is no number equals nothing: the text of both is compared.
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
        *if ours.is_some() { &mut taken } else { &mut refused } += 1;
    }
    assert!(refused > 5_000 && taken > 3_000, "{refused} refused, {taken} taken");
}

#[test]
fn every_first_byte_of_a_number_means_what_it_means_to_bincode() {
    for first in 0..=255 {
        let bytes = [&[first][..], &[1; 16]].concat();
        macro_rules! same {
            ($($number:ty)*) => { $(
                let (mut read, theirs) = (Read(&bytes), bincode::serde::decode_from_slice::<$number, _>(&bytes, standard()));
                let ours = <$number>::deserialize(&mut read).ok().map(|number| (number, bytes.len() - read.0.len()));
                assert_eq!(ours, theirs.ok(), "{first} {}", stringify!($number));
            )* };
        }
        same!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 bool char);
    }
}

#[test]
fn what_is_encoded_is_decoded() {
    let mut bytes = Vec::new();
    encode_into(&(7_u32, "seven"), &mut bytes).unwrap();
    assert_eq!(decode::<(u32, String)>(&bytes), Ok((7, "seven".to_owned())));
}

#[test]
fn trailing_and_missing_bytes_are_errors() {
    assert_eq!(decode::<u8>(&[1, 2]), Err(DecodeError::Trailing(1)));
    assert!(matches!(decode::<(u8, u8)>(&[1]), Err(DecodeError::Invalid(_))));
}

#[test]
fn a_claimed_length_allocates_nothing() {
    // 253 announces a u64 length; the bytes that should follow are not there.
    let claim = [253, 255, 255, 255, 255, 255, 255, 255, 127];
    assert!(decode::<Vec<u64>>(&claim).is_err());
    assert!(decode::<String>(&claim).is_err());
}

#[test]
fn scratch_survives_a_panic_inside() {
    let caught = std::panic::catch_unwind(|| with_scratch(|_| panic!("a Serialize that panics")));
    assert!(caught.is_err());
    with_scratch(|scratch| assert!(scratch.is_empty()));
}
