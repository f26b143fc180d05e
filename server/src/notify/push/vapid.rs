//! Who sends a push: a key of this instance, sealed in its settings, and the word it signs (RFC 8292).

use crate::platform::{Platform, error::OpError, ids::random_32, sealed::sealed_setting};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer},
};
use serde_json::json;
use zeroize::Zeroizing;

/// The setting that holds the sealed key.
const SETTING: &str = "push_key";
/// How long a word is good for; push services take no more than a day.
const GOOD_S: i64 = 12 * 3_600;

/// A key that signs for this instance.
pub(super) struct Vapid(SigningKey);

impl Vapid {
    /// The key of this instance; made when it is first needed.
    pub(super) async fn of(platform: &Platform) -> Result<Self, OpError> {
        let fresh = || Zeroizing::new(fresh_key().to_bytes().to_vec());
        let bytes = sealed_setting(platform, SETTING, fresh).await?;
        let key = SigningKey::from_slice(&bytes);
        Ok(Self(key.map_err(|e| OpError::internal("opening the key of pushes", e))?))
    }

    /// The public key, as browsers and push services take it.
    pub(super) fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(p256::PublicKey::from(self.0.verifying_key()).to_sec1_bytes())
    }

    /// The `Authorization` of a push to a service at `origin`; `contact` is where its operator finds ours.
    pub(super) fn authorization(&self, origin: &str, contact: &str, now_ms: i64) -> String {
        let head = json!({ "typ": "JWT", "alg": "ES256" }).to_string();
        let claims = json!({ "aud": origin, "exp": now_ms / 1_000 + GOOD_S, "sub": contact }).to_string();
        let word = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
        let signature: Signature = self.0.sign(word.as_bytes());
        format!("vapid t={word}.{}, k={}", URL_SAFE_NO_PAD.encode(signature.to_bytes()), self.public())
    }
}

/// A key nobody had before.
pub(super) fn fresh_key() -> SecretKey {
    loop {
        // Nearly every number is one.
        if let Ok(key) = SecretKey::from_slice(random_32().as_ref()) {
            return key;
        }
    }
}
