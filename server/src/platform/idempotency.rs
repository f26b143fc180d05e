//! `Idempotency-Key`: a create that is sent again answers as the first time, and makes nothing twice.
//!
//! Kept for 24 hours per caller. Fields shown only once are null in a replay and are never stored. What broke off
//! between the work and its record (a crash, a full disk) is in doubt: it is said, and never done a second time.

use super::{
    clock::Clock,
    db::Db,
    error::{OpError, is_unique_violation},
};
use api::{ApiError, Code};
use entity::idempotency as table;
use http::HeaderMap;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// How long an answer is kept.
pub const KEPT_MS: i64 = 24 * 60 * 60_000;
/// After this long without an answer the first try is taken for broken off.
pub const IN_FLIGHT_MS: i64 = 5 * 60_000;
/// Longest key.
const MAX_KEY: usize = 200;
/// How often expired rows are swept out.
const SWEEP_EVERY_MS: i64 = 60 * 60_000;

/// The key a request carries.
///
/// # Errors
/// `invalid` for one that is empty, too long, not plain ASCII, or not the only one.
pub fn key_of(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let bad = || {
        ApiError::field(
            "",
            format!("Idempotency-Key must be one value of 1 to {MAX_KEY} printable characters"),
        )
    };
    let mut values = headers.get_all("idempotency-key").iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_not_ascii| bad())?;
            let fits = (1..=MAX_KEY).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
            if fits { Ok(Some(text.to_owned())) } else { Err(bad()) }
        }
        _ => Err(bad()),
    }
}

/// One create as its repetition must look to be the same.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Who asks.
    pub caller: String,
    pub key: String,
    pub verb: &'static str,
    pub body_hash: [u8; 32],
}

impl Attempt {
    /// Describes a create. The hash does not depend on the order of keys in `body`.
    pub fn new(caller: String, key: String, verb: &'static str, body: &Value) -> Self {
        let mut hash = Sha256::new();
        digest(&mut hash, body);
        Self { caller, key, verb, body_hash: hash.finalize().into() }
    }
}

/// Feeds a value to the hash in one fixed form.
fn digest(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Object(members) => {
            let mut keys: Vec<_> = members.iter().collect();
            keys.sort_unstable_by_key(|(key, _)| *key);
            hash.update(b"{");
            for (key, value) in keys {
                hash.update(Value::from(key.as_str()).to_string());
                digest(hash, value);
            }
            hash.update(b"}");
        }
        Value::Array(items) => {
            hash.update(b"[");
            items.iter().for_each(|item| digest(hash, item));
            hash.update(b"]");
        }
        plain => hash.update(format!("{plain},")),
    }
}

/// What became of an attempt's beginning.
pub enum Begun {
    /// The first of its kind: do it, then call [`Idempotency::finish`] or [`Idempotency::release`].
    Fresh(Reservation),
    /// Done before.
    Replay { status: u16, body: Value },
}

/// The right to do an attempt's work.
#[derive(Clone, Debug)]
pub struct Reservation {
    attempt: Attempt,
    at_ms: i64,
}

/// The table of attempts.
#[derive(Clone)]
pub struct Idempotency {
    db: Db,
    clock: Arc<dyn Clock>,
    swept_at_ms: Arc<AtomicI64>,
    /// What was begun before this was begun by an earlier Chela.
    since_ms: i64,
}

impl Idempotency {
    /// Over the table in `db`.
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        let since_ms = clock.now_ms();
        Self { db, clock, swept_at_ms: Arc::new(AtomicI64::new(0)), since_ms }
    }

    /// Reserves the work of an attempt, or finds that it was done.
    ///
    /// # Errors
    /// `idempotency_mismatch` for a key used before for something else, `in_flight` while it is being done, `in_doubt`
    /// where it broke off.
    pub async fn begin(&self, attempt: Attempt) -> Result<Begun, ApiError> {
        let now = self.clock.now_ms();
        let sweep = now - self.swept_at_ms.load(Ordering::Relaxed) > SWEEP_EVERY_MS;
        let begun = self.db.write(async |tx| reserve(tx, attempt, now, self.since_ms, sweep).await).await;
        if sweep && begun.is_ok() {
            self.swept_at_ms.store(now, Ordering::Relaxed);
        }
        match begun {
            // Two first tries at the same moment, on a database with several writers.
            Err(OpError::Db(error)) if is_unique_violation(&error) => Err(in_flight()),
            other => other.map_err(ApiError::from),
        }
    }

    /// Keeps the answer for repetitions, without the fields that are shown once.
    pub async fn finish(&self, reservation: &Reservation, status: u16, body: &Value, once: &[String]) {
        let mut kept = body.clone();
        if let Value::Object(members) = &mut kept {
            members
                .iter_mut()
                .filter(|(key, _)| once.contains(key))
                .for_each(|(_, value)| *value = Value::Null);
        }
        let done = self.db.write(async |tx| {
            table::Entity::update_many()
                .col_expr(table::Column::Status, Expr::value(i64::from(status)))
                .col_expr(table::Column::Response, Expr::value(kept.to_string()))
                .filter(mine(reservation))
                .exec(tx)
                .await?;
            Ok(())
        });
        if let Err(error) = done.await {
            // The work itself is done and is answered; a repetition hears that it is in doubt.
            tracing::warn!(error = %error, "an idempotent answer could not be kept");
        }
    }

    /// Gives the key free again: the attempt failed and changed nothing.
    pub async fn release(&self, reservation: &Reservation) {
        let done = self.db.write(async |tx| {
            table::Entity::delete_many().filter(mine(reservation)).exec(tx).await?;
            Ok(())
        });
        if let Err(error) = done.await {
            tracing::warn!(error = %error, "an idempotency key could not be given free");
        }
    }
}

fn in_flight() -> ApiError {
    ApiError::new(Code::InFlight, "The same request is being worked on.").retry_after(1_000)
}

fn in_doubt() -> ApiError {
    let text = "The first request with this Idempotency-Key broke off. Whether it was done is not known.";
    ApiError::new(Code::InDoubt, text)
        .with_hint("Look whether it is there. If it is not, send the request with a new key.")
}

/// The row of a reservation, while it has no answer.
fn mine(reservation: &Reservation) -> Condition {
    named(&reservation.attempt)
        .add(table::Column::CreatedAtMs.eq(reservation.at_ms))
        .add(table::Column::Status.is_null())
}

fn named(attempt: &Attempt) -> Condition {
    Condition::all()
        .add(table::Column::Caller.eq(attempt.caller.as_str()))
        .add(table::Column::Key.eq(attempt.key.as_str()))
}

async fn reserve<C: ConnectionTrait>(
    tx: &C,
    attempt: Attempt,
    now: i64,
    since: i64,
    sweep: bool,
) -> Result<Begun, OpError> {
    let expired = table::Column::CreatedAtMs.lte(now - KEPT_MS);
    let old = if sweep { Condition::all().add(expired) } else { named(&attempt).add(expired) };
    table::Entity::delete_many().filter(old).exec(tx).await?;
    let Some(row) = table::Entity::find().filter(named(&attempt)).one(tx).await? else {
        insert(tx, &attempt, now).await?;
        return Ok(Begun::Fresh(Reservation { attempt, at_ms: now }));
    };
    if row.verb != attempt.verb || row.body_hash != attempt.body_hash {
        return Err(ApiError::new(
            Code::IdempotencyMismatch,
            "This Idempotency-Key was used before for another request.",
        )
        .into());
    }
    match (row.status, row.response) {
        (Some(status), Some(response)) => Ok(Begun::Replay {
            status: u16::try_from(status).unwrap_or(200),
            body: super::text::from_json(&response)?,
        }),
        _ if row.created_at_ms >= since && now - row.created_at_ms < IN_FLIGHT_MS => Err(in_flight().into()),
        _ => Err(in_doubt().into()),
    }
}

async fn insert<C: ConnectionTrait>(tx: &C, attempt: &Attempt, now: i64) -> Result<(), OpError> {
    let row = table::ActiveModel {
        caller: Set(attempt.caller.clone()),
        key: Set(attempt.key.clone()),
        verb: Set(attempt.verb.to_owned()),
        body_hash: Set(attempt.body_hash.to_vec()),
        status: Set(None),
        response: Set(None),
        created_at_ms: Set(now),
    };
    table::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}
