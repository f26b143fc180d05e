//! Use cases of devices: the key they subscribe with, subscribing, unsubscribing.

use super::{
    deliver::Endpoint,
    seal::{AUTH_BYTES, point},
    vapid::Vapid,
};
use crate::{
    audit,
    notify::{Notify, service::person, store},
    platform::{
        ctx::OpCtx,
        error::OpError,
        verbs::{Rest, Verbs},
    },
};
use api::{ApiError, Verb, ids::PushId, notify::*, validate::Check, verb::Done};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::notify::subscription;
use policy::{Granted, act};
use std::sync::Arc;

/// The longest address of a push service.
const MOST_ENDPOINT: usize = 1_000;

/// Registers the verbs of this part.
pub(in crate::notify) fn register(verbs: &mut Verbs, notify: &Arc<Notify>) {
    verbs.on::<GetPushKey, act::ChooseNotifications, _, _, _>(
        Rest::get("/api/push/key").says("The key that a browser subscribes to pushes with."),
        notify,
        key,
    );
    verbs.on::<Subscribe, act::ChooseNotifications, _, _, _>(
        Rest::post("/api/push/subscribe").says("Pushes to this device, as long as its session lasts."),
        notify,
        subscribe,
    );
    verbs.on::<Unsubscribe, act::ChooseNotifications, _, _, _>(
        Rest::post("/api/push/unsubscribe").says("No more pushes to this device."),
        notify,
        unsubscribe,
    );
}

async fn key(
    n: Arc<Notify>,
    _ctx: OpCtx,
    _granted: Granted<act::ChooseNotifications>,
    _q: GetPushKey,
) -> Result<PushKey, OpError> {
    Ok(PushKey { key: Vapid::of(&n.platform).await?.public() })
}

/// What a browser says, padded or not.
fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

async fn subscribe(
    n: Arc<Notify>,
    ctx: OpCtx,
    granted: Granted<act::ChooseNotifications>,
    q: Subscribe,
) -> Result<Done, OpError> {
    let (workspace_id, user_id) = person(&ctx, &granted)?;
    let session_id = ctx.session.ok_or_else(ApiError::forbidden)?;
    let p256dh = bytes(&q.p256dh).filter(|key| point(key).is_ok());
    let auth = bytes(&q.auth).filter(|auth| auth.len() == AUTH_BYTES);
    let fits = q.endpoint.len() <= MOST_ENDPOINT;
    let reachable =
        Endpoint::parse(&q.endpoint).is_some_and(|to| n.push.check(&to.base, super::deliver::REACH).is_ok());
    let locale = q.locale.as_deref().unwrap_or("en");
    Check::new()
        .rule(fits && reachable, "/endpoint", "is no address of a push service")
        .rule(p256dh.is_some(), "/p256dh", "is no key of a browser")
        .rule(auth.is_some(), "/auth", "is no secret of a browser")
        .rule(matches!(locale, "en" | "zh"), "/locale", "must be en or zh")
        .done()?;
    let row = subscription::Model {
        id: PushId(n.platform.ids.uuid()),
        workspace_id,
        user_id,
        session_id,
        endpoint: q.endpoint,
        p256dh: p256dh.unwrap_or_default(),
        auth: auth.unwrap_or_default(),
        locale: locale.to_owned(),
        created_at_ms: ctx.now_ms,
        told_at_ms: 0,
        told_id: None,
    };
    n.platform
        .db
        .write(async |tx| {
            if store::push::put(tx, &granted, row).await? {
                let target = Some(user_id.to_string());
                audit::record(tx, n.platform.ids.as_ref(), &ctx, Subscribe::NAME, target).await?;
            }
            Ok(Done {})
        })
        .await
}

async fn unsubscribe(
    n: Arc<Notify>,
    ctx: OpCtx,
    granted: Granted<act::ChooseNotifications>,
    q: Unsubscribe,
) -> Result<Done, OpError> {
    let (_, user_id) = person(&ctx, &granted)?;
    n.platform
        .db
        .write(async |tx| {
            if store::push::drop_mine(tx, &granted, user_id, &q.endpoint).await? {
                let target = Some(user_id.to_string());
                audit::record(tx, n.platform.ids.as_ref(), &ctx, Unsubscribe::NAME, target).await?;
            }
            Ok(Done {})
        })
        .await
}
