//! Errors inside the server and the one place where they become an `ApiError`.

use api::{ApiError, Code};
use sea_orm::DbErr;

/// What can go wrong in a use case.
#[derive(Debug, thiserror::Error)]
pub enum OpError {
    /// An answer meant for the caller.
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("database")]
    Db(#[from] DbErr),
    /// The database takes no writes at the moment; the text says why.
    #[error("database is read-only: {0}")]
    ReadOnly(String),
    /// Stored data that this version cannot read.
    #[error("stored data: {what}")]
    Corrupt { what: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    /// Anything else that is our fault.
    #[error("{what}")]
    Internal { what: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
}

impl OpError {
    /// Our fault, with its cause for the log.
    pub fn internal(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal { what, source: source.into() }
    }

    /// Whether nothing at all can be written at the moment: the disk is full, or the database takes no writes.
    pub fn is_unwritable(&self) -> bool {
        match self {
            Self::Db(db) => is_disk_full(db) || is_read_only(db),
            Self::ReadOnly(_) => true,
            Self::Api(_) | Self::Corrupt { .. } | Self::Internal { .. } => false,
        }
    }
}

impl From<policy::Denied> for OpError {
    fn from(denied: policy::Denied) -> Self {
        Self::Api(denied.into())
    }
}

/// Whether the database says that the disk is full (SQLite 13, PostgreSQL 53100).
pub fn is_disk_full(error: &DbErr) -> bool {
    let text = error.to_string();
    text.contains("database or disk is full")
        || text.contains("(code: 13)")
        || text.contains("No space left on device")
        || text.contains("53100")
}

/// Whether the database says that it cannot be written: it, or the disk below it, has become read-only (SQLite 8 and,
/// from the disk, 10; PostgreSQL 25006).
pub fn is_read_only(error: &DbErr) -> bool {
    let text = error.to_string();
    ["attempt to write a readonly database", "disk I/O error", "read-only transaction"]
        .iter()
        .any(|said| text.contains(said))
}

/// Whether a unique rule was broken.
pub fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}

impl From<OpError> for ApiError {
    fn from(error: OpError) -> Self {
        match error {
            OpError::Api(api) => api,
            OpError::Db(db) if is_disk_full(&db) => {
                tracing::error!(error = %db, "the disk is full");
                Self::new(Code::StorageFull, "The disk that holds Chela's data is full. Nothing was written.")
                    .with_hint("Free some space; Chela goes on by itself.")
                    .retry_after(5_000)
            }
            OpError::Db(db) if is_read_only(&db) => {
                tracing::error!(error = %db, "the database cannot be written");
                let text = "The database that holds Chela's data has become read-only. Nothing was written.";
                Self::new(Code::Unavailable, text)
                    .with_hint(
                        "Reading still works, and so does stopping a bot. Look at the disk and the permissions.",
                    )
                    .retry_after(5_000)
            }
            OpError::ReadOnly(why) => {
                Self::new(Code::Unavailable, format!("Chela takes no changes at the moment: {why}."))
                    .with_hint("Reading still works. An operator should look at the banner.")
            }
            other => {
                log_chain(&other);
                Self::internal()
            }
        }
    }
}

/// Writes an error with all its causes to the log, once.
fn log_chain(error: &dyn std::error::Error) {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        chain.push_str(": ");
        chain.push_str(&inner.to_string());
        cause = inner.source();
    }
    tracing::error!(error = %chain, "request failed");
}
