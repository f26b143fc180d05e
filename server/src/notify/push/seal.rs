//! A message only one browser can read: RFC 8291 over RFC 8188, one record.

use aes_gcm::{
    Aes128Gcm,
    aead::{Aead, KeyInit},
};
use hkdf::Hkdf;
use p256::{PublicKey, SecretKey};
use sha2::Sha256;

/// A browser's authentication secret.
pub(super) const AUTH_BYTES: usize = 16;
/// An uncompressed point.
pub(super) const POINT_BYTES: usize = 65;
/// The longest message: what every push service takes, without what is around it.
pub(super) const MOST_BYTES: usize = 3_000;
/// Size of the one record.
const RECORD: u32 = 4096;
/// The last record ends so.
const LAST: u8 = 2;

/// What was given is no key of a browser, or too long a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this cannot be sealed for a browser")]
pub(super) struct Unsealable;

/// The point of an uncompressed public key.
pub(super) fn point(bytes: &[u8]) -> Result<PublicKey, Unsealable> {
    if bytes.len() != POINT_BYTES {
        return Err(Unsealable);
    }
    PublicKey::from_sec1_bytes(bytes).map_err(|_no_point| Unsealable)
}

/// Seals `message` for the browser with these keys; `secret` and `salt` are good for this message only.
pub(super) fn seal(
    message: &[u8],
    (p256dh, auth): (&[u8], &[u8]),
    secret: &SecretKey,
    salt: [u8; 16],
) -> Result<Vec<u8>, Unsealable> {
    if auth.len() != AUTH_BYTES || message.len() > MOST_BYTES {
        return Err(Unsealable);
    }
    let theirs = point(p256dh)?;
    let ours = secret.public_key().to_sec1_bytes();
    let shared = secret.diffie_hellman(&theirs);
    let info = [b"WebPush: info\0".as_slice(), p256dh, &ours].concat();
    let key: [u8; 32] = derived(auth, shared.raw_secret_bytes(), &info)?;
    let content: [u8; 16] = derived(&salt, &key, b"Content-Encoding: aes128gcm\0")?;
    let nonce: [u8; 12] = derived(&salt, &key, b"Content-Encoding: nonce\0")?;
    let cipher = Aes128Gcm::new(&content.into());
    let record = [message, &[LAST]].concat();
    let sealed = cipher.encrypt(&nonce.into(), record.as_slice()).map_err(|_too_long| Unsealable)?;
    let length = u8::try_from(ours.len()).map_err(|_odd| Unsealable)?;
    Ok([salt.as_slice(), &RECORD.to_be_bytes(), &[length], &ours, &sealed].concat())
}

fn derived<const N: usize>(salt: &[u8], key: &[u8], info: &[u8]) -> Result<[u8; N], Unsealable> {
    let mut out = [0; N];
    Hkdf::<Sha256>::new(Some(salt), key).expand(info, &mut out).map_err(|_too_long| Unsealable)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).expect("base64")
    }

    #[test]
    fn the_example_of_rfc_8291_comes_out_as_printed_there() {
        let secret =
            SecretKey::from_slice(&bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")).expect("a key");
        let p256dh =
            bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4");
        let auth = bytes("BTBZMqHH6r4Tts7J_aSIgg");
        let salt: [u8; 16] = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().expect("16 bytes");
        let said = b"When I grow up, I want to be a watermelon";
        let sealed = seal(said, (&p256dh, &auth), &secret, salt).expect("sealed");
        let printed = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmY\
                       WAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexS\
                       gSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(sealed), printed);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let secret = SecretKey::from_slice(&[1; 32]).expect("a key");
        let theirs = secret.public_key().to_sec1_bytes();
        let refused = |p256dh: &[u8], auth: &[u8], message: &[u8]| {
            seal(message, (p256dh, auth), &secret, [0; 16]) == Err(Unsealable)
        };
        assert!(!refused(&theirs, &[0; 16], b"x"));
        assert!(refused(&theirs, &[0; 15], b"x") && refused(&[4; 65], &[0; 16], b"x"));
        assert!(refused(&[], &[0; 16], b"x") && refused(&theirs, &[0; 16], &[0; MOST_BYTES + 1]));
    }
}
