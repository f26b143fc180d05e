//! Who sends a push: a key of this instance, sealed in its settings, and the word it signs (RFC 8292).

use crate::platform::{Platform, error::OpError, ids::random_32};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use entity::setting;
use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer},
};
use sea_orm::{ActiveValue::Set, EntityTrait};
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
        if let Some(row) = setting::Entity::find_by_id(SETTING.to_owned()).one(platform.db.read()).await? {
            return opened(platform, &row.value);
        }
        let fresh = fresh_key();
        let sealed = platform
            .vault
            .seal(&aad(), fresh.to_bytes().as_slice())
            .map_err(|e| OpError::internal("sealing the key of pushes", e))?;
        let value = STANDARD_NO_PAD.encode(sealed);
        let now_ms = platform.clock.now_ms();
        let kept = platform
            .db
            .write(async |tx| {
                // Somebody else was first: theirs is the one that browsers know.
                if let Some(row) = setting::Entity::find_by_id(SETTING.to_owned()).one(tx).await? {
                    return Ok(row.value);
                }
                let row = setting::ActiveModel {
                    key: Set(SETTING.to_owned()),
                    value: Set(value.clone()),
                    updated_at_ms: Set(now_ms),
                };
                setting::Entity::insert(row).exec_without_returning(tx).await?;
                Ok(value)
            })
            .await?;
        opened(platform, &kept)
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

fn aad() -> vault::Aad<'static> {
    vault::Aad::new("settings", "value", SETTING.as_bytes())
}

fn opened(platform: &Platform, value: &str) -> Result<Vapid, OpError> {
    let broken =
        |e: Box<dyn std::error::Error + Send + Sync>| OpError::internal("opening the key of pushes", e);
    let sealed = STANDARD_NO_PAD.decode(value).map_err(|e| broken(e.into()))?;
    let bytes: Zeroizing<Vec<u8>> = platform.vault.open(&aad(), &sealed).map_err(|e| broken(e.into()))?;
    let key = SigningKey::from_slice(&bytes).map_err(|e| broken(e.to_string().into()))?;
    Ok(Vapid(key))
}
