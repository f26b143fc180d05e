//! Where a bot's upgrade stands.

use crate::platform::error::OpError;
use api::ids::BotId;
use entity::bots::bot;
use policy::{Granted, act};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};

/// Bots that are looked at for what was kept too long, at once.
const MOST: u64 = 1_000;

/// Turns an upgrade, if it still stands where it stood; the row as it then is.
pub(in crate::bots) async fn turn<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    id: BotId,
    before: &str,
    after: &str,
) -> Result<Option<bot::Model>, OpError> {
    let turned = bot::Entity::update_many()
        .col_expr(bot::Column::Upgrade, Expr::value(after))
        .filter(bot::Column::Id.eq(id))
        .filter(bot::Column::Upgrade.eq(before))
        .exec(tx)
        .await?;
    if turned.rows_affected == 0 {
        return Ok(None);
    }
    Ok(bot::Entity::find_by_id(id).one(tx).await?)
}

/// Which OpenClaw a bot runs with, from now on.
pub(in crate::bots) async fn set_openclaw<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    id: BotId,
    openclaw: &str,
) -> Result<(), OpError> {
    let set = bot::Entity::update_many().col_expr(bot::Column::Openclaw, Expr::value(openclaw));
    set.filter(bot::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// The same for every bot of a runtime of which it was not noted yet.
pub(in crate::bots) async fn note_all<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    runtime: &str,
    openclaw: &str,
) -> Result<(), OpError> {
    let set = bot::Entity::update_many().col_expr(bot::Column::Openclaw, Expr::value(openclaw));
    set.filter(bot::Column::Runtime.eq(runtime)).filter(bot::Column::Openclaw.eq("")).exec(tx).await?;
    Ok(())
}

/// The user id of a rehearsal that is over is anybody's again.
pub(in crate::bots) async fn forget_trial_uid<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    id: BotId,
) -> Result<(), OpError> {
    let none = Expr::value(Option::<i64>::None);
    let set = bot::Entity::update_many().col_expr(bot::Column::TrialUid, none);
    set.filter(bot::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Bots whose upgrade took hold.
pub(in crate::bots) async fn done<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::RunBots>,
) -> Result<Vec<bot::Model>, OpError> {
    let kept = bot::Entity::find().filter(bot::Column::Upgrade.contains("\"kept\":true"));
    Ok(kept.limit(MOST).all(db).await?)
}

/// Bots whose upgrade rehearses.
pub(in crate::bots) async fn rehearsing<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::RunBots>,
) -> Result<Vec<bot::Model>, OpError> {
    let rehearsing = bot::Entity::find().filter(bot::Column::Upgrade.contains("\"phase\":\"rehearsing\""));
    Ok(rehearsing.limit(MOST).all(db).await?)
}
