//! What identities promise.

use super::*;
use crate::folder::Folder;

#[test]
fn the_id_of_a_seed_is_that_of_rfc_8032() {
    let seed = from_hex(b"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let id = from_hex(b"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap();
    assert_eq!(SecretKey::from_bytes(seed).id().as_bytes(), &id);
}

#[test]
fn an_id_comes_back_from_its_text() {
    let id = SecretKey::from_bytes([7; 32]).id();
    let text = id.to_string();
    assert_eq!((text.len(), text.parse()), (base32::CHARACTERS, Ok(id)));
    assert!(text.starts_with(&id.short()));
    assert_eq!((id.short().len(), format!("{id:?}")), (8, id.short()));
}

#[test]
fn a_malformed_id_says_what_is_wrong() {
    let error = |text: &str| text.parse::<NodeId>().unwrap_err().to_string();
    assert_eq!(error("abc"), "a node id has 52 characters, this text has 3");
    assert_eq!(error(&"1".repeat(52)), "a node id is made of a-z and 2-7, this text has '1'");
    assert!(error(&"b".repeat(52)).contains("last character"));
}

#[test]
fn an_id_is_32_bytes_on_the_wire_and_text_in_a_file() {
    let id = SecretKey::from_bytes([7; 32]).id();
    let config = bincode::config::standard();
    let bytes = bincode::serde::encode_to_vec(id, config).unwrap();
    assert_eq!(bytes, id.as_bytes());
    assert_eq!(bincode::serde::decode_from_slice::<NodeId, _>(&bytes, config).unwrap(), (id, 32));
    assert_eq!(toml::Value::try_from(id).unwrap(), toml::Value::String(id.to_string()));
    assert_eq!(toml::Value::String(id.to_string()).try_into::<NodeId>().unwrap(), id);
}

#[test]
fn a_signature_holds_for_its_message_and_key_only() {
    let (secret, other) = (SecretKey::from_bytes([1; 32]), SecretKey::from_bytes([2; 32]));
    let signature = secret.sign(b"hello");
    assert!(secret.id().verify(b"hello", &signature));
    assert!(!secret.id().verify(b"hell0", &signature));
    assert!(!other.id().verify(b"hello", &signature));
    assert!(!secret.id().verify(b"hello", &signature[..63]));
}

#[test]
fn a_key_that_anybody_can_sign_with_proves_nothing() {
    let neutral = ends(1, 0, 0);
    let forged = [neutral, [0; 32]].concat();
    let ring_says = UnparsedPublicKey::new(&ED25519, &neutral).verify(b"anything", &forged);
    assert!(ring_says.is_ok(), "the library below accepts it, so we must not");
    assert!(!NodeId::from_bytes(neutral).verify(b"anything", &forged));
    assert!(!NodeId::from_bytes(ends(1, 0, 0x80)).is_ownable(), "whatever its sign");
    assert!(SecretKey::from_bytes([1; 32]).id().is_ownable());
}

#[test]
fn a_secret_is_not_in_its_debug_text() {
    let secret = SecretKey::from_bytes([0xab; 32]);
    assert_eq!(format!("{secret:?}"), format!("SecretKey(of {})", secret.id().short()));
}

#[test]
fn a_key_file_is_made_once_and_read_after_that() {
    let folder = Folder::temporary();
    let made = SecretKey::load_or_create(&folder.file("secret_key")).unwrap();
    let read = SecretKey::load_or_create(&folder.file("secret_key")).unwrap();
    assert_eq!(made.to_bytes(), read.to_bytes());
    assert_eq!(fs::read_to_string(folder.file("secret_key")).unwrap(), to_hex(&made.to_bytes()));
    assert_eq!(folder.names(), ["secret_key"], "nothing else is left behind");
}

#[cfg(unix)]
#[test]
fn a_key_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::temporary();
    SecretKey::load_or_create(&folder.file("secret_key")).unwrap();
    assert_eq!(fs::metadata(folder.file("secret_key")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_key_made_by_another_process_meanwhile_is_kept() {
    let folder = Folder::temporary();
    let first = SecretKey::load_or_create(&folder.file("secret_key")).unwrap();
    let second = create(&folder.file("secret_key")).unwrap();
    assert_eq!(first.to_bytes(), second.to_bytes());
}

#[test]
fn a_malformed_key_file_is_refused_and_left_alone() {
    let folder = Folder::temporary();
    for text in ["", "not a key", &"0".repeat(63), &"g".repeat(64), &"0".repeat(1000)] {
        fs::write(folder.file("secret_key"), text).unwrap();
        let error = SecretKey::load_or_create(&folder.file("secret_key")).unwrap_err();
        assert!(matches!(error, IdentityError::Malformed { .. }), "{text}");
        assert!(error.to_string().contains("64 hexadecimal digits"));
        assert_eq!(fs::read_to_string(folder.file("secret_key")).unwrap(), text);
    }
}
