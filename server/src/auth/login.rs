//! Logging in with a passkey: found by itself, or by name. Every refusal looks the same from outside.

use super::{
    ceremonies::{Kind, Start},
    decoy::Decoys,
    error::AuthError,
    state::{Auth, Caller},
    store,
};
use crate::{
    audit,
    platform::{ctx::OpCtx, error::OpError, http::Revoked, secret::Secret, text},
};
use api::{
    auth::{CeremonyStarted, LoginFinish, LoginStart},
    ids::{SessionId, UserId},
    validate::Check,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::auth::{ceremony, passkey, session};
use policy::{Actor, Subject};
use uuid::Uuid;
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, DiscoverableKey, Passkey, PublicKeyCredential,
    WebauthnError,
};

/// Somebody who is in: where to go, and the new session's token.
#[derive(Debug)]
pub struct Entered {
    pub redirect: String,
    /// Absent where the session stays as it is (one more passkey).
    pub token: Option<Secret>,
}

/// Why a login is refused; the caller never learns which.
#[derive(Debug)]
enum Refusal {
    Because(&'static str),
    /// The counter went back: the passkey may have been copied.
    CounterBack(Box<passkey::Model>),
    Fault(OpError),
}

impl From<OpError> for Refusal {
    fn from(error: OpError) -> Self {
        Self::Fault(error)
    }
}

/// A passkey that signed this challenge.
struct Proven {
    row: passkey::Model,
    result: AuthenticationResult,
}

impl Auth {
    /// Starts a login. A name nobody has gets an answer of the same shape.
    ///
    /// # Errors
    /// A name that is none; what the database says.
    pub async fn login_start(&self, cmd: LoginStart) -> Result<CeremonyStarted, OpError> {
        let proof = Self::system()?;
        let db = self.platform.db.read();
        let (mut options, state) = self
            .webauthn
            .start_discoverable_authentication()
            .map_err(|source| OpError::internal("starting a login", source))?;
        // The library asks for autofill; we have a button.
        options.mediation = None;
        let mut start = Start::default();
        if let Some(name) = cmd.user_name.filter(|name| !name.trim().is_empty()) {
            Check::new().line(&name, 80, "/user_name").done()?;
            let user = store::people::find_by_name(db, &proof, &name).await?;
            let whose = user.as_ref().map_or(UserId(Uuid::nil()), |user| user.id);
            let keys = store::passkeys::of_user(db, &proof, whose).await?;
            let real = keys.into_iter().map(|key| key.credential_id).collect();
            options.public_key.allow_credentials = self.decoys.list(&store::people::name_key(&name), real);
            start.user = user.map(|user| user.id);
            start.user_name = Some(name);
        }
        let ceremony = self.keep_ceremony(Kind::Login, text::json_of(&state)?, start).await?;
        let options = serde_json::to_value(&options)
            .map_err(|source| OpError::internal("writing login options", source))?;
        Ok(CeremonyStarted { ceremony, options })
    }

    /// Finishes a login: a new session, the one this browser had ends.
    ///
    /// # Errors
    /// One and the same refusal whatever was wrong; what the database says.
    pub async fn login_finish(&self, caller: &Caller, cmd: LoginFinish) -> Result<Entered, OpError> {
        match self.attempt(caller, cmd).await {
            Ok(entered) => Ok(entered),
            Err(Refusal::Fault(error)) => Err(error),
            Err(Refusal::Because(reason)) => {
                self.note_failure(caller, reason).await;
                Err(AuthError::LoginRefused.into())
            }
            Err(Refusal::CounterBack(row)) => {
                self.note_counter_back(caller, &row).await;
                Err(AuthError::LoginRefused.into())
            }
        }
    }

    async fn attempt(&self, caller: &Caller, cmd: LoginFinish) -> Result<Entered, Refusal> {
        let Some(row) = self.take_ceremony(Kind::Login, cmd.ceremony).await? else {
            return Err(Refusal::Because("ceremony"));
        };
        let proven = self.prove(&row, cmd.credential).await?;
        self.enter(caller, proven).await
    }

    /// Verifies the answer to a challenge. An unknown credential is verified too, against a decoy.
    async fn prove(&self, row: &ceremony::Model, credential: serde_json::Value) -> Result<Proven, Refusal> {
        let proof = Self::system()?;
        let credential: PublicKeyCredential =
            serde_json::from_value(credential).map_err(|_unreadable| Refusal::Because("unreadable"))?;
        let state: DiscoverableAuthentication = text::from_json(&row.state)?;
        let known =
            store::passkeys::find_by_credential(self.platform.db.read(), &proof, &credential.raw_id).await?;
        let passkey: Option<Passkey> = match &known {
            Some(known) => Some(text::from_json(&known.passkey)?),
            None => Decoys::passkey(&credential.raw_id),
        };
        let passkey = passkey.ok_or(Refusal::Because("unknown"))?;
        let verified = self.webauthn.finish_discoverable_authentication_v2(
            &credential,
            state,
            DiscoverableKey::from(&passkey),
        );
        let Some(known) = known else { return Err(Refusal::Because("unknown")) };
        let result = verified.map_err(|error| match error {
            WebauthnError::CredentialPossibleCompromise => Refusal::CounterBack(Box::new(known.clone())),
            other => Refusal::Because(reason(&other)),
        })?;
        if !is_whole(&credential) {
            return Err(Refusal::Because("unreadable"));
        }
        let handle = credential.get_user_unique_id().map(|bytes| Uuid::from_slice(bytes).ok());
        let handle_fits = match handle {
            Some(handle) => handle == Some(known.user_id.0),
            // Only a login by name may leave it out: then the name says who it is.
            None => row.user_name.is_some(),
        };
        let name_fits = row.user_name.is_none() || row.user_id == Some(known.user_id);
        if !handle_fits || !name_fits {
            return Err(Refusal::Because("another person"));
        }
        Ok(Proven { row: known, result })
    }

    /// The new session, in one transaction with everything it rests on.
    async fn enter(&self, caller: &Caller, proven: Proven) -> Result<Entered, Refusal> {
        let (proof, now_ms, user) = (Self::system()?, self.now_ms(), proven.row.user_id);
        let (session, token) = self.draw_session(user, &caller.label);
        let ctx = self.ctx_of(&caller.ctx, user).await?;
        let old = caller.ctx.session;
        let written = self
            .platform
            .db
            .write(async |tx| {
                // Read again inside the transaction: two answers at once must not both count upwards.
                let Some(row) =
                    store::passkeys::find_by_credential(tx, &proof, &proven.row.credential_id).await?
                else {
                    return Ok(Err("unknown"));
                };
                let mut passkey: Passkey = text::from_json(&row.passkey)?;
                let stored = counter(&row)?;
                if stored > 0 && u64::from(proven.result.counter()) <= stored {
                    return Ok(Err("counter"));
                }
                passkey.update_credential(&proven.result);
                store::passkeys::touch(tx, &proof, row.id, text::json_of(&passkey)?, now_ms).await?;
                store::sessions::insert(tx, &proof, session.clone()).await?;
                if let Some(old) = old {
                    self.end_session(tx, &proof, old, now_ms).await?;
                }
                let target = Some(session.id.to_string());
                audit::record(tx, self.platform.ids.as_ref(), &ctx, "auth.login", target).await?;
                Ok(Ok(()))
            })
            .await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err("counter")) => return Err(Refusal::CounterBack(Box::new(proven.row))),
            Ok(Err(reason)) => return Err(Refusal::Because(reason)),
            Err(error) if error.is_unwritable() => self.enter_unwritten(&ctx, session, old, error).await?,
            Err(error) => return Err(error.into()),
        }
        if let Some(old) = old {
            self.announce(Revoked::Session(old));
        }
        Ok(Entered { redirect: "/".to_owned(), token: Some(token) })
    }

    /// A login while nothing can be written: the session lives in memory, the act in the journal. (The
    /// counter is not kept then; the challenge is still good for one answer only.)
    async fn enter_unwritten(
        &self,
        ctx: &OpCtx,
        session: session::Model,
        old: Option<SessionId>,
        error: OpError,
    ) -> Result<(), OpError> {
        let id = session.id;
        if !self.fallback.keep_session(session) {
            return Err(error);
        }
        if let Some(old) = old {
            self.fallback.end(old);
        }
        self.fallback.journal(self.entry(ctx, "auth.login", id, old)).await;
        Ok(())
    }

    /// The context of an act by a person who has just shown who they are.
    pub(super) async fn ctx_of(&self, ctx: &OpCtx, user: UserId) -> Result<OpCtx, OpError> {
        let membership = store::people::membership(self.platform.db.read(), &Self::system()?, user).await?;
        let subject = Subject {
            actor: Actor::User(user),
            workspace: membership.map(|(workspace, _)| workspace),
            role: membership.map(|(_, role)| role),
            admin: false,
        };
        Ok(OpCtx { subject, ..ctx.clone() })
    }
}

/// The counter inside a stored passkey.
fn counter(row: &passkey::Model) -> Result<u64, OpError> {
    let value: serde_json::Value = text::from_json(&row.passkey)?;
    Ok(value.pointer("/cred/counter").and_then(serde_json::Value::as_u64).unwrap_or_default())
}

/// What the library does not look at: the two forms of the id agree, the type is ours, and the page that
/// asked was not inside another site's.
fn is_whole(credential: &PublicKeyCredential) -> bool {
    let client: serde_json::Value =
        serde_json::from_slice(credential.response.client_data_json.as_ref()).unwrap_or_default();
    let framed = client.get("crossOrigin").and_then(serde_json::Value::as_bool).unwrap_or(false)
        || client.get("topOrigin").is_some_and(|top| !top.is_null());
    credential.type_ == "public-key" && credential.id == URL_SAFE_NO_PAD.encode(&credential.raw_id) && !framed
}

/// A word for the audit row.
fn reason(error: &WebauthnError) -> &'static str {
    match error {
        WebauthnError::InvalidRPOrigin => "wrong origin",
        WebauthnError::InvalidRPIDHash => "wrong site",
        WebauthnError::MismatchedChallenge => "wrong challenge",
        WebauthnError::UserNotVerified => "not verified",
        WebauthnError::UserNotPresent => "not present",
        WebauthnError::AuthenticationFailure => "wrong signature",
        WebauthnError::CredentialBackupEligibilityInconsistent => "backup changed",
        _ => "malformed",
    }
}
