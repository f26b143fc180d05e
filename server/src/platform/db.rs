//! The database: one writer, several readers, and whether writing is possible at all.
//!
//! SQLite in WAL mode by default, PostgreSQL by URL. Every write goes through [`Db::write`].

use super::error::OpError;
use api::{
    ApiError, Page,
    page::{DEFAULT_LIMIT, MAX_LIMIT},
};
use arc_swap::ArcSwapOption;
use sea_orm::{
    ConnAcquireErr, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sqlx::{
        self, Connection, SqliteConnection,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};
use std::{path::Path, str::FromStr, sync::Arc, time::Duration};
use tokio::sync::{Mutex, Notify};

/// Readers of a SQLite database; each holds a small cache.
const READERS: u32 = 3;
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 8;
/// Number of the advisory lock: "chela".
const ALONE: i64 = 0x63_6865_6c61;
/// How long a write waits for those before it.
const TURN: Duration = Duration::from_secs(10);

/// Handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    writer: DatabaseConnection,
    readers: DatabaseConnection,
    /// Why no write is accepted, if so.
    closed: Arc<ArcSwapOption<String>>,
    wrote: Arc<Notify>,
    /// One writer at a time where the database itself would let several in: what a transaction read is then still so
    /// when it writes, as on SQLite.
    turn: Arc<Mutex<()>>,
    /// Holds the lock that keeps a second Chela off a PostgreSQL database, as long as this handle lives.
    alone: Option<DatabaseConnection>,
}

impl Db {
    /// Opens (and creates) the SQLite file.
    ///
    /// # Errors
    /// The file cannot be opened or is no database.
    pub async fn sqlite(path: &Path) -> Result<Self, DbErr> {
        let url = format!("sqlite://{}?mode=rwc", path.display());
        let options = |read_only: bool, connections: u32| {
            let mut options = ConnectOptions::new(url.clone());
            options
                .max_connections(connections)
                .min_connections(1)
                .acquire_timeout(Duration::from_secs(10))
                .test_before_acquire(false)
                .sqlx_logging(false)
                .map_sqlx_sqlite_opts(move |o| {
                    let o = o
                        .busy_timeout(Duration::from_secs(5))
                        .foreign_keys(true)
                        .pragma("cache_size", "-4096")
                        .pragma("temp_store", "MEMORY");
                    if read_only {
                        o.read_only(true).create_if_missing(false)
                    } else {
                        o.journal_mode(SqliteJournalMode::Wal)
                            .synchronous(SqliteSynchronous::Full)
                            .pragma("journal_size_limit", "67108864")
                    }
                });
            options
        };
        let mut writing = options(false, 1);
        writing.map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|conn, _| Box::pin(is_sound(conn))));
        let writer = Database::connect(writing).await?;
        let readers = Database::connect(options(true, READERS)).await?;
        Ok(Self::of(writer, readers, None))
    }

    /// Connects to PostgreSQL.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    pub async fn postgres(url: &str) -> Result<Self, DbErr> {
        let mut options = ConnectOptions::new(url.to_owned());
        options
            .max_connections(POSTGRES_CONNECTIONS)
            .min_connections(1)
            .acquire_timeout(Duration::from_secs(10))
            .sqlx_logging(false);
        let alone = hold_alone(url).await?;
        let pool = Database::connect(options).await?;
        Ok(Self::of(pool.clone(), pool, Some(alone)))
    }

    fn of(
        writer: DatabaseConnection,
        readers: DatabaseConnection,
        alone: Option<DatabaseConnection>,
    ) -> Self {
        let (closed, wrote, turn) = (Arc::default(), Arc::default(), Arc::default());
        Self { writer, readers, closed, wrote, turn, alone }
    }

    /// For reading. On SQLite a write through it fails.
    pub fn read(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// The connection for migrations and maintenance only.
    pub fn maintenance(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Which database it is.
    pub fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// Runs `work` in one write transaction (IMMEDIATE on SQLite) and commits, or rolls back on error.
    ///
    /// # Errors
    /// What `work` says, what the database says, or `ReadOnly`.
    pub async fn write<T>(
        &self,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, OpError>,
    ) -> Result<T, OpError> {
        if let Some(why) = self.closed.load_full() {
            return Err(OpError::ReadOnly(why.as_ref().clone()));
        }
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let Ok(_turn) = tokio::time::timeout(TURN, self.turn.lock()).await else {
            return Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout).into());
        };
        let tx = self.writer.begin_with_options(options).await?;
        match work(&tx).await {
            Ok(value) => {
                tx.commit().await?;
                self.wrote.notify_waiters();
                Ok(value)
            }
            Err(error) => {
                if let Err(rollback) = tx.rollback().await {
                    tracing::warn!(error = %rollback, "rollback failed; the connection drops the transaction");
                }
                Err(error)
            }
        }
    }

    /// Ends after the next write that goes through from this call on, polled or not: whoever was refused may try again.
    pub fn wrote(&self) -> impl Future<Output = ()> {
        self.wrote.notified()
    }

    /// Accepts no more writes, and says why.
    pub fn close_writes(&self, why: impl Into<String>) {
        self.closed.store(Some(Arc::new(why.into())));
    }

    /// Why no write is accepted, if so.
    pub fn writes_closed(&self) -> Option<Arc<String>> {
        self.closed.load_full()
    }
}

/// A connection of its own that holds the instance's lock; the server ends the lock with the connection.
async fn hold_alone(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url.to_owned());
    options
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(10))
        .sqlx_logging(false);
    let alone = Database::connect(options).await?;
    // A server that was killed a moment ago may not have been noticed yet.
    alone.execute_unprepared("set lock_timeout = '5s'").await?;
    match alone.execute_unprepared(&format!("select pg_advisory_lock({ALONE})")).await {
        Ok(_) => Ok(alone),
        Err(error) if error.to_string().contains("lock timeout") => {
            Err(DbErr::Custom("another Chela is using this database; stop it first".to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// Whether the writer may be used again. Where SQLite itself has ended a transaction, as a full disk makes it do,
/// the driver goes on counting it: later writes would be savepoints in it, acknowledged and one day lost. Such a
/// connection is closed, and the next write opens another.
async fn is_sound(conn: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // What was queued behind the last statement, a rollback, comes first.
    conn.ping().await?;
    Ok(!conn.is_in_transaction())
}

/// Where a page starts and how long it is. The cursor's text is the last id seen.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<Id> {
    /// The last id of the page before.
    pub after: Option<Id>,
    limit: u32,
}

impl<Id: FromStr + ToString + Copy> Cursor<Id> {
    /// Reads `limit` and `cursor` as they came.
    ///
    /// # Errors
    /// `invalid` for a limit outside 1 to 200 or a cursor that was altered.
    pub fn parse(limit: Option<u32>, cursor: Option<&str>) -> Result<Self, ApiError> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::field("/limit", format!("limit must be 1 to {MAX_LIMIT}")));
        }
        let after = match cursor.filter(|c| !c.is_empty()) {
            None => None,
            Some(text) => Some(
                text.parse()
                    .map_err(|_altered| ApiError::field("/cursor", "cursor is not one this list gave out"))?,
            ),
        };
        Ok(Self { after, limit })
    }

    /// How many rows to ask for: one more than shown tells whether there is a next page.
    pub fn fetch(&self) -> u64 {
        u64::from(self.limit) + 1
    }

    /// Turns fetched rows into a page.
    pub fn page<R, T>(&self, mut rows: Vec<R>, id: impl Fn(&R) -> Id, word: impl Fn(R) -> T) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| id(row).to_string());
        Page { items: rows.into_iter().map(word).collect(), next }
    }
}

impl Db {
    /// Closes all connections; on SQLite the WAL is folded into the file.
    ///
    /// # Errors
    /// What the database says.
    pub async fn close(self) -> Result<(), DbErr> {
        self.readers.close().await?;
        self.writer.close().await?;
        match self.alone {
            Some(alone) => alone.close().await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::ConnectionTrait;

    async fn count(db: &Db) -> i64 {
        let row = db.read().query_one_raw(sea_orm::Statement::from_string(
            DbBackend::Sqlite,
            "select count(*) from things".to_owned(),
        ));
        row.await.expect("readable").expect("a row").try_get_by_index(0).expect("a number")
    }

    async fn put(db: &Db, bytes: u32) -> Result<(), OpError> {
        db.write(async |tx| {
            tx.execute_unprepared(&format!("insert into things values (zeroblob({bytes}))")).await?;
            Ok(())
        })
        .await
    }

    #[tokio::test]
    async fn after_writes_that_the_disk_refused_and_writes_taken_back_the_next_one_counts() {
        let dir = tempfile::tempdir().expect("a directory");
        let db = Db::sqlite(&dir.path().join("x.db")).await.expect("opened");
        db.maintenance().execute_unprepared("create table things (body blob)").await.expect("made");
        for round in 0..3 {
            // As a full disk answers, without one.
            db.maintenance().execute_unprepared("pragma max_page_count = 50").await.expect("set");
            let refused = put(&db, 1 << 20).await.expect_err("too much");
            assert!(refused.to_string().contains("database"), "{refused}");
            for _ in 0..2 {
                let taken_back = db.write(async |_| Err::<(), _>(OpError::Api(ApiError::not_found()))).await;
                assert!(matches!(taken_back, Err(OpError::Api(_))), "{taken_back:?}");
            }
            put(&db, 10).await.expect("there is room for a small one");
            assert_eq!(count(&db).await, round + 1, "others see it");
        }
    }
}
