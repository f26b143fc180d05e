//! A bot's output for people: filtered, bounded, resumable, without secrets.

use super::{Bots, redact::redacted, store};
use crate::platform::{ctx::OpCtx, error::OpError};
use api::{ApiError, bots::*, validate::Check};
use policy::{Granted, act};
use runtime::{LogPlace, LogQuery};
use std::{sync::Arc, time::Duration};

/// Lines of one answer.
const MOST_LINES: u32 = 1000;
/// Lines where nothing is said.
const LINES: u32 = 500;
/// Longest wait for something new. A right that ends meanwhile is seen at the next question.
const MOST_WAIT_S: u32 = 10;
/// Longest text searched for.
const MOST_WORDS: usize = 200;

pub(super) async fn read(
    b: Arc<Bots>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: ReadLogs,
) -> Result<LogPage, OpError> {
    let (query, wait) = asked(&q)?;
    // Of one in the trash, too: a page may have asked before it was put there, and people look why they threw it away.
    let row = store::many::find_any(b.platform.db.read(), &granted, &q.bot).await?;
    let runtime = b.runtimes.of_row(&row).map_err(|e| OpError::internal("a bot's runtime", e))?;
    let fault = |e| unreadable(&e);
    let mut found = runtime.logs(row.id, &query).await.map_err(fault)?;
    if found.lines.is_empty() && !wait.is_zero() {
        let grown = runtime.log_growth(row.id, found.place).await.map_err(fault)?;
        tokio::select! {
            () = grown => found = runtime.logs(row.id, &query).await.map_err(fault)?,
            () = tokio::time::sleep(wait) => {}
            () = b.platform.shutdown.cancelled() => {}
        }
    }
    let place = found.place.unwrap_or(LogPlace { at_ms: 0, seen: 0 });
    let line = |line: runtime::LogLine| LogLine {
        at_ms: line.at_ms,
        level: level(line.level()),
        text: redacted(&line.plain()),
    };
    Ok(LogPage {
        lines: found.lines.into_iter().map(line).collect(),
        skipped: found.skipped,
        next: format!("{}-{}", place.at_ms, place.seen),
    })
}

/// What is asked for, in the runtime's words.
fn asked(q: &ReadLogs) -> Result<(LogQuery, Duration), ApiError> {
    let limit = q.limit.unwrap_or(LINES);
    let wait = q.wait_s.unwrap_or(0);
    let cursor = q.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let mut check = Check::new();
    check.rule((1..=MOST_LINES).contains(&limit), "/limit", &format!("must be 1 to {MOST_LINES}"));
    check.rule(wait <= MOST_WAIT_S, "/wait_s", &format!("must be 0 to {MOST_WAIT_S}"));
    check.rule(wait == 0 || cursor.is_some(), "/wait_s", "needs a cursor");
    check.rule(cursor.is_none() || q.since_ms.is_none(), "/since_ms", "cannot be said with a cursor");
    check.rule(q.since_ms.is_none_or(|since| since >= 0), "/since_ms", "must not be negative");
    let words = q.q.as_deref().map(str::trim).filter(|words| !words.is_empty());
    check.text(words.unwrap_or_default(), MOST_WORDS, "/q").done()?;
    let after = match (cursor, q.since_ms) {
        (Some(cursor), _) => Some(
            place(cursor)
                .ok_or_else(|| ApiError::field("/cursor", "cursor is not one this list gave out"))?,
        ),
        (None, since) => since.map(|at_ms| LogPlace { at_ms, seen: 0 }),
    };
    let level = match q.level.unwrap_or_default() {
        LogLevel::Info => runtime::LogLevel::Info,
        LogLevel::Warn => runtime::LogLevel::Warn,
        LogLevel::Error => runtime::LogLevel::Error,
    };
    let lines = usize::try_from(limit).unwrap_or(usize::MAX);
    let contains = words.map(str::to_owned);
    let query = LogQuery { lines, after, level, contains, shown: redacted, ..LogQuery::default() };
    Ok((query, Duration::from_secs(wait.into())))
}

/// How grave a line is, in the words of `api`.
pub(super) const fn level(level: runtime::LogLevel) -> LogLevel {
    match level {
        runtime::LogLevel::Info => LogLevel::Info,
        runtime::LogLevel::Warn => LogLevel::Warn,
        runtime::LogLevel::Error => LogLevel::Error,
    }
}

fn place(cursor: &str) -> Option<LogPlace> {
    let (at_ms, seen) = cursor.split_once('-')?;
    let at_ms = at_ms.parse().ok().filter(|at: &i64| *at >= 0)?;
    Some(LogPlace { at_ms, seen: seen.parse().ok()? })
}

/// Where the engine is away, its words and what to do.
fn unreadable(error: &runtime::RuntimeError) -> OpError {
    let said = ApiError::new(api::Code::Unavailable, format!("The bot's output cannot be read: {error}."));
    match error.hint() {
        Some(hint) => said.with_hint(hint),
        None => said.with_hint("Try again in a moment."),
    }
    .into()
}
