//! Drawing ids and secrets.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::Rng;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Draws ids. UUIDv7: sorted by time, so a cursor over ids is a cursor over age.
pub trait IdGen: Send + Sync {
    /// A fresh UUIDv7.
    fn uuid(&self) -> Uuid;
}

/// Ids from the machine's clock and randomness.
#[derive(Debug, Default)]
pub struct RandomIds;

impl IdGen for RandomIds {
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// 256 random bits.
pub fn random_32() -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    rand::rng().fill_bytes(bytes.as_mut());
    bytes
}

/// 256 random bits in URL-safe base64 (43 characters) behind `prefix`.
pub fn random_token(prefix: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random_32().as_ref())))
}

/// What is stored of a token.
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
