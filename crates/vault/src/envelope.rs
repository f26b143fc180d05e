//! The sealed form and how it is made and read.
//!
//! ```text
//! format 1 | key version 4 | nonce 24 | wrapped data key 32+16 | nonce 24 | secret n | tag 16
//! ```

use crate::{Aad, KeyVersion, VaultError};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use rand::Rng;
use zeroize::Zeroizing;

/// The one format there is.
const FORMAT: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;
const DATA_KEY: usize = 32;
/// Format and key version.
const HEAD: usize = 1 + 4;
/// Head, nonce and wrapped data key: what a rotation replaces.
const WRAP: usize = HEAD + NONCE + DATA_KEY + TAG;

type Key = Zeroizing<[u8; 32]>;

pub(crate) fn seal(
    wrapping: &Key,
    version: KeyVersion,
    aad: &Aad<'_>,
    secret: &[u8],
) -> Result<Vec<u8>, VaultError> {
    let mut data_key: Key = Zeroizing::new([0; 32]);
    rand::rng().fill_bytes(data_key.as_mut());
    let mut sealed = wrap(wrapping, version, aad, &data_key)?;
    sealed.extend(encrypt(&data_key, &aad.for_secret(FORMAT), secret)?);
    Ok(sealed)
}

pub(crate) fn open(
    wrapping: &Key,
    version: KeyVersion,
    aad: &Aad<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (data_key, secret) = unwrap(wrapping, version, aad, sealed)?;
    decrypt(&data_key, &aad.for_secret(FORMAT), secret)
}

pub(crate) fn rewrap(
    (old_key, old_version): (&Key, KeyVersion),
    (new_key, new_version): (&Key, KeyVersion),
    aad: &Aad<'_>,
    sealed: &[u8],
) -> Result<Vec<u8>, VaultError> {
    let (data_key, secret) = unwrap(old_key, old_version, aad, sealed)?;
    let mut fresh = wrap(new_key, new_version, aad, &data_key)?;
    fresh.extend_from_slice(secret);
    Ok(fresh)
}

fn wrap(wrapping: &Key, version: KeyVersion, aad: &Aad<'_>, data_key: &Key) -> Result<Vec<u8>, VaultError> {
    let mut head = vec![FORMAT];
    head.extend_from_slice(&version.0.to_be_bytes());
    head.extend(encrypt(wrapping, &aad.for_data_key(FORMAT, version), data_key.as_ref())?);
    Ok(head)
}

/// The data key, and the part of `sealed` that it opens.
fn unwrap<'s>(
    wrapping: &Key,
    version: KeyVersion,
    aad: &Aad<'_>,
    sealed: &'s [u8],
) -> Result<(Key, &'s [u8]), VaultError> {
    if sealed.len() < WRAP + NONCE + TAG {
        return Err(VaultError::Short);
    }
    let (head, secret) = sealed.split_at(WRAP);
    let (head, wrapped) = head.split_at(HEAD);
    let [format, v @ ..] = head else { return Err(VaultError::Short) };
    if *format != FORMAT {
        return Err(VaultError::UnknownFormat(*format));
    }
    let found = KeyVersion(v.iter().fold(0, |n, byte| (n << 8) | u32::from(*byte)));
    if found != version {
        return Err(VaultError::OtherKey { found: found.0, held: version.0 });
    }
    let opened = decrypt(wrapping, &aad.for_data_key(FORMAT, version), wrapped)?;
    let mut data_key: Key = Zeroizing::new([0; 32]);
    if opened.len() != data_key.len() {
        return Err(VaultError::Refused);
    }
    data_key.copy_from_slice(&opened);
    Ok((data_key, secret))
}

fn encrypt(key: &Key, aad: &[u8], msg: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0u8; NONCE];
    rand::rng().fill_bytes(&mut nonce);
    let cipher = XChaCha20Poly1305::new(&(**key).into());
    let secret = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg, aad })
        .map_err(|_opaque| VaultError::NotSealed)?;
    let mut out = nonce.to_vec();
    out.extend(secret);
    Ok(out)
}

fn decrypt(key: &Key, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (nonce, msg) = sealed.split_at_checked(NONCE).ok_or(VaultError::Short)?;
    let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_length| VaultError::Short)?;
    let cipher = XChaCha20Poly1305::new(&(**key).into());
    cipher
        .decrypt(&XNonce::from(nonce), Payload { msg, aad })
        .map(Zeroizing::new)
        .map_err(|_opaque| VaultError::Refused)
}
