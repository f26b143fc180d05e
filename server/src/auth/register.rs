//! Enrolling a passkey: with a one-time link, or as one more of a person who is logged in.

use super::{
    ceremonies::{Kind, Start},
    error::AuthError,
    links::{self, TRIES},
    login::Entered,
    state::{Auth, Caller},
    store,
};
use crate::{
    audit,
    platform::{
        ctx::OpCtx,
        error::{OpError, is_unique_violation},
        http::Revoked,
        ids::token_hash,
        text,
    },
};
use api::{
    ApiError,
    auth::{CeremonyStarted, LinkKind, RegisterFinish, RegisterStart, Role},
    ids::{LinkId, PasskeyId, UserId, WorkspaceId},
    validate::Check,
};
use entity::{
    auth::{ceremony, passkey},
    user,
};
use policy::{Actor, Subject};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use webauthn_rs::prelude::{Passkey, PasskeyRegistration, RegisterPublicKeyCredential};
use webauthn_rs_proto::ResidentKeyRequirement;

/// The most passkeys a person has.
const MOST: usize = 20;
/// What a first administrator is called who gives no name.
const FIRST_NAME: &str = "admin";

/// Who is about to get a passkey.
struct Enrolling {
    user: UserId,
    name: String,
    link: Option<LinkId>,
}

impl Auth {
    /// Starts enrolling. With a link it counts as one of the link's tries.
    ///
    /// # Errors
    /// The link is not good, nobody is logged in, or a name breaks its rule.
    pub async fn register_start(
        &self,
        caller: &Caller,
        cmd: RegisterStart,
    ) -> Result<CeremonyStarted, OpError> {
        let mut check = Check::new();
        if let Some(name) = &cmd.passkey_name {
            check.line(name, 80, "/passkey_name");
        }
        if let Some(name) = &cmd.user_name {
            check.line(name, 80, "/user_name");
        }
        check.done()?;
        let proof = Self::system()?;
        let who = match &cmd.token {
            Some(token) => self.by_link(caller, token, cmd.user_name).await?,
            None => self.by_own_session(caller).await?,
        };
        let existing = store::passkeys::of_user(self.platform.db.read(), &proof, who.user).await?;
        if existing.len() >= MOST {
            return Err(AuthError::TooManyPasskeys.into());
        }
        let exclude = existing.into_iter().map(|row| row.credential_id).collect();
        let (mut options, state) = self
            .webauthn
            .start_passkey_registration(who.user.0, &who.name, &who.name, Some(exclude))
            .map_err(|source| OpError::internal("starting a registration", source))?;
        if let Some(selection) = options.public_key.authenticator_selection.as_mut() {
            // Kept in the device where it can be, so that login needs no name.
            selection.resident_key = Some(ResidentKeyRequirement::Preferred);
        }
        let start = Start {
            user: Some(who.user),
            user_name: Some(who.name),
            passkey_name: Some(cmd.passkey_name.unwrap_or_else(|| caller.label.clone())),
            link: who.link,
            session: caller.ctx.session.filter(|_| who.link.is_none()),
        };
        let ceremony = self.keep_ceremony(Kind::Register, text::json_of(&state)?, start).await?;
        let options = serde_json::to_value(&options)
            .map_err(|source| OpError::internal("writing registration options", source))?;
        Ok(CeremonyStarted { ceremony, options })
    }

    async fn by_link(
        &self,
        caller: &Caller,
        token: &str,
        given: Option<String>,
    ) -> Result<Enrolling, OpError> {
        let proof = Self::system()?;
        let (link, kind) = self.good_link(caller, token).await?;
        let counted =
            async |tx: &DatabaseTransaction| store::links::count_try(tx, &proof, link.id, TRIES).await;
        if !self.platform.db.write(counted).await? {
            return Err(AuthError::LinkTries(kind).into());
        }
        let (user, name) = match (kind, link.user_id) {
            (LinkKind::Recovery, Some(user)) => {
                let row = store::people::find(self.platform.db.read(), &proof, user).await?;
                (user, row.ok_or(AuthError::LinkUnknown)?.name)
            }
            (LinkKind::Setup, _) => {
                let name = given.map_or_else(|| FIRST_NAME.to_owned(), |name| name.trim().to_owned());
                (UserId(self.platform.ids.uuid()), name)
            }
            (LinkKind::Invite | LinkKind::Recovery, _) => {
                (UserId(self.platform.ids.uuid()), link.user_name.unwrap_or_default())
            }
        };
        if kind != LinkKind::Recovery
            && store::people::find_by_name(self.platform.db.read(), &proof, &name).await?.is_some()
        {
            return Err(AuthError::NameTaken.into());
        }
        Ok(Enrolling { user, name, link: Some(link.id) })
    }

    async fn by_own_session(&self, caller: &Caller) -> Result<Enrolling, OpError> {
        let (Actor::User(user), Some(_)) = (caller.ctx.actor(), caller.ctx.session) else {
            return Err(ApiError::unauthenticated().into());
        };
        let row = store::people::find(self.platform.db.read(), &Self::system()?, user).await?;
        let name = row.ok_or_else(ApiError::unauthenticated)?.name;
        Ok(Enrolling { user, name, link: None })
    }

    /// Finishes enrolling: the link is used up in the transaction that stores the passkey.
    ///
    /// # Errors
    /// The answer is not good (the link stays usable), or the link was used meanwhile.
    pub async fn register_finish(&self, caller: &Caller, cmd: RegisterFinish) -> Result<Entered, OpError> {
        let row = self.take_ceremony(Kind::Register, cmd.ceremony).await?.ok_or(AuthError::CeremonyGone)?;
        self.belongs(caller, &row, cmd.token.as_deref()).await?;
        let state: PasskeyRegistration = text::from_json(&row.state)?;
        let verified = serde_json::from_value::<RegisterPublicKeyCredential>(cmd.credential)
            .ok()
            .filter(|credential| credential.type_ == "public-key")
            .and_then(|credential| self.webauthn.finish_passkey_registration(&credential, &state).ok());
        let Some(passkey) = verified else {
            self.note_failure(caller, "registration").await;
            return Err(AuthError::RegistrationRefused.into());
        };
        self.store_passkey(caller, row, &passkey).await
    }

    /// Whoever finishes must be who started: the same link or the same session.
    async fn belongs(
        &self,
        caller: &Caller,
        row: &ceremony::Model,
        token: Option<&str>,
    ) -> Result<(), OpError> {
        if let Some(link) = row.link_id {
            let link = store::links::find(self.platform.db.read(), &Self::system()?, link).await?;
            let hash = token.map(token_hash);
            let same = link.zip(hash).is_some_and(|(link, hash)| link.token_hash == hash);
            return if same { Ok(()) } else { Err(AuthError::CeremonyGone.into()) };
        }
        if row.session_id.is_some() && row.session_id == caller.ctx.session {
            return Ok(());
        }
        Err(ApiError::unauthenticated().into())
    }

    async fn store_passkey(
        &self,
        caller: &Caller,
        ceremony: ceremony::Model,
        passkey: &Passkey,
    ) -> Result<Entered, OpError> {
        let (proof, now_ms) = (Self::system()?, self.now_ms());
        let user = ceremony.user_id.ok_or(AuthError::CeremonyGone)?;
        let json = text::json_of(passkey)?;
        let key = passkey::Model {
            id: PasskeyId(self.platform.ids.uuid()),
            user_id: user,
            credential_id: passkey.cred_id().to_vec(),
            name: ceremony.passkey_name.clone().unwrap_or_else(|| "Passkey".to_owned()),
            synced: is_synced(&json)?,
            passkey: json,
            created_at_ms: now_ms,
            last_used_at_ms: None,
        };
        let (session, token) = self.draw_session(user, &caller.label);
        let by_link = ceremony.link_id.is_some();
        let written = self.platform.db.write(async |tx| {
            let ctx = self.admit(tx, caller, &ceremony, user, now_ms).await?;
            let target = Some(key.id.to_string());
            if let Err(error) = store::passkeys::insert(tx, &proof, key.clone()).await {
                return Err(known_or(error));
            }
            audit::record(tx, self.platform.ids.as_ref(), &ctx, "auth.add_passkey", target).await?;
            if by_link {
                store::sessions::insert(tx, &proof, session.clone()).await?;
                let target = Some(session.id.to_string());
                audit::record(tx, self.platform.ids.as_ref(), &ctx, "auth.login", target).await?;
                if let Some(old) = caller.ctx.session {
                    self.end_session(tx, &proof, old, now_ms).await?;
                }
            }
            Ok(())
        });
        written.await?;
        if !by_link {
            return Ok(Entered { redirect: "/settings/security".to_owned(), token: None });
        }
        if let Some(old) = caller.ctx.session {
            self.announce(Revoked::Session(old));
        }
        Ok(Entered { redirect: "/".to_owned(), token: Some(token) })
    }

    /// Uses up the link and makes the person it was for, if new. Returns the context of their acts.
    async fn admit(
        &self,
        tx: &DatabaseTransaction,
        caller: &Caller,
        ceremony: &ceremony::Model,
        user: UserId,
        now_ms: i64,
    ) -> Result<OpCtx, OpError> {
        let Some(link) = ceremony.link_id else { return Ok(caller.ctx.clone()) };
        let proof = Self::system()?;
        let link = store::links::find(tx, &proof, link).await?.ok_or(AuthError::LinkUnknown)?;
        let kind = links::kind_of(&link)?;
        if kind == LinkKind::Setup && store::people::has_admin(tx, &proof).await? {
            return Err(AuthError::AlreadySetUp.into());
        }
        // The tries were counted at the start; the tenth may still succeed.
        links::judge(&entity::auth::link::Model { tries: 0, ..link.clone() }, now_ms)?;
        if !store::links::consume(tx, &proof, link.id, now_ms).await? {
            return Err(AuthError::LinkUsed(kind).into());
        }
        let (workspace, role) = match kind {
            LinkKind::Recovery => match store::people::membership(tx, &proof, user).await? {
                Some((workspace, role)) => (Some(workspace), Some(role)),
                None => (None, None),
            },
            LinkKind::Setup | LinkKind::Invite => {
                let role = if kind == LinkKind::Setup { Role::Owner } else { role_of(&link)? };
                let id = self.new_person(tx, ceremony, user, (kind, role), now_ms).await?;
                (Some(id), Some(role))
            }
        };
        let ctx = OpCtx {
            subject: Subject { actor: Actor::User(user), workspace, role, admin: false },
            ..caller.ctx.clone()
        };
        let act = match kind {
            LinkKind::Setup => "auth.set_up",
            LinkKind::Recovery => "auth.recover",
            LinkKind::Invite => "auth.join",
        };
        audit::record(tx, self.platform.ids.as_ref(), &ctx, act, Some(link.id.to_string())).await?;
        Ok(ctx)
    }

    async fn new_person<C: ConnectionTrait>(
        &self,
        tx: &C,
        ceremony: &ceremony::Model,
        user: UserId,
        (kind, role): (LinkKind, Role),
        now_ms: i64,
    ) -> Result<WorkspaceId, OpError> {
        let proof = Self::system()?;
        let name = ceremony.user_name.clone().unwrap_or_else(|| FIRST_NAME.to_owned());
        let row = user::Model {
            id: user,
            name_key: store::people::name_key(&name),
            name,
            admin: kind == LinkKind::Setup,
            created_at_ms: now_ms,
        };
        if let Err(error) = store::people::insert(tx, &proof, row).await {
            return Err(match error {
                OpError::Db(db) if is_unique_violation(&db) => AuthError::NameTaken.into(),
                other => other,
            });
        }
        let fresh = WorkspaceId(self.platform.ids.uuid());
        let workspace = store::people::ensure_workspace(tx, &proof, fresh, now_ms).await?;
        store::people::join(tx, &proof, workspace, user, role, now_ms).await?;
        Ok(workspace)
    }
}

fn role_of(link: &entity::auth::link::Model) -> Result<Role, OpError> {
    link.role.as_deref().map_or(Ok(Role::Viewer), text::named)
}

fn known_or(error: OpError) -> OpError {
    match error {
        OpError::Db(db) if is_unique_violation(&db) => AuthError::PasskeyKnown.into(),
        other => other,
    }
}

/// Whether the authenticator said that the passkey may live on several devices.
fn is_synced(passkey: &str) -> Result<bool, OpError> {
    let value: serde_json::Value = text::from_json(passkey)?;
    Ok(value.pointer("/cred/backup_eligible").and_then(serde_json::Value::as_bool).unwrap_or(false))
}
