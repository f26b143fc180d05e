//! What those go by whose ids stand in rows of the past.

use crate::platform::error::OpError;
use api::ids::{BotId, KeyId, TokenId, UserId, WorkspaceId};
use entity::{auth::token, bots::bot, keys::provider_key, user};
use policy::Granted;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select};
use std::collections::BTreeMap;

/// Names of people, tokens, bots and keys by their ids. Who or what is no more is not among them; `ids` are at most a page
/// of rows that were found for the caller.
///
/// # Errors
/// What the database says.
pub async fn names<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<impl policy::Action>,
    ids: impl IntoIterator<Item = &str>,
) -> Result<BTreeMap<String, String>, OpError> {
    let (mut users, mut tokens) = (Vec::<UserId>::new(), Vec::<TokenId>::new());
    let (mut bots, mut keys) = (Vec::<BotId>::new(), Vec::<KeyId>::new());
    for id in ids {
        users.extend(id.parse::<UserId>());
        tokens.extend(id.parse::<TokenId>());
        bots.extend(id.parse::<BotId>());
        keys.extend(id.parse::<KeyId>());
    }
    let mut names = BTreeMap::new();
    if !users.is_empty() {
        let found = user::Entity::find().filter(user::Column::Id.is_in(users));
        let found = found.select_only().column(user::Column::Id).column(user::Column::Name);
        let found: Vec<(UserId, String)> = found.into_tuple().all(db).await?;
        names.extend(found.into_iter().map(|(id, name)| (id.to_string(), name)));
    }
    let here = granted.workspace();
    if !tokens.is_empty() {
        let found = token::Entity::find().filter(token::Column::Id.is_in(tokens));
        let found = within(found, token::Column::WorkspaceId, here);
        let found = found.select_only().column(token::Column::Id).column(token::Column::Name);
        let found: Vec<(TokenId, String)> = found.into_tuple().all(db).await?;
        names.extend(found.into_iter().map(|(id, name)| (id.to_string(), name)));
    }
    if !bots.is_empty() {
        let found = bot::Entity::find().filter(bot::Column::Id.is_in(bots));
        let found = within(found, bot::Column::WorkspaceId, here);
        let found = found.select_only().column(bot::Column::Id).column(bot::Column::Name);
        let found: Vec<(BotId, String)> = found.into_tuple().all(db).await?;
        names.extend(found.into_iter().map(|(id, name)| (id.to_string(), name)));
    }
    if !keys.is_empty() {
        let found = provider_key::Entity::find().filter(provider_key::Column::Id.is_in(keys));
        let found = within(found, provider_key::Column::WorkspaceId, here).select_only();
        // Not the sealed secret, nor its models.
        let found = [provider_key::Column::Id, provider_key::Column::Label, provider_key::Column::Vendor]
            .into_iter()
            .fold(found, QuerySelect::column)
            .column(provider_key::Column::LastFour);
        let found: Vec<(KeyId, String, String, String)> = found.into_tuple().all(db).await?;
        names.extend(
            found
                .into_iter()
                .map(|(id, label, vendor, last)| (id.to_string(), key_name(&label, &vendor, &last))),
        );
    }
    Ok(names)
}

/// As its owner called it, else by its vendor and last characters.
fn key_name(label: &str, vendor: &str, last_four: &str) -> String {
    match label.trim() {
        "" => format!("{vendor} …{last_four}"),
        label => label.to_owned(),
    }
}

fn within<E: EntityTrait>(
    found: Select<E>,
    column: impl ColumnTrait,
    workspace: Option<WorkspaceId>,
) -> Select<E> {
    match workspace {
        Some(workspace) => found.filter(column.eq(workspace)),
        None => found,
    }
}
