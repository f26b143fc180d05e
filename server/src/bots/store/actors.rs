//! What those go by who did something to a bot.

use crate::platform::error::OpError;
use api::ids::{TokenId, UserId};
use entity::{auth::token, user};
use policy::{Granted, act};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use std::collections::BTreeMap;

/// Names by the ids that the audit log uses. Who is none of people and tokens, or no more, is not among them; `actors` is
/// at most a page of rows that were found for the caller.
pub(in crate::bots) async fn names<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadBots>,
    actors: impl IntoIterator<Item = &str>,
) -> Result<BTreeMap<String, String>, OpError> {
    let (mut users, mut tokens) = (Vec::<UserId>::new(), Vec::<TokenId>::new());
    for actor in actors {
        users.extend(actor.parse::<UserId>());
        tokens.extend(actor.parse::<TokenId>());
    }
    let mut names = BTreeMap::new();
    if !users.is_empty() {
        let found = user::Entity::find().filter(user::Column::Id.is_in(users));
        let found = found.select_only().column(user::Column::Id).column(user::Column::Name);
        let found: Vec<(UserId, String)> = found.into_tuple().all(db).await?;
        names.extend(found.into_iter().map(|(id, name)| (id.to_string(), name)));
    }
    if !tokens.is_empty() {
        let found = token::Entity::find().filter(token::Column::Id.is_in(tokens));
        let found = match granted.workspace() {
            Some(workspace) => found.filter(token::Column::WorkspaceId.eq(workspace)),
            None => found,
        };
        let found = found.select_only().column(token::Column::Id).column(token::Column::Name);
        let found: Vec<(TokenId, String)> = found.into_tuple().all(db).await?;
        names.extend(found.into_iter().map(|(id, name)| (id.to_string(), name)));
    }
    Ok(names)
}
