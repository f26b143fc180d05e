//! The database's upkeep while Chela runs: the WAL is folded in, and the file is looked at once a day.

use super::database;
use crate::platform::Platform;
use sea_orm::{ConnectionTrait, DbBackend};
use std::sync::Arc;

/// How often the write-ahead log is folded into the file.
const CHECKPOINT_MS: i64 = 10 * 60_000;
/// How often SQLite looks its file over.
const CHECK_MS: i64 = 24 * 3_600_000;

/// Runs until Chela stops. PostgreSQL looks after itself.
pub(super) async fn run(platform: Arc<Platform>) {
    if platform.db.backend() == DbBackend::Postgres {
        return;
    }
    let mut check_at = platform.clock.now_ms() + CHECK_MS;
    loop {
        let next = platform.clock.now_ms() + CHECKPOINT_MS;
        tokio::select! {
            () = platform.shutdown.cancelled() => return,
            () = platform.clock.wait_until(next) => {}
        }
        if let Err(error) =
            platform.db.maintenance().execute_unprepared("pragma wal_checkpoint(truncate)").await
        {
            tracing::warn!(error = %error, "the write-ahead log could not be folded in");
        }
        if platform.clock.now_ms() >= check_at {
            check_at = platform.clock.now_ms() + CHECK_MS;
            if let Err(error) = database::quick_check(&platform.db, "chela.db").await {
                // Reading goes on, and a banner says why nothing is written any more.
                tracing::error!(error = %error, "the database is damaged; no more writes");
                platform.db.close_writes(error.to_string());
            }
        }
    }
}
