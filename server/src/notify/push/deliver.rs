//! Bringing a notification to devices: one job that finds them, and one for each of them.

use super::{
    seal::{MOST_BYTES, seal},
    together::TOGETHER,
    vapid::{Vapid, fresh_key},
    words::{About, message},
};
use crate::{
    notify::{Notify, service::unchosen, store},
    platform::{
        config::Config,
        error::OpError,
        ids::random_32,
        jobs::{JobEnd, JobKind, NewJob},
        text::named,
    },
};
use api::{
    auth::Role,
    ids::{NotificationId, PushId},
    notify::NotificationKind as Kind,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::notify::{notification, subscription};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use relay::{
    Egress, EgressError, EgressPolicy,
    egress::{BaseUrl, Fetched, Reach, Refuse},
};
use sea_orm::ConnectionTrait;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{error::Error, sync::Arc, time::Duration};
use url::Url;

type BoxError = Box<dyn Error + Send + Sync>;

/// The job that finds a notification's devices.
pub(in crate::notify) const PUSH: &str = "notify.push";
/// The job of one device.
pub(super) const SEND: &str = "notify.send";
/// How long one run of either may take.
const DEADLINE: Duration = Duration::from_secs(120);
/// How soon one that found others leaving is looked at again.
const BUSY_MS: i64 = 1_000;
/// The push service may keep a message this long for a device that is off; older news is none.
pub(super) const GOOD_MS: i64 = 3_600_000;
/// How long a push service that is busy or cannot be reached is asked again: less than all tries of a job take.
const TRY_MS: i64 = 15 * 60_000;
/// One exchange with a push service, and what is read of its answer.
const LIMIT: (Duration, usize) = (Duration::from_secs(5), 16 * 1024);
/// The connector of pushes lists nothing: public addresses alone.
pub(super) const REACH: Reach = Reach::Listed;

/// The connector of pushes. What an operator lists for models is not for addresses that browsers name.
///
/// # Errors
/// TLS cannot be set up.
pub fn egress(config: &Config) -> Result<Arc<Egress>, EgressError> {
    let own = [config.listen, config.relay_listen, config.metrics_listen];
    let refuse = own.into_iter().map(Refuse::Listener).collect();
    Ok(Arc::new(Egress::new(EgressPolicy { refuse, ..EgressPolicy::default() })?))
}

/// Where a device's push service listens.
pub(super) struct Endpoint {
    pub base: BaseUrl,
    origin: String,
    rest: String,
}

impl Endpoint {
    /// Reads the address a browser gave; such addresses have queries.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return None;
        }
        let origin = url.origin().ascii_serialization();
        let base = BaseUrl::parse(&origin).ok()?;
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Some(Self { base, origin, rest: format!("{}{query}", url.path().trim_start_matches('/')) })
    }
}

/// Adds the job that tells devices, in the transaction of the news.
pub(in crate::notify) async fn push_later<C: ConnectionTrait>(
    notify: &Notify,
    tx: &C,
    row: &notification::Model,
) -> Result<(), OpError> {
    let granted = notify.may_run()?;
    if !store::push::any(tx, &granted, row.workspace_id).await? {
        return Ok(());
    }
    let id = row.id.to_string();
    let job = NewJob {
        kind: PUSH,
        unique_key: Some(format!("{PUSH}:{id}")),
        payload: id,
        run_at_ms: notify.platform.clock.now_ms(),
    };
    notify.platform.jobs.add(tx, job).await
}

/// When the last was that happened with it.
pub(super) fn at_of(row: &notification::Model) -> i64 {
    row.resolved_at_ms.unwrap_or(row.last_at_ms)
}

/// How sending ended.
enum Ended {
    Taken,
    /// The device is no more.
    Gone(BoxError),
    /// Not now.
    Again(BoxError),
    /// Not this message, however often.
    Refused(BoxError),
}

fn ended(status: StatusCode) -> Ended {
    let why = || status.to_string().into();
    match status {
        status if status.is_success() => Ended::Taken,
        StatusCode::NOT_FOUND | StatusCode::GONE => Ended::Gone(why()),
        StatusCode::TOO_MANY_REQUESTS => Ended::Again(why()),
        status if status.is_server_error() => Ended::Again(why()),
        _ => Ended::Refused(why()),
    }
}

/// Whether the connector's rules are what is in the way.
fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let refuses = |error: &EgressError| error.is_refusal();
    error.downcast_ref().is_some_and(refuses) || error.source().is_some_and(is_refused)
}

impl Notify {
    /// Registers the jobs. Call once.
    pub(in crate::notify) fn spawn_push(self: &Arc<Self>) {
        let this = Arc::downgrade(self);
        let kind = |name| JobKind { name, deadline: DEADLINE, breaks_off: true };
        self.platform.jobs.on(kind(PUSH), move |payload| {
            let this = this.clone();
            async move {
                let Some(this) = this.upgrade() else { return Ok(JobEnd::Done) };
                this.fan_out(&payload).await
            }
        });
        for name in [SEND, TOGETHER] {
            let this = Arc::downgrade(self);
            self.platform.jobs.on(kind(name), move |payload| {
                let this = this.clone();
                async move {
                    let Some(this) = this.upgrade() else { return Ok(JobEnd::Done) };
                    // Jobs that start and stop bots must not wait behind slow push services.
                    let Ok(_turn) = this.sending.try_acquire() else {
                        return Ok(JobEnd::Again { at_ms: this.platform.clock.now_ms() + BUSY_MS });
                    };
                    if name == SEND { this.send(&payload).await } else { this.tell_together(&payload).await }
                }
            });
        }
    }

    /// The notification, if it is news still; and what it is pushed as.
    async fn news(&self, id: NotificationId) -> Result<Option<(notification::Model, Kind)>, OpError> {
        let granted = self.may_run()?;
        let Some(row) = store::push::notification(self.platform.db.read(), &granted, id).await? else {
            return Ok(None);
        };
        let kind = if row.resolved_at_ms.is_some() { Kind::Recovered } else { named(&row.kind)? };
        Ok((self.platform.clock.now_ms() - at_of(&row) <= GOOD_MS).then_some((row, kind)))
    }

    /// A job for each device whose person wants to be told.
    async fn fan_out(&self, payload: &str) -> Result<JobEnd, OpError> {
        let id = payload.parse().map_err(|e| OpError::internal("a job names no notification", e))?;
        let Some((row, kind)) = self.news(id).await? else { return Ok(JobEnd::Done) };
        let (granted, now) = (self.may_run()?, self.platform.clock.now_ms());
        let db = self.platform.db.read();
        let mut wanted = Vec::new();
        for device in store::push::of_workspace(db, &granted, row.workspace_id).await? {
            let choices = store::choices(db, &granted, row.workspace_id, device.user_id).await?;
            let muted = store::push::is_muted(db, &granted, row.bot_id, device.user_id, now).await?;
            if !muted && choices.unwrap_or_else(unchosen).push.contains(&kind) {
                wanted.push(device.id);
            }
        }
        if wanted.is_empty() {
            return Ok(JobEnd::Done);
        }
        self.platform
            .db
            .write(async |tx| {
                for device in wanted {
                    self.tell_device(tx, device, (&row, kind), now).await?;
                }
                Ok(())
            })
            .await?;
        self.platform.jobs.wake();
        Ok(JobEnd::Done)
    }

    /// One message to one device, as things stand now.
    async fn send(&self, payload: &str) -> Result<JobEnd, OpError> {
        let unreadable = || OpError::internal("a job names no device and notification", payload.to_owned());
        let (device, id) = payload.split_once(' ').ok_or_else(unreadable)?;
        let device: PushId = device.parse().map_err(|_bad| unreadable())?;
        let Some((row, kind)) = self.news(id.parse().map_err(|_bad| unreadable())?).await? else {
            return Ok(JobEnd::Done);
        };
        let (granted, now, db) = (self.may_run()?, self.platform.clock.now_ms(), self.platform.db.read());
        let Some(to) = store::push::device(db, &granted, device).await? else { return Ok(JobEnd::Done) };
        // Signed out, or no member any more: nothing is told to that device again.
        let Some(role) = store::push::role(db, &granted, &to, now).await? else {
            return self.forget_device(device).await;
        };
        let text = self.text(&to, &role, (&row, kind)).await?;
        self.bring(&to, &row.id.to_string(), &text, at_of(&row)).await
    }

    /// What is said of one notification to a device.
    pub(super) async fn text(
        &self,
        to: &subscription::Model,
        role: &str,
        (row, kind): (&notification::Model, Kind),
    ) -> Result<Value, OpError> {
        let (granted, db) = (self.may_run()?, self.platform.db.read());
        let bot = match row.bot_id {
            Some(bot) => store::push::bot(db, &granted, bot).await?,
            None => None,
        };
        let bot = bot.as_ref().map(|(slug, name)| (slug.as_str(), name.as_str()));
        let may_restart = named::<Role>(role)? == Role::Owner;
        Ok(message(&About { row, bot, kind, may_restart }, &to.locale))
    }

    /// Brings a message to a device; what has the same tag takes its place. `at_ms` is when the news was.
    pub(super) async fn bring(
        &self,
        to: &subscription::Model,
        tag: &str,
        text: &Value,
        at_ms: i64,
    ) -> Result<JobEnd, OpError> {
        let (device, text) = (to.id, text.to_string());
        debug_assert!(text.len() <= MOST_BYTES, "names and counts are short");
        let ended = match self.post(to, tag, text.as_bytes()).await {
            Ok(answer) => ended(answer.status),
            Err(error) if is_refused(error.as_ref()) => {
                Ended::Gone("an address that is not reached from here".into())
            }
            Err(error) => Ended::Again(error),
        };
        match ended {
            Ended::Taken => Ok(JobEnd::Done),
            Ended::Gone(why) => {
                tracing::info!(push.id = %device, why = %why, "a device takes no more pushes");
                self.forget_device(device).await
            }
            Ended::Again(why) if self.platform.clock.now_ms() - at_ms <= TRY_MS => {
                Err(OpError::internal("a push did not get through", why))
            }
            Ended::Again(why) | Ended::Refused(why) => {
                tracing::warn!(push.id = %device, why = %why, "a push is given up");
                Ok(JobEnd::Done)
            }
        }
    }

    pub(super) async fn forget_device(&self, device: PushId) -> Result<JobEnd, OpError> {
        let granted = self.may_run()?;
        self.platform.db.write(async |tx| store::push::forget(tx, &granted, device).await).await?;
        Ok(JobEnd::Done)
    }

    async fn post(&self, to: &subscription::Model, tag: &str, text: &[u8]) -> Result<Fetched, BoxError> {
        let at = Endpoint::parse(&to.endpoint).ok_or("no address of a push service")?;
        let mut salt = [0; 16];
        salt.copy_from_slice(random_32().get(..16).unwrap_or(&[0; 16]));
        let sealed = seal(text, (&to.p256dh, &to.auth), &fresh_key(), salt)?;
        let public = self.platform.config.public_url.origin();
        // Push services want a way to reach who sends; plain http is none to them.
        let contact = if public.starts_with("https://") { public } else { "mailto:operator@chela.invalid" };
        let vapid = Vapid::of(&self.platform).await?;
        let mut headers = HeaderMap::new();
        let signed = vapid.authorization(&at.origin, contact, self.platform.clock.now_ms());
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&signed)?);
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert("ttl", HeaderValue::from(GOOD_MS / 1_000));
        headers.insert("urgency", HeaderValue::from_static("high"));
        // What waits for a device that is off is replaced by what comes after it.
        let topic = URL_SAFE_NO_PAD.encode(Sha256::digest(tag));
        headers.insert("topic", HeaderValue::from_str(topic.get(..32).unwrap_or_default())?);
        self.push.post(&at.base, &at.rest, (headers, sealed.into()), REACH, LIMIT).await
    }
}
