//! What those go by whose ids stand in rows of the past.

use crate::platform::error::OpError;
use api::ids::{BotId, KeyId, TokenId, UserId, VirtualKeyId, WorkspaceId};
use entity::{auth::token, bots::bot, keys::provider_key, user, virtual_keys::virtual_key};
use policy::Granted;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select, TryGetable};
use std::{collections::BTreeMap, fmt::Display};

/// Names of people, tokens, bots, keys and virtual keys by their ids. Who or what is no more is not among them; `ids` are at most a page
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
    let mut virtual_keys = Vec::<VirtualKeyId>::new();
    for id in ids {
        users.extend(id.parse::<UserId>());
        tokens.extend(id.parse::<TokenId>());
        bots.extend(id.parse::<BotId>());
        keys.extend(id.parse::<KeyId>());
        virtual_keys.extend(id.parse::<VirtualKeyId>());
    }
    let here = granted.workspace();
    let mut names = BTreeMap::new();
    if !users.is_empty() {
        let found = user::Entity::find().filter(user::Column::Id.is_in(users));
        names.extend(plain::<_, UserId>(db, found, user::Column::Id, user::Column::Name).await?);
    }
    if !tokens.is_empty() {
        let found = token::Entity::find().filter(token::Column::Id.is_in(tokens));
        let found = within(found, token::Column::WorkspaceId, here);
        names.extend(plain::<_, TokenId>(db, found, token::Column::Id, token::Column::Name).await?);
    }
    if !bots.is_empty() {
        let found = bot::Entity::find().filter(bot::Column::Id.is_in(bots));
        let found = within(found, bot::Column::WorkspaceId, here);
        names.extend(plain::<_, BotId>(db, found, bot::Column::Id, bot::Column::Name).await?);
    }
    if !virtual_keys.is_empty() {
        use virtual_key::Column;
        let found = virtual_key::Entity::find().filter(Column::Id.is_in(virtual_keys));
        let found = within(found, Column::WorkspaceId, here);
        names.extend(plain::<_, VirtualKeyId>(db, found, Column::Id, Column::Name).await?);
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

/// Ids and names, nothing else of the rows.
async fn plain<E: EntityTrait, I: TryGetable + Display>(
    db: &impl ConnectionTrait,
    found: Select<E>,
    id: E::Column,
    name: E::Column,
) -> Result<Vec<(String, String)>, OpError> {
    let found: Vec<(I, String)> = found.select_only().column(id).column(name).into_tuple().all(db).await?;
    Ok(found.into_iter().map(|(id, name)| (id.to_string(), name)).collect())
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
