//! What the budget refuses, and what it lets pass.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::codec::{decode, encode_into};
use super::super::schema::{Field, Memory, Schema, Shape, Variant};
use super::always_decoded;

fn encoded(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(value, &mut bytes).unwrap();
    bytes
}

fn round_trip<T: Schema + Serialize + DeserializeOwned + PartialEq>(value: &T) -> bool {
    decode::<T>(&encoded(value)).is_ok_and(|decoded| decoded == *value)
}

/// Why a value is refused.
fn refusal<T: Schema + DeserializeOwned>(bytes: &[u8]) -> String {
    decode::<T>(bytes).err().expect("refused").to_string()
}

/// A type that no shape shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Foreign<T>(T);

impl<T> Schema for Foreign<T> {
    const SHAPE: Shape = Shape::Opaque("foreign-1");
}

#[test]
fn honest_values_are_within_the_budget() {
    assert!(round_trip(&vec![7_u64; 100_000]));
    assert!(round_trip(&vec![u64::MAX; 1_000_000]));
    // Nine million numbers of two bytes, each written in one.
    assert!(round_trip(&vec![7_u16; 9_000_000]));
    assert!(round_trip(&(0..5_000_u32).map(|n| (n, n.to_string())).collect::<BTreeMap<_, _>>()));
    assert!(round_trip(&vec!["text".to_owned(); 40_000]));
    assert!(round_trip(&vec![Some([u64::MAX; 32]); 1000]));
}

#[test]
fn a_sequence_of_large_absences_is_refused() {
    let error = refusal::<Vec<Option<[u64; 32]>>>(&encoded(&vec![None::<[u64; 32]>; 100_000]));
    assert!(error.contains("would need more than 8 times their size in memory"), "{error}");
}

#[test]
fn more_elements_than_bytes_are_refused_before_the_first() {
    let error = refusal::<Vec<u8>>(&[252, 0, 0, 1, 0, 1, 2, 3]);
    assert!(error.contains("claims more elements than there are bytes"), "{error}");
}

#[test]
fn deep_nesting_is_refused() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Deep {
        End,
        More(Box<Deep>),
    }
    impl Schema for Deep {
        const SHAPE: Shape = Shape::Opaque("deep-1");
    }
    let deep = |n| (0..n).fold(Deep::End, |inner, _| Deep::More(Box::new(inner)));
    assert!(round_trip(&deep(20)));
    assert!(refusal::<Deep>(&encoded(&deep(10_000))).contains("nested more than 64 deep"));
}

#[test]
fn claims_within_claims_are_paid_for_before_what_is_in_them() {
    // Each level claims as many elements as there are bytes: together they would reserve many times the budget.
    type Deep = Vec<Vec<Vec<Vec<Vec<u64>>>>>;
    let claim = [251, 0, 0x80].repeat(5);
    let error = refusal::<Deep>(&[claim, vec![1; 0x8000]].concat());
    assert!(error.contains("would need more than 8 times"), "{error}");
}

#[test]
fn small_maps_are_paid_for_by_the_node() {
    // A map of one entry has room for eleven.
    type Maps = Vec<BTreeMap<u32, Option<[u64; 32]>>>;
    let maps: Maps = (0..1000).map(|n: u32| BTreeMap::from([(n, None::<[u64; 32]>)])).collect();
    let error = refusal::<Maps>(&encoded(&maps));
    assert!(error.contains("would need more than 8 times"), "{error}");
}

#[test]
fn nothing_in_great_number_comes_to_an_end() {
    let bytes = [[251, 0, 0x80].as_slice(), &[251, 0, 0x70].repeat(0x8000)].concat();
    assert!(decode::<Foreign<Vec<Vec<()>>>>(&bytes).is_err());
    assert!(round_trip(&Foreign(vec![vec![(); 10]; 100])));
}

#[test]
fn what_lies_beside_a_foreign_value_is_counted_as_it_is() {
    // Of what the same lists without it may hold, nothing is lost but the few bytes of the foreign value.
    let numbers = |n| vec![7_u64; n];
    assert!(round_trip(&(Foreign(7_u64), numbers(60_000))));
    assert!(round_trip(&(Some(Foreign([1_u8; 32])), BTreeMap::from([(1_u8, 1_u8)]), numbers(60_000))));
    assert!(round_trip(&Ok::<_, Foreign<u8>>(numbers(60_000))));
    assert!(!round_trip(&Err::<Vec<u64>, _>(Foreign(numbers(60_000)))));
    assert!(!round_trip(&(Foreign(numbers(60_000)), numbers(1))));
}

#[test]
fn foreign_parts_of_many_elements_are_counted_one_by_one() {
    let rows = |n| vec![(Foreign([7_u64; 2]), "a few letters".to_owned()); n];
    assert!(round_trip(&rows(1000)));
    assert!(!round_trip(&vec![(Foreign(vec![None::<[u64; 32]>; 3]), 1_u8); 1000]));
}

#[test]
fn a_shape_that_is_not_how_serde_sees_the_type_makes_what_is_in_it_foreign() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Odd {
        list: Vec<u64>,
        id: Foreign<u8>,
    }
    impl Schema for Odd {
        const SHAPE: Shape = Shape::Tuple(&[&Shape::Plain("u64"), &Shape::Opaque("odd-1")]);
    }
    assert!(round_trip(&Odd { list: vec![7; 100], id: Foreign(1) }));
    assert!(!round_trip(&Odd { list: vec![7; 60_000], id: Foreign(1) }));
}

#[test]
fn a_newtype_may_have_the_shape_of_what_is_in_it() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct List(Vec<(u64, Foreign<u8>)>);
    impl Schema for List {
        const SHAPE: Shape = <Vec<(u64, Foreign<u8>)>>::SHAPE;
    }
    let list = |n| (0..n).map(|n| (n << 32, Foreign(1))).collect();
    assert!(round_trip(&list(20_000)) && round_trip(&List(list(20_000))));
}

/// That everything of `n` elements is decoded while it is within the bound, and that there is more beyond.
fn holds_its_bound<T: Schema + DeserializeOwned, V: Serialize>(value: impl Fn(usize) -> V) {
    let most = always_decoded(&T::SHAPE);
    assert!((200..200_000).contains(&most), "{most}: {:?}", T::SHAPE);
    let (mut n, mut last) = (1, 0);
    while let bytes = encoded(&value(n))
        && bytes.len() <= most
    {
        decode::<T>(&bytes).unwrap_or_else(|error| panic!("{error}: {n} in {} of {most} bytes", bytes.len()));
        last = bytes.len();
        n += n / 50 + 1;
    }
    assert!(last > most - most / 20, "{last} of {most}");
}

#[test]
fn what_is_within_the_bound_of_its_shape_is_always_decoded() {
    let texts = |n| vec![String::new(); n];
    holds_its_bound::<Vec<String>, _>(texts);
    holds_its_bound::<Vec<u64>, _>(|n| vec![0_u8; n]);
    holds_its_bound::<Vec<Option<u64>>, _>(|n| vec![0_u8; n]);
    holds_its_bound::<Vec<Vec<u64>>, _>(|n| vec![vec![0_u8]; n]);
    holds_its_bound::<Vec<Vec<Vec<u32>>>, _>(|n| vec![vec![vec![0_u8]]; n]);
    holds_its_bound::<(String, Vec<String>), _>(|n| ("x".repeat(n * 3), texts(n)));
    holds_its_bound::<(Vec<String>, String), _>(|n| (texts(n), "x".repeat(n * 3)));
    holds_its_bound::<(Vec<u8>, Vec<Option<[u64; 4]>>), _>(|n| (vec![1_u8; n], vec![0_u8; n]));
    holds_its_bound::<BTreeMap<u32, String>, _>(|n| (0..n as u32).map(|n| (n, "")).collect::<BTreeMap<_, _>>());
    holds_its_bound::<Vec<BTreeMap<u8, ()>>, _>(|n| vec![BTreeMap::from([(1_u8, ())]); n]);
    holds_its_bound::<Vec<[Vec<u64>; 2]>, _>(|n| vec![[[0_u8].to_vec(), vec![]]; n]);
    holds_its_bound::<Result<Vec<String>, u8>, _>(|n| Ok::<_, u8>(texts(n)));
}

#[test]
fn runs_and_single_values_are_never_refused_and_foreign_ones_never_known_not_to_be() {
    const RUNS: Shape = Shape::Struct(
        "Runs",
        &[
            Field::new("bytes", &Shape::Bytes),
            Field::new("text", &String::SHAPE),
            Field::new("n", &<[Option<u64>; 9]>::SHAPE),
        ],
    );
    assert_eq!(always_decoded(&RUNS), usize::MAX);
    assert_eq!(always_decoded(&<Vec<u16>>::SHAPE), usize::MAX);
    assert_eq!(always_decoded(&<Option<(std::net::SocketAddr, std::time::Duration)>>::SHAPE), usize::MAX);
    const ONE_OF: Shape = Shape::Enum("OneOf", &[Variant::new("A", &[]), Variant::new("B", &[Field::new("0", &LIST)])]);
    const LIST: Shape = Shape::Seq(&Shape::Replaced(&Shape::Plain("u8")), Memory::of::<u8>());
    assert_eq!((always_decoded(&ONE_OF), always_decoded(&Foreign::<u8>::SHAPE)), (0, 0));
}
