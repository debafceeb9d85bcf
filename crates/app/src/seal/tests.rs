//! What sealing promises: only the right key, account, place and version open a value, and damage is noticed.

use super::*;
use crate::chance::SystemChance;

fn master(seed: u8) -> MasterKey {
    MasterKey::from_text(&master::hex(&[seed; KEY_LENGTH])).unwrap()
}

fn account(digit: &str) -> AccountId {
    AccountId::new(&digit.repeat(24)).unwrap()
}

fn data_key(version: u32) -> DataKey {
    DataKey::new(version, [3; KEY_LENGTH])
}

/// A value as the first databases have it.
fn direct(key: &MasterKey, place: Place, account: &AccountId, plaintext: &[u8]) -> Vec<u8> {
    let aad = [&key.head()[..], place.purpose.as_bytes(), &[0], account.as_str().as_bytes()].concat();
    let sealed = encrypt(&key.cipher(), &aad, plaintext, [7; NONCE_LENGTH]).unwrap();
    [&key.head()[..], &[7; NONCE_LENGTH], &sealed].concat()
}

#[test]
fn row_47_a_secret_opens_only_where_it_was_sealed_and_with_its_key() {
    let sealed = data_key(1).seal(SESSIONS, &account("a"), b"cookie jar", [7; NONCE_LENGTH]).unwrap();
    assert_eq!(data_key(1).open(SESSIONS, &account("a"), &sealed).unwrap().as_slice(), b"cookie jar");
    assert!(!sealed.windows(6).any(|part| part == b"cookie"));
    assert_eq!(SealedBy::of(&sealed), Ok(SealedBy::Data(1)));
    let elsewhere = [
        Place { table: "webhooks", ..SESSIONS },
        Place { column: "other", ..SESSIONS },
        Place { table: "session", column: "ssealed", ..SESSIONS },
    ];
    for place in elsewhere {
        assert!(data_key(1).open(place, &account("a"), &sealed).is_err(), "{place:?}");
    }
    assert!(data_key(1).open(SESSIONS, &account("b"), &sealed).is_err());
    assert!(data_key(2).open(SESSIONS, &account("a"), &sealed).is_err());
    assert!(DataKey::new(1, [4; KEY_LENGTH]).open(SESSIONS, &account("a"), &sealed).is_err());
}

#[test]
fn row_47_a_data_key_opens_only_for_its_account_version_and_master_key() {
    let sealer = Sealer::new(&master(1));
    let (fingerprint, wrapped) = sealer.wrap(&account("a"), &data_key(1), [7; NONCE_LENGTH]).unwrap();
    assert_eq!(fingerprint, master(1).fingerprint());
    let opened = sealer.unwrap(&account("a"), 1, (&fingerprint, &wrapped)).unwrap();
    assert_eq!(*opened.key, *data_key(1).key);
    assert_eq!(sealer.unwrap(&account("b"), 1, (&fingerprint, &wrapped)).err(), Some(SealError::Corrupt));
    assert_eq!(sealer.unwrap(&account("a"), 2, (&fingerprint, &wrapped)).err(), Some(SealError::Corrupt));
    let other = Sealer::new(&master(2));
    assert_eq!(other.unwrap(&account("a"), 1, (&fingerprint, &wrapped)).err(), Some(SealError::WrongKey));
    let lied = (other.fingerprint(), wrapped);
    assert_eq!(other.unwrap(&account("a"), 1, (&lied.0, &lied.1)).err(), Some(SealError::Corrupt));
    assert_eq!(format!("{sealer:?}{:?}", data_key(1)), "Sealer(…)DataKey(…)");
}

#[test]
fn row_47_every_flipped_bit_and_every_cut_is_noticed() {
    let sealer = Sealer::new(&master(1));
    let (fingerprint, wrapped) = sealer.wrap(&account("a"), &data_key(1), [7; NONCE_LENGTH]).unwrap();
    let sealed = data_key(1).seal(SESSIONS, &account("a"), b"x", [7; NONCE_LENGTH]).unwrap();
    let old = direct(&master(1), SESSIONS, &account("a"), b"x");
    let opens = |values: &[Vec<u8>; 3]| {
        [
            sealer.unwrap(&account("a"), 1, (&fingerprint, &values[0])).is_ok(),
            data_key(1).open(SESSIONS, &account("a"), &values[1]).is_ok(),
            sealer.open_direct(SESSIONS, &account("a"), &values[2]).is_ok(),
        ]
    };
    let whole = [wrapped, sealed, old];
    assert_eq!(opens(&whole), [true; 3]);
    for (at, value) in whole.iter().enumerate() {
        for bit in 0..value.len() * 8 {
            let mut flipped = whole.clone();
            flipped[at][bit / 8] ^= 1 << (bit % 8);
            assert!(!opens(&flipped)[at], "value {at}, bit {bit}");
        }
        for length in 0..value.len() {
            let mut cut = whole.clone();
            cut[at].truncate(length);
            assert!(!opens(&cut)[at], "value {at}, length {length}");
        }
    }
}

#[test]
fn what_the_master_key_itself_has_sealed_still_opens() {
    let old = direct(&master(1), SESSIONS, &account("a"), b"cookie jar");
    assert_eq!(SealedBy::of(&old), Ok(SealedBy::Master));
    let opened = Sealer::new(&master(1)).open_direct(SESSIONS, &account("a"), &old);
    assert_eq!(opened.unwrap().as_slice(), b"cookie jar");
    assert_eq!(Sealer::new(&master(2)).open_direct(SESSIONS, &account("a"), &old).err(), Some(SealError::WrongKey));
    let moved = Sealer::new(&master(1)).open_direct(SESSIONS, &account("b"), &old);
    assert_eq!(moved.err(), Some(SealError::Corrupt));
}

#[test]
fn a_sealer_follows_a_change_of_the_key_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let source = KeySource::new(None, None, &path);
    let before = source.main_or_create(&SystemChance).unwrap();
    let sealer = Sealer::with_source(&before, source.clone());
    let (old, wrapped) = sealer.wrap(&account("a"), &data_key(1), [7; NONCE_LENGTH]).unwrap();

    let file = source.file().unwrap();
    let after = file.make_next(None, &SystemChance).unwrap().fingerprint();
    assert!(sealer.has(&after), "one that waits is known");
    file.take_next().unwrap();
    sealer.follow(&after).unwrap();
    assert_eq!(sealer.fingerprint(), after);
    assert!(sealer.unwrap(&account("a"), 1, (&old, &wrapped)).is_ok(), "the old one still opens");
    let started_later = Sealer::with_source(&source.main().unwrap().unwrap(), source);
    assert!(started_later.unwrap(&account("a"), 1, (&old, &wrapped)).is_ok(), "out of its file");
    assert_eq!(sealer.follow(&"0".repeat(32)).err(), Some(SealError::WrongKey));
}
