//! What a seal promises.
use proptest::prelude::*;
use vault::{Aad, KeyVersion, Vault, VaultError};
use zeroize::Zeroizing;

fn vault(byte: u8) -> Vault {
    Vault::new(&Zeroizing::new([byte; 32]))
}

const HERE: Aad<'static> = Aad::new("provider_keys", "secret", b"0123456789abcdef");

#[test]
fn a_secret_opens_where_it_was_sealed() {
    let v = vault(7);
    let sealed = v.seal(&HERE, b"sk-live-abc").unwrap();
    assert_eq!(v.open(&HERE, &sealed).unwrap().as_slice(), b"sk-live-abc");
    assert!(!sealed.windows(7).any(|w| w == b"sk-live"));
    assert_ne!(sealed, v.seal(&HERE, b"sk-live-abc").unwrap());
}

#[test]
fn a_secret_moved_to_another_row_column_or_table_does_not_open() {
    let v = vault(7);
    let sealed = v.seal(&HERE, b"sk").unwrap();
    for there in [
        Aad::new("provider_keys", "secret", b"0123456789abcdeg"),
        Aad::new("provider_keys", "other", b"0123456789abcdef"),
        Aad::new("bot_tokens", "secret", b"0123456789abcdef"),
    ] {
        assert_eq!(v.open(&there, &sealed).err(), Some(VaultError::Refused));
    }
}

#[test]
fn another_master_key_opens_nothing_and_is_told_by_its_check_value() {
    let (right, wrong) = (vault(7), vault(8));
    let sealed = right.seal(&HERE, b"sk").unwrap();
    assert_eq!(wrong.open(&HERE, &sealed).err(), Some(VaultError::Refused));
    assert!(right.matches(&vault(7).check_value()));
    assert!(!wrong.matches(&right.check_value()));
    assert!(!right.matches(""));
}

#[test]
fn a_rotated_secret_opens_with_the_new_key_only() {
    let old = vault(7);
    let new = Vault::with_version(&Zeroizing::new([9; 32]), KeyVersion(2));
    let sealed = old.seal(&HERE, b"sk").unwrap();
    let moved = new.rewrap(&old, &HERE, &sealed).unwrap();
    assert_eq!(new.open(&HERE, &moved).unwrap().as_slice(), b"sk");
    assert_eq!(old.open(&HERE, &moved).err(), Some(VaultError::OtherKey { found: 2, held: 1 }));
    assert_eq!(new.open(&HERE, &sealed).err(), Some(VaultError::OtherKey { found: 1, held: 2 }));
    // A relabelled version is an altered header.
    let mut relabelled = sealed;
    relabelled[4] = 2;
    assert!(new.open(&HERE, &relabelled).is_err());
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", vault(7)), "Vault { version: KeyVersion(1), .. }");
}

#[test]
fn every_single_bit_counts() {
    let v = vault(7);
    let sealed = v.seal(&HERE, b"sk-live-abc").unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut bad = sealed.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(v.open(&HERE, &bad).is_err(), "bit {bit}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sealed_opens(secret: Vec<u8>, row: Vec<u8>) {
        let v = vault(1);
        let aad = Aad::new("t", "c", &row);
        let sealed = v.seal(&aad, &secret).unwrap();
        prop_assert_eq!(v.open(&aad, &sealed).unwrap().to_vec(), secret);
    }

    #[test]
    fn a_cut_or_lengthened_seal_does_not_open(secret: Vec<u8>, cut in 0usize..200, extra: Vec<u8>) {
        let v = vault(1);
        let sealed = v.seal(&HERE, &secret).unwrap();
        let short = &sealed[..cut.min(sealed.len() - 1)];
        prop_assert!(v.open(&HERE, short).is_err());
        if !extra.is_empty() {
            let long = [sealed, extra].concat();
            prop_assert!(v.open(&HERE, &long).is_err());
        }
    }

    #[test]
    fn two_swapped_rows_do_not_open(a: [u8; 16], b: [u8; 16]) {
        prop_assume!(a != b);
        let v = vault(1);
        let (row_a, row_b) = (Aad::new("t", "c", &a), Aad::new("t", "c", &b));
        let (sealed_a, sealed_b) = (v.seal(&row_a, b"one").unwrap(), v.seal(&row_b, b"two").unwrap());
        prop_assert!(v.open(&row_b, &sealed_a).is_err());
        prop_assert!(v.open(&row_a, &sealed_b).is_err());
        // Not even half of a seal may be another's.
        let mixed = [&sealed_a[..77], &sealed_b[77..]].concat();
        prop_assert!(v.open(&row_a, &mixed).is_err());
        prop_assert!(v.open(&row_b, &mixed).is_err());
    }

    #[test]
    fn noise_does_not_open(noise: Vec<u8>) {
        prop_assert!(vault(1).open(&HERE, &noise).is_err());
    }
}
