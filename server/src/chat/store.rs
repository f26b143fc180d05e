//! Rows of threads and messages.

use crate::platform::{
    db::Cursor,
    error::OpError,
    text::{from_json, json_of, name_of, named},
};
use api::{
    ApiError, Page,
    chat::{Message, MessageRole, MessageState, ThreadSummary},
    ids::*,
};
use entity::chat::{message, thread};
use policy::{Action, Granted, RowScope, act};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

/// The state of an answer whose bot is woken: it was not asked yet, so that this outlives Chela.
const WAITING: &str = "waiting";
/// What a page shows of it.
pub(super) const WAKING: &str = "waking";

fn threads_in(scope: RowScope) -> Condition {
    match scope {
        RowScope::All => Condition::all(),
        RowScope::Workspace(id) => Condition::all().add(thread::Column::WorkspaceId.eq(id)),
        RowScope::Own(_) => Condition::all().add(Expr::value(false)),
    }
}

/// A page of a bot's threads, newest first.
pub(super) async fn threads<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadChat>,
    bot: BotId,
    cursor: &Cursor<ThreadId>,
) -> Result<Page<ThreadSummary>, OpError> {
    let mut query = thread::Entity::find()
        .filter(threads_in(granted.scope()))
        .filter(thread::Column::BotId.eq(bot))
        .order_by_desc(thread::Column::Id);
    if let Some(after) = cursor.after {
        query = query.filter(thread::Column::Id.lt(after));
    }
    Ok(cursor.page(query.limit(cursor.fetch()).all(db).await?, |r| r.id, |r| summary(&r)))
}

/// The latest of one of the times of a bot's threads: when something was said there by whomever (`UpdatedAtMs`), or when a
/// person wrote (`WrittenAtMs`).
pub(super) async fn latest_ms<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadChat>,
    bot: BotId,
    of: thread::Column,
) -> Result<Option<i64>, OpError> {
    let latest = thread::Entity::find()
        .select_only()
        .column_as(of.max(), "at_ms")
        .filter(threads_in(granted.scope()))
        .filter(thread::Column::BotId.eq(bot))
        .into_tuple::<Option<i64>>();
    Ok(latest.one(db).await?.flatten())
}

/// When a bot last finished an answer, of the threads that were changed last.
pub(super) async fn last_answer_ms<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadChat>,
    bot: BotId,
) -> Result<Option<i64>, OpError> {
    let newest: Vec<ThreadId> = thread::Entity::find()
        .select_only()
        .column(thread::Column::Id)
        .filter(threads_in(granted.scope()))
        .filter(thread::Column::BotId.eq(bot))
        .order_by_desc(thread::Column::UpdatedAtMs)
        .limit(5)
        .into_tuple()
        .all(db)
        .await?;
    let finished = message::Entity::find()
        .select_only()
        .column_as(message::Column::FinishedAtMs.max(), "at_ms")
        .filter(message::Column::ThreadId.is_in(newest))
        .filter(message::Column::Role.eq("assistant"))
        .filter(message::Column::State.eq("final"))
        .into_tuple::<Option<i64>>();
    Ok(finished.one(db).await?.flatten())
}

/// One thread the caller may touch.
pub(super) async fn thread<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
    id: ThreadId,
) -> Result<thread::Model, OpError> {
    let found = thread::Entity::find_by_id(id).filter(threads_in(granted.scope())).one(db).await?;
    found.ok_or_else(|| ApiError::not_found().into())
}

pub(super) async fn insert_thread<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteChat>,
    model: thread::Model,
) -> Result<(), OpError> {
    thread::Entity::insert(model.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

pub(super) async fn retitle<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteChat>,
    id: ThreadId,
    title: &str,
) -> Result<thread::Model, OpError> {
    thread::Entity::update_many()
        .col_expr(thread::Column::Title, Expr::value(title))
        .filter(thread::Column::Id.eq(id))
        .filter(threads_in(granted.scope()))
        .exec(tx)
        .await?;
    thread(tx, granted, id).await
}

pub(super) async fn touch<C: ConnectionTrait, A: Action>(
    tx: &C,
    _granted: &Granted<A>,
    id: ThreadId,
    now_ms: i64,
) -> Result<(), OpError> {
    thread::Entity::update_many()
        .col_expr(thread::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(thread::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// A person writes in a thread.
pub(super) async fn written<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteChat>,
    id: ThreadId,
    now_ms: i64,
) -> Result<(), OpError> {
    thread::Entity::update_many()
        .col_expr(thread::Column::UpdatedAtMs, Expr::value(now_ms))
        .col_expr(thread::Column::WrittenAtMs, Expr::value(now_ms))
        .filter(thread::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn delete_thread<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteChat>,
    id: ThreadId,
) -> Result<(), OpError> {
    let gone = thread::Entity::delete_many()
        .filter(thread::Column::Id.eq(id))
        .filter(threads_in(granted.scope()))
        .exec(tx)
        .await?;
    if gone.rows_affected == 0 { Err(ApiError::not_found().into()) } else { Ok(()) }
}

/// A page of messages: fetched newest first, given oldest first; the cursor leads to older ones.
pub(super) async fn messages<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadChat>,
    thread: &thread::Model,
    cursor: &Cursor<MessageId>,
) -> Result<Page<Message>, OpError> {
    let mut query = message::Entity::find()
        .filter(message::Column::ThreadId.eq(thread.id))
        .order_by_desc(message::Column::Id)
        .limit(cursor.fetch());
    if let Some(after) = cursor.after {
        query = query.filter(message::Column::Id.lt(after));
    }
    let page = cursor.page(query.all(db).await?, |r| r.id, |r| word(&r));
    let mut items = page.items.into_iter().collect::<Result<Vec<_>, _>>()?;
    items.reverse();
    Ok(Page { items, next: page.next })
}

pub(super) async fn insert_message<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteChat>,
    workspace: WorkspaceId,
    message: &Message,
    run: Option<RunId>,
) -> Result<(), OpError> {
    let mut model = row(workspace, message)?;
    model.run_id = run;
    message::Entity::insert(model.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes the end of an answer.
pub(super) async fn finish<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunChat>,
    message: &Message,
    now_ms: i64,
) -> Result<(), OpError> {
    message::Entity::update_many()
        .col_expr(message::Column::State, Expr::value(name_of(&message.state)))
        .col_expr(message::Column::Text, Expr::value(message.text.as_str()))
        .col_expr(message::Column::Html, Expr::value(message.html.clone()))
        .col_expr(message::Column::Tools, Expr::value(json_of(&message.tools)?))
        .col_expr(message::Column::Model, Expr::value(message.model.clone()))
        .col_expr(message::Column::Usage, Expr::value(message.usage.as_ref().map(json_of).transpose()?))
        .col_expr(message::Column::Error, Expr::value(message.error.clone()))
        .col_expr(message::Column::FinishedAtMs, Expr::value(now_ms))
        .filter(message::Column::Id.eq(message.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// An answer that waits until its bot is awake.
pub(super) struct Waiting {
    pub message: Message,
    pub run: RunId,
    pub thread: thread::Model,
    /// What the bot is to be asked.
    pub text: String,
}

/// Answers whose bots were not asked yet, up to a hundred at a time.
pub(super) async fn waiting<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::RunChat>,
    after: Option<MessageId>,
) -> Result<Vec<message::Model>, OpError> {
    use message::Column as C;
    let mut query = message::Entity::find().filter(C::State.eq(WAITING)).order_by_asc(C::Id).limit(100);
    if let Some(after) = after {
        query = query.filter(C::Id.gt(after));
    }
    Ok(query.all(db).await?)
}

/// All that is needed to ask for one of them; its id alone where something of that is not there.
pub(super) async fn taken_up<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::RunChat>,
    row: message::Model,
) -> Result<Result<Waiting, MessageId>, OpError> {
    use message::Column as C;
    let asked = message::Entity::find()
        .filter(C::ThreadId.eq(row.thread_id))
        .filter(C::Role.eq(name_of(&MessageRole::User)))
        .filter(C::Id.lt(row.id))
        .order_by_desc(C::Id);
    let asked = asked.one(db).await?;
    let thread = thread::Entity::find_by_id(row.thread_id).one(db).await?;
    Ok(match (word(&row), row.run_id, thread, asked) {
        (Ok(message), Some(run), Some(thread), Some(asked)) => {
            Ok(Waiting { message, run, thread, text: asked.text })
        }
        _ => Err(row.id),
    })
}

/// Ends one that cannot be taken up.
pub(super) async fn cut<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunChat>,
    id: MessageId,
    now_ms: i64,
) -> Result<(), OpError> {
    message::Entity::update_many()
        .col_expr(message::Column::State, Expr::value(name_of(&MessageState::Failed)))
        .col_expr(message::Column::Error, Expr::value("The bot was not asked. Send the message again."))
        .col_expr(message::Column::FinishedAtMs, Expr::value(now_ms))
        .filter(message::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// A bot is asked now for what waited for it: from here on the answer is cut where Chela dies. Whether it waited.
pub(super) async fn asks<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunChat>,
    run: RunId,
) -> Result<bool, OpError> {
    let done = message::Entity::update_many()
        .col_expr(message::Column::State, Expr::value(name_of(&MessageState::Streaming)))
        .filter(message::Column::RunId.eq(run))
        .filter(message::Column::State.eq(WAITING))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Marks answers as cut that an earlier Chela left open. Those whose bots were not asked yet wait on.
pub(super) async fn cut_open<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunChat>,
    why: &str,
    now_ms: i64,
) -> Result<u64, OpError> {
    let cut = message::Entity::update_many()
        .col_expr(message::Column::State, Expr::value("failed"))
        .col_expr(message::Column::Error, Expr::value(why))
        .col_expr(message::Column::FinishedAtMs, Expr::value(now_ms))
        .filter(message::Column::State.eq("streaming"))
        .exec(tx)
        .await?;
    Ok(cut.rows_affected)
}

/// A thread as people see it.
pub(super) fn summary(row: &thread::Model) -> ThreadSummary {
    ThreadSummary {
        id: row.id,
        bot: row.bot_id,
        title: row.title.clone(),
        created_at_ms: row.created_at_ms,
        updated_at_ms: row.updated_at_ms,
    }
}

fn word(row: &message::Model) -> Result<Message, OpError> {
    let waits = row.state == WAITING;
    Ok(Message {
        id: row.id,
        thread: row.thread_id,
        role: named(&row.role)?,
        state: if waits { MessageState::Streaming } else { named(&row.state)? },
        text: row.text.clone(),
        html: row.html.clone(),
        html_bytes: None,
        tools: from_json(&row.tools)?,
        model: row.model.clone(),
        usage: row.usage.as_deref().map(from_json).transpose()?,
        phase: waits.then(|| WAKING.to_owned()),
        error: row.error.clone(),
        created_at_ms: row.created_at_ms,
    })
}

fn row(workspace: WorkspaceId, message: &Message) -> Result<message::Model, OpError> {
    Ok(message::Model {
        id: message.id,
        workspace_id: workspace,
        thread_id: message.thread,
        role: name_of(&message.role),
        state: match message.phase.as_deref() {
            Some(WAKING) => WAITING.to_owned(),
            _ => name_of(&message.state),
        },
        text: message.text.clone(),
        html: message.html.clone(),
        tools: json_of(&message.tools)?,
        model: message.model.clone(),
        usage: message.usage.as_ref().map(json_of).transpose()?,
        error: message.error.clone(),
        run_id: None,
        created_at_ms: message.created_at_ms,
        finished_at_ms: None,
    })
}
