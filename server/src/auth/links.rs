//! One-time links: made, looked at without being used, and judged.

use super::{
    error::AuthError,
    state::{Auth, Caller},
    store::{self, System},
};
use crate::platform::{
    error::OpError,
    ids::{random_token, token_hash},
    text,
};
use api::{
    auth::{LinkInfo, LinkKind, OpenLink, Role},
    ids::{LinkId, UserId, WorkspaceId},
};
use entity::auth::link;
use policy::Actor;
use sea_orm::ConnectionTrait;

const HOUR_MS: i64 = 60 * 60 * 1000;
/// Ceremonies a link may start.
pub(super) const TRIES: i64 = 10;

/// How long a link of that kind is good.
const fn lasts_ms(kind: LinkKind) -> i64 {
    match kind {
        LinkKind::Setup | LinkKind::Recovery => 24 * HOUR_MS,
        LinkKind::Invite => 72 * HOUR_MS,
    }
}

/// Whom a link is for.
#[derive(Clone, Debug, Default)]
pub(super) struct For {
    pub(super) user: Option<UserId>,
    pub(super) user_name: Option<String>,
    pub(super) role: Option<Role>,
    pub(super) workspace: Option<WorkspaceId>,
}

/// A fresh link.
pub(super) struct Issued {
    pub(super) id: LinkId,
    pub(super) url: String,
    pub(super) expires_at_ms: i64,
}

/// The kind a stored link is of.
pub(super) fn kind_of(link: &link::Model) -> Result<LinkKind, OpError> {
    text::named(&link.kind)
}

/// Whether a link is still good, and if not, why.
pub(super) fn judge(link: &link::Model, now_ms: i64) -> Result<LinkKind, OpError> {
    let kind = kind_of(link)?;
    if link.used_at_ms.is_some() {
        return Err(AuthError::LinkUsed(kind).into());
    }
    if link.superseded_at_ms.is_some() {
        return Err(AuthError::LinkReplaced(kind).into());
    }
    if now_ms >= link.expires_at_ms {
        return Err(AuthError::LinkExpired(kind).into());
    }
    if link.tries >= TRIES {
        return Err(AuthError::LinkTries(kind).into());
    }
    Ok(kind)
}

impl Auth {
    /// Makes a link; unused ones of its kind for the same person stop working.
    pub(super) async fn issue_link<C: ConnectionTrait>(
        &self,
        tx: &C,
        proof: &System,
        kind: LinkKind,
        whom: For,
    ) -> Result<Issued, OpError> {
        let (token, now_ms) = (random_token(""), self.now_ms());
        let row = link::Model {
            id: LinkId(self.platform.ids.uuid()),
            kind: text::name_of(&kind),
            token_hash: token_hash(&token).to_vec(),
            user_id: whom.user,
            user_name: whom.user_name,
            role: whom.role.map(|role| text::name_of(&role)),
            workspace_id: whom.workspace,
            created_at_ms: now_ms,
            expires_at_ms: now_ms + lasts_ms(kind),
            tries: 0,
            used_at_ms: None,
            superseded_at_ms: None,
        };
        // Behind the `#`: no server, proxy or preview ever sees it.
        let page = if kind == LinkKind::Setup { "setup" } else { "link" };
        let url = format!("{}/{page}#{}", self.platform.config.public_url.origin(), token.as_str());
        let issued = Issued { id: row.id, url, expires_at_ms: row.expires_at_ms };
        store::links::insert(tx, proof, row).await?;
        Ok(issued)
    }

    /// Looks at a link. Looking never uses it up.
    ///
    /// # Errors
    /// Why it is not good, and the way to a new one.
    pub async fn open_link(&self, caller: &Caller, cmd: OpenLink) -> Result<LinkInfo, OpError> {
        let (link, kind) = self.good_link(caller, &cmd.token).await?;
        let user_name = match link.user_id {
            Some(user) => {
                store::people::find(self.platform.db.read(), &Self::system()?, user).await?.map(|u| u.name)
            }
            None => link.user_name,
        };
        Ok(LinkInfo { kind, user_name, expires_at_ms: link.expires_at_ms })
    }

    /// The link of a token, if it is good and this caller may use it.
    pub(super) async fn good_link(
        &self,
        caller: &Caller,
        token: &str,
    ) -> Result<(link::Model, LinkKind), OpError> {
        let proof = Self::system()?;
        let db = self.platform.db.read();
        let found = store::links::find_by_hash(db, &proof, &token_hash(token)).await?;
        let link = found.ok_or(AuthError::LinkUnknown)?;
        if kind_of(&link)? == LinkKind::Setup && store::people::has_admin(db, &proof).await? {
            return Err(AuthError::AlreadySetUp.into());
        }
        let kind = judge(&link, self.now_ms())?;
        // Somebody who is logged in holds a link that is not for them: enrolling now would put their
        // fingerprint on another's account.
        if let Actor::User(me) = caller.ctx.actor()
            && link.user_id != Some(me)
        {
            let me = store::people::find(db, &proof, me).await?;
            let link_for = match link.user_id {
                Some(user) => store::people::find(db, &proof, user).await?.map(|user| user.name),
                None => link.user_name.clone(),
            };
            let logged_in = me.map(|me| me.name).unwrap_or_default();
            return Err(AuthError::LinkOfAnother { link_for, logged_in }.into());
        }
        Ok((link, kind))
    }
}
