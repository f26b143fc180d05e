//! A secret of this instance that is made once and kept sealed in its settings.

use super::{Platform, error::OpError};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use entity::setting;
use sea_orm::{ActiveValue::Set, EntityTrait};
use zeroize::Zeroizing;

/// The secret in the setting `name`; `fresh` makes it when it is first needed.
///
/// # Errors
/// The database, or a setting that does not open with this instance's master key.
pub async fn sealed_setting(
    platform: &Platform,
    name: &'static str,
    fresh: impl FnOnce() -> Zeroizing<Vec<u8>>,
) -> Result<Zeroizing<Vec<u8>>, OpError> {
    let aad = vault::Aad::new("settings", "value", name.as_bytes());
    let opened = |value: &str| {
        let sealed =
            STANDARD_NO_PAD.decode(value).map_err(|e| OpError::internal("reading a sealed setting", e))?;
        platform.vault.open(&aad, &sealed).map_err(|e| OpError::internal("opening a sealed setting", e))
    };
    if let Some(row) = setting::Entity::find_by_id(name.to_owned()).one(platform.db.read()).await? {
        return opened(&row.value);
    }
    let sealed =
        platform.vault.seal(&aad, &fresh()).map_err(|e| OpError::internal("sealing a setting", e))?;
    let value = STANDARD_NO_PAD.encode(sealed);
    let now_ms = platform.clock.now_ms();
    let kept = platform
        .db
        .write(async |tx| {
            // Somebody else was first: theirs is the one that is known.
            if let Some(row) = setting::Entity::find_by_id(name.to_owned()).one(tx).await? {
                return Ok(row.value);
            }
            let row = setting::ActiveModel {
                key: Set(name.to_owned()),
                value: Set(value.clone()),
                updated_at_ms: Set(now_ms),
            };
            setting::Entity::insert(row).exec_without_returning(tx).await?;
            Ok(value)
        })
        .await?;
    opened(&kept)
}
