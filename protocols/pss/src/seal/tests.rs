use super::*;
use crate::address::Prefix;
use crate::envelope::MAX_SEALED;
use crate::topic::Topic;
use p2p_net::identity::SecretKey;

fn own(number: u8) -> OwnKey {
    OwnKey::new(SecretKey::from_bytes([number; 32]))
}

fn header() -> Header {
    let destination = Prefix::from_slice(&[7; 2]).unwrap();
    Header { sealed: true, destination, topic: Topic::of("bar"), expiry: 1_000, nonce: [9; 16] }
}

/// The header with each of its fields changed.
fn others() -> [Header; 5] {
    [
        Header { sealed: false, ..header() },
        Header { destination: Prefix::from_slice(&[7; 3]).unwrap(), ..header() },
        Header { topic: Topic::of("foo"), ..header() },
        Header { expiry: 1_001, ..header() },
        Header { nonce: [8; 16], ..header() },
    ]
}

#[test]
fn what_is_sealed_to_a_node_is_opened_by_it_alone_and_names_its_sender() {
    let (alice, bob, carol) = (own(1), own(2), own(3));
    for length in [0, 3, 1_000, MAX_ASYMMETRIC] {
        let payload = vec![5; length];
        let sealed = to_public_key(&alice, &bob.id(), &header(), Kind::Payload, &payload).unwrap();
        assert!(sealed.len().is_power_of_two() && sealed.len() <= MAX_SEALED);
        let opened = Opened { kind: Kind::Payload, payload };
        assert_eq!(open_with_own(&bob, &header(), &sealed), Ok((alice.id(), opened)));
        assert_eq!(open_with_own(&carol, &header(), &sealed), Err(OpenError::NotOurs));
        assert_eq!(open_with_own(&alice, &header(), &sealed), Err(OpenError::NotOurs), "not even by the sender");
    }
    let too_large = vec![5; MAX_ASYMMETRIC + 1];
    let error = TooLarge { found: MAX_ASYMMETRIC + 1, most: MAX_ASYMMETRIC };
    assert_eq!(to_public_key(&alice, &bob.id(), &header(), Kind::Payload, &too_large), Err(error.into()));
}

#[test]
fn a_changed_header_or_a_changed_byte_opens_nothing() {
    let (alice, bob, key) = (own(1), own(2), SymmetricKey::from_bytes([4; 32]));
    let asymmetric = to_public_key(&alice, &bob.id(), &header(), Kind::Payload, b"bar").unwrap();
    let symmetric = under_key(&key, &header(), Kind::Payload, b"bar").unwrap();
    assert_eq!(asymmetric.len(), symmetric.len(), "the two look alike");
    for other in others() {
        assert_eq!(open_with_own(&bob, &other, &asymmetric), Err(OpenError::NotOurs), "{other:?}");
        assert_eq!(open_with_key(&key, &other, &symmetric), Err(OpenError::NotOurs), "{other:?}");
    }
    for at in 0..asymmetric.len() {
        for bit in [1, 0x80] {
            let (mut asymmetric, mut symmetric) = (asymmetric.clone(), symmetric.clone());
            asymmetric[at] ^= bit;
            symmetric[at] ^= bit;
            assert_eq!(open_with_own(&bob, &header(), &asymmetric), Err(OpenError::NotOurs), "byte {at}");
            assert_eq!(open_with_key(&key, &header(), &symmetric), Err(OpenError::NotOurs), "byte {at}");
        }
    }
    for length in 0..asymmetric.len() {
        assert_eq!(open_with_own(&bob, &header(), &asymmetric[..length]), Err(OpenError::NotOurs), "{length} bytes");
        assert_eq!(open_with_key(&key, &header(), &symmetric[..length]), Err(OpenError::NotOurs), "{length} bytes");
    }
}

#[test]
fn the_wrong_key_opens_nothing() {
    let (key, other) = (SymmetricKey::from_bytes([4; 32]), SymmetricKey::from_bytes([5; 32]));
    let sealed = under_key(&key, &header(), Kind::Handshake, b"bar").unwrap();
    let opened = Opened { kind: Kind::Handshake, payload: b"bar".to_vec() };
    assert_eq!(open_with_key(&key, &header(), &sealed), Ok(opened));
    assert_eq!(open_with_key(&other, &header(), &sealed), Err(OpenError::NotOurs));
}

/// Seals to bob what he gets from alice, but for what `change` does to what is inside.
fn sealed_by_hand(to: &NodeId, inside: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (encapsulated, mut context) =
        setup_sender::<ChaCha20Poly1305, HkdfSha256, Kem>(&OpModeS::Base, &sealing_key(to).unwrap(), ASYMMETRIC)
            .unwrap();
    let encapsulated = encapsulated.to_bytes();
    let sealed = context.seal(&inside(&encapsulated), &header().to_bytes()).unwrap();
    [&encapsulated[..], &sealed].concat()
}

#[test]
fn nobody_can_write_in_anothers_name() {
    let (alice, bob, mallory) = (own(1), own(2), own(3));
    let content = content::pack(Kind::Payload, b"bar", ASYMMETRIC_OVERHEAD).unwrap();
    let bound = header().to_bytes();
    let by = |signer: &OwnKey, to: &OwnKey, named: &OwnKey| {
        sealed_by_hand(&bob.id(), |encapsulated| {
            let signature = signer.secret().sign(&signed(&to.id(), encapsulated, &bound, &content));
            [named.id().as_bytes(), &signature[..], &content].concat()
        })
    };
    let open = |sealed: &[u8]| open_with_own(&bob, &header(), sealed);
    assert_eq!(open(&by(&alice, &bob, &alice)).unwrap().0, alice.id());
    assert_eq!(open(&by(&mallory, &bob, &alice)), Err(OpenError::Forged(alice.id())));
    assert_eq!(open(&by(&alice, &mallory, &alice)), Err(OpenError::Forged(alice.id())), "it was written to another");
}

#[test]
fn what_is_too_short_or_no_content_is_an_error() {
    let (alice, bob) = (own(1), own(2));
    for length in [0, 31, 32, 95] {
        let sealed = sealed_by_hand(&bob.id(), |_| vec![0; length]);
        assert_eq!(open_with_own(&bob, &header(), &sealed), Err(OpenError::NotContent), "{length}");
    }
    let bound = header().to_bytes();
    let sealed = sealed_by_hand(&bob.id(), |encapsulated| {
        let signature = alice.secret().sign(&signed(&bob.id(), encapsulated, &bound, &[9]));
        [alice.id().as_bytes(), &signature[..], &[9]].concat()
    });
    assert_eq!(open_with_own(&bob, &header(), &sealed), Err(OpenError::NotContent));
}
