//! Use cases of notifications.

use super::{
    news::{self, News},
    push,
    store::{self, Eyes},
};
use crate::{
    audit,
    bots::Bots,
    platform::{
        Platform,
        ctx::OpCtx,
        db::Cursor,
        error::OpError,
        live::SnapshotSource,
        text::{from_json, json_of, named},
        verbs::{Rest, Verbs},
    },
};
use api::{
    ApiError, Page, Verb,
    ids::*,
    live::{Snapshot, Topic},
    notify::*,
    verb::Done,
};
use entity::notify::{choice, mute, notification};
use policy::{Actor, Granted, RowScope, act};
use std::sync::Arc;

/// Unread ones that are counted; more are as good as these.
const COUNTED: u32 = 100;
/// How often what is old is forgotten.
const SWEEP_MS: i64 = 10 * 60_000;
/// How long a bot is muted if nothing is said.
const MUTE_MINUTES: u32 = 60;

/// What the slice works with.
pub struct Notify {
    pub(super) platform: Arc<Platform>,
    bots: Arc<Bots>,
    /// How pushes leave.
    pub(super) push: Arc<relay::Egress>,
    /// Messages that leave at once.
    pub(super) sending: tokio::sync::Semaphore,
    pub(super) news: Arc<News>,
}

/// How many may leave at once: push services may be slow, and other work shares the runner of jobs.
const SENDING: usize = 2;

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, notify: &Arc<Notify>) {
    verbs.on::<ListNotifications, act::ReadNotifications, _, _, _>(
        Rest::get("/api/notifications").says("What happened to bots, the last first."),
        notify,
        list,
    );
    verbs.on::<CountUnread, act::ReadNotifications, _, _, _>(
        Rest::get("/api/notifications/unread").says("How many the caller has not read."),
        notify,
        unread,
    );
    verbs.on::<MarkRead, act::ReadNotifications, _, _, _>(
        Rest::post("/api/notifications/read").says("Marks one as read for the caller, or all."),
        notify,
        read,
    );
    verbs.on::<MuteBot, act::ReadNotifications, _, _, _>(
        Rest::post("/api/bots/{bot}/mute").says("The caller does not hear of it for a while."),
        notify,
        mute_bot,
    );
    verbs.on::<GetChoices, act::ChooseNotifications, _, _, _>(
        Rest::get("/api/notification-choices").says("What the person wants to hear of."),
        notify,
        choices,
    );
    verbs.on::<Choose, act::ChooseNotifications, _, _, _>(
        Rest::put("/api/notification-choices").says("Replaces what the person wants to hear of."),
        notify,
        choose,
    );
    push::register(verbs, notify);
}

/// What people hear of who have not chosen.
pub(super) fn unchosen() -> Choices {
    Choices { in_app: NotificationKind::ALL.to_vec(), push: NotificationKind::ALL.to_vec() }
}

impl Notify {
    /// Wires the slice.
    pub fn new(platform: Arc<Platform>, bots: Arc<Bots>, push: Arc<relay::Egress>) -> Arc<Self> {
        let sending = tokio::sync::Semaphore::new(SENDING);
        Arc::new(Self { platform, bots, push, sending, news: Arc::default() })
    }

    /// Registers the jobs, and forgets what is old until Chela stops. Call once.
    pub fn spawn(self: &Arc<Self>) {
        self.spawn_push();
        let this = Arc::clone(self);
        self.platform.tasks.spawn(async move {
            loop {
                if let Err(error) = this.forget().await {
                    tracing::warn!(error = %error, "old notifications could not be forgotten");
                }
                let next = this.platform.clock.now_ms() + SWEEP_MS;
                tokio::select! {
                    () = this.platform.shutdown.cancelled() => return,
                    () = this.platform.clock.wait_until(next) => {}
                }
            }
        });
    }

    pub(super) async fn forget(&self) -> Result<(), OpError> {
        let (granted, now) = (self.may_run()?, self.platform.clock.now_ms());
        self.platform.db.write(async |tx| store::forget(tx, &granted, now - KEPT_MS, now).await).await
    }

    pub(super) fn may_run(&self) -> Result<Granted<act::RunNotifications>, OpError> {
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), self.platform.clock.now_ms(), None);
        Ok(policy::check::<act::RunNotifications>(&ctx.subject)?)
    }

    /// What the caller hears of: people choose, programs see everything.
    async fn choices_of<A: policy::Action>(
        &self,
        ctx: &OpCtx,
        granted: &Granted<A>,
    ) -> Result<Choices, OpError> {
        let chosen = match (ctx.actor(), ctx.subject.workspace) {
            (Actor::User(user), Some(workspace)) => {
                store::choices(self.platform.db.read(), granted, workspace, user).await?
            }
            _ => None,
        };
        Ok(chosen.unwrap_or_else(unchosen))
    }

    async fn count(&self, ctx: &OpCtx, granted: &Granted<act::ReadNotifications>) -> Result<u32, OpError> {
        let (reader, choices) = (ctx.actor().to_string(), self.choices_of(ctx, granted).await?);
        let eyes = Eyes { reader: &reader, choices: &choices, now_ms: ctx.now_ms };
        let count = store::unread(self.platform.db.read(), granted, &eyes, u64::from(COUNTED)).await?;
        Ok(u32::try_from(count).unwrap_or(COUNTED))
    }

    /// The caller's tabs count anew.
    fn changed_for(&self, ctx: &OpCtx) {
        if let Some(workspace) = ctx.subject.workspace {
            news::publish(&self.platform, workspace, Some(ctx.actor().to_string()));
        }
    }
}

async fn list(
    n: Arc<Notify>,
    ctx: OpCtx,
    granted: Granted<act::ReadNotifications>,
    q: ListNotifications,
) -> Result<Page<Notification>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let (reader, choices) = (ctx.actor().to_string(), n.choices_of(&ctx, &granted).await?);
    let eyes = Eyes { reader: &reader, choices: &choices, now_ms: ctx.now_ms };
    let db = n.platform.db.read();
    let page = store::page(db, &granted, &eyes, q.unread == Some(true), &cursor).await?;
    let beside = store::beside(db, &granted, &page.items, &eyes).await?;
    let keep = choices.in_app.contains(&NotificationKind::Recovered);
    let items = page.items.iter().map(|row| word(row, &beside, keep));
    Ok(Page { items: items.collect::<Result<_, OpError>>()?, next: page.next })
}

/// A row in the words of `api`; with `keep`, what is over stays unread until it is seen.
fn word(row: &notification::Model, beside: &store::Beside, keep: bool) -> Result<Notification, OpError> {
    let muted = row.bot_id.and_then(|bot| beside.muted.get(&bot)).copied();
    let news = beside.read.get(&row.id).is_none_or(|seen| *seen < row.news);
    let bot = row.bot_id.and_then(|id| {
        let (slug, name) = beside.bots.get(&id)?.clone();
        Some(NotifiedBot { id, slug, name })
    });
    let runtime = match row.bot_id {
        None => row.about.rsplit_once(':').map(|(_, kind)| named(kind)).transpose()?,
        Some(_) => None,
    };
    Ok(Notification {
        id: row.id,
        kind: named(&row.kind)?,
        bot,
        runtime,
        budget: row.about.parse::<BudgetId>().ok().and_then(|id| beside.budgets.get(&id)).cloned(),
        reason: row.reason.as_deref().map(from_json).transpose()?,
        count: row.count,
        first_at_ms: row.first_at_ms,
        last_at_ms: row.last_at_ms,
        resolved_at_ms: row.resolved_at_ms,
        unread: news && muted.is_none() && (keep || row.resolved_at_ms.is_none()),
        muted_until_ms: muted,
    })
}

async fn unread(
    n: Arc<Notify>,
    ctx: OpCtx,
    granted: Granted<act::ReadNotifications>,
    _q: CountUnread,
) -> Result<Unread, OpError> {
    Ok(Unread { count: n.count(&ctx, &granted).await? })
}

async fn read(
    n: Arc<Notify>,
    ctx: OpCtx,
    granted: Granted<act::ReadNotifications>,
    q: MarkRead,
) -> Result<Done, OpError> {
    let (reader, choices) = (ctx.actor().to_string(), n.choices_of(&ctx, &granted).await?);
    let eyes = Eyes { reader: &reader, choices: &choices, now_ms: ctx.now_ms };
    n.platform
        .db
        .write(async |tx| {
            let rows = store::to_mark(tx, &granted, &eyes, q.notification, q.until_ms).await?;
            if rows.is_empty() && q.notification.is_some() {
                return Err(ApiError::not_found().into());
            }
            store::mark(tx, &granted, &reader, &rows).await
        })
        .await?;
    n.changed_for(&ctx);
    Ok(Done {})
}

async fn mute_bot(
    n: Arc<Notify>,
    ctx: OpCtx,
    granted: Granted<act::ReadNotifications>,
    q: MuteBot,
) -> Result<Muted, OpError> {
    let bot = n.bots.find(&granted, &q.bot).await?;
    let minutes = q.minutes.unwrap_or(MUTE_MINUTES);
    if minutes > LONGEST_MUTE_MINUTES {
        return Err(ApiError::field("/minutes", format!("must be 0 to {LONGEST_MUTE_MINUTES}")).into());
    }
    let until_ms = ctx.now_ms + i64::from(minutes) * 60_000;
    let (workspace_id, reader) = (bot.workspace_id, ctx.actor().to_string());
    n.platform
        .db
        .write(async |tx| {
            let row = mute::Model { bot_id: bot.id, reader, workspace_id, until_ms };
            store::put_mute(tx, &granted, row).await?;
            let target = Some(bot.id.to_string());
            audit::record(tx, n.platform.ids.as_ref(), &ctx, MuteBot::NAME, target).await
        })
        .await?;
    n.changed_for(&ctx);
    Ok(Muted { until_ms })
}

/// Whose choices they are.
pub(super) fn person(
    ctx: &OpCtx,
    granted: &Granted<act::ChooseNotifications>,
) -> Result<(WorkspaceId, UserId), OpError> {
    match (granted.scope(), ctx.subject.workspace) {
        (RowScope::Own(user), Some(workspace)) => Ok((workspace, user)),
        _ => Err(ApiError::not_found().into()),
    }
}

async fn choices(
    n: Arc<Notify>,
    ctx: OpCtx,
    granted: Granted<act::ChooseNotifications>,
    _q: GetChoices,
) -> Result<Choices, OpError> {
    n.choices_of(&ctx, &granted).await
}

async fn choose(
    n: Arc<Notify>,
    ctx: OpCtx,
    granted: Granted<act::ChooseNotifications>,
    q: Choose,
) -> Result<Choices, OpError> {
    let (workspace_id, user_id) = person(&ctx, &granted)?;
    // In the order they are known by, each once.
    let tidy = |wanted: &[NotificationKind]| {
        NotificationKind::ALL.into_iter().filter(|kind| wanted.contains(kind)).collect()
    };
    let choices = Choices { in_app: tidy(&q.in_app), push: tidy(&q.push) };
    let row = choice::Model { workspace_id, user_id, choices: json_of(&choices)? };
    n.platform
        .db
        .write(async |tx| {
            store::put_choices(tx, &granted, row).await?;
            audit::record(tx, n.platform.ids.as_ref(), &ctx, Choose::NAME, Some(user_id.to_string())).await
        })
        .await?;
    n.changed_for(&ctx);
    Ok(choices)
}

#[async_trait::async_trait]
impl SnapshotSource for Notify {
    async fn snapshot(&self, ctx: &OpCtx, topic: Topic) -> Result<Snapshot, ApiError> {
        if topic != Topic::Notifications {
            return Err(ApiError::not_found());
        }
        let granted = policy::check::<act::ReadNotifications>(&ctx.subject)?;
        Ok(Snapshot::Notifications { unread: self.count(ctx, &granted).await? })
    }

    async fn may_watch(&self, ctx: &OpCtx, topic: Topic) -> Result<(), ApiError> {
        policy::check::<act::ReadNotifications>(&ctx.subject)?;
        if topic == Topic::Notifications { Ok(()) } else { Err(ApiError::not_found()) }
    }
}
