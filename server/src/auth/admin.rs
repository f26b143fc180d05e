//! What the operator asks for on the server machine: set-up link, API token, enrolment link.
//!
//! Called by the running server over `control.sock`, or directly by a command that holds the data dir.

use super::{
    error::AuthError,
    links::{For, Issued},
    state::Auth,
    store, tokens,
};
use crate::{
    audit,
    platform::{
        ctx::{OpCtx, Origin},
        error::OpError,
        ids::{random_token, token_hash},
        secret::Secret,
        text,
    },
};
use api::{
    auth::{LinkKind, Role},
    ids::{RequestId, TokenId, WorkspaceId},
    validate::Check,
};
use entity::auth::token;
use serde::{Deserialize, Serialize};

/// A link for the first administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupLink {
    pub url: String,
    pub expires_at_ms: i64,
}

/// Where first run stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Setup {
    /// Nobody has a passkey yet: open this.
    Open(SetupLink),
    /// An administrator has a passkey; no link is made any more.
    Done,
}

/// A link for one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolLink {
    pub url: String,
    pub expires_at_ms: i64,
    /// Recovery for somebody who is there, invite for somebody new.
    pub kind: LinkKind,
    pub user_name: String,
    /// The role the person has, or will have.
    pub role: Option<Role>,
}

fn ctx(auth: &Auth, workspace: Option<WorkspaceId>) -> OpCtx {
    let id = RequestId(auth.platform.ids.uuid());
    OpCtx { origin: Origin::Control, ..OpCtx::system(id, auth.platform.clock.now_ms(), workspace) }
}

/// A fresh set-up link; earlier ones stop working. Until the first administrator has a passkey, never after.
///
/// # Errors
/// What the database says.
pub async fn setup_link(auth: &Auth) -> Result<Setup, OpError> {
    let proof = Auth::system()?;
    auth.platform
        .db
        .write(async |tx| {
            if store::people::has_admin(tx, &proof).await? {
                return Ok(Setup::Done);
            }
            let Issued { id, url, expires_at_ms } =
                auth.issue_link(tx, &proof, LinkKind::Setup, For::default()).await?;
            let target = Some(id.to_string());
            audit::record(tx, auth.platform.ids.as_ref(), &ctx(auth, None), "auth.setup_link", target)
                .await?;
            Ok(Setup::Open(SetupLink { url, expires_at_ms }))
        })
        .await
}

/// An API token with owner rights in the first workspace, which is made if there is none; with `administers` one
/// that administers the instance, too. It does not end first run.
///
/// # Errors
/// The name breaks its rule; what the database says.
pub async fn token(auth: &Auth, name: &str, administers: bool) -> Result<Secret, OpError> {
    Check::new().line(name, 80, "/name").done()?;
    let (proof, now_ms, secret) = (Auth::system()?, auth.now_ms(), random_token(tokens::PREFIX));
    auth.platform
        .db
        .write(async |tx| {
            let fresh = WorkspaceId(auth.platform.ids.uuid());
            let workspace = store::people::ensure_workspace(tx, &proof, fresh, now_ms).await?;
            let row = token::Model {
                id: TokenId(auth.platform.ids.uuid()),
                workspace_id: workspace,
                token_hash: token_hash(&secret).to_vec(),
                name: name.trim().to_owned(),
                role: text::name_of(&Role::Owner),
                admin: administers,
                created_at_ms: now_ms,
                last_used_at_ms: None,
                revoked_at_ms: None,
            };
            let target = Some(row.id.to_string());
            store::tokens::insert(tx, &proof, row).await?;
            let ctx = ctx(auth, Some(workspace));
            audit::record(tx, auth.platform.ids.as_ref(), &ctx, "auth.create_token", target).await
        })
        .await?;
    Ok(Secret::new(secret.as_str()))
}

/// A link with which a person enrols a passkey: recovery for somebody who is there (whose role stays), an
/// invite with `role` (viewer if nothing is said) for somebody new.
///
/// # Errors
/// Nobody has set Chela up yet; the name breaks its rule; what the database says.
pub async fn enrol_link(auth: &Auth, user: &str, role: Option<Role>) -> Result<EnrolLink, OpError> {
    Check::new().line(user, 80, "/user").done()?;
    let (proof, name) = (Auth::system()?, user.trim());
    auth.platform
        .db
        .write(async |tx| {
            if !store::people::has_admin(tx, &proof).await? {
                return Err(AuthError::NotSetUp.into());
            }
            let there = store::people::find_by_name(tx, &proof, name).await?;
            let (kind, whom, role) = match &there {
                Some(person) => {
                    let role = store::people::membership(tx, &proof, person.id).await?.map(|(_, role)| role);
                    (LinkKind::Recovery, For { user: Some(person.id), ..For::default() }, role)
                }
                None => {
                    let role = role.unwrap_or(Role::Viewer);
                    let whom = For { user_name: Some(name.to_owned()), role: Some(role), ..For::default() };
                    (LinkKind::Invite, whom, Some(role))
                }
            };
            let Issued { id, url, expires_at_ms } = auth.issue_link(tx, &proof, kind, whom).await?;
            let workspace = store::people::first_workspace(tx, &proof).await?.map(|workspace| workspace.id);
            let ctx = ctx(auth, workspace);
            audit::record(tx, auth.platform.ids.as_ref(), &ctx, "auth.enrol_link", Some(id.to_string()))
                .await?;
            let user_name = there.map_or_else(|| name.to_owned(), |person| person.name);
            Ok(EnrolLink { url, expires_at_ms, kind, user_name, role })
        })
        .await
}

/// A recovery link for everybody: after a move to another address no passkey of the old one works.
///
/// # Errors
/// What the database says.
pub async fn links_for_all(auth: &Auth) -> Result<Vec<EnrolLink>, OpError> {
    let proof = Auth::system()?;
    let people = store::people::all(auth.platform.db.read(), &proof).await?;
    let mut links = Vec::with_capacity(people.len());
    for person in people {
        links.push(enrol_link(auth, &person.name, None).await?);
    }
    Ok(links)
}
