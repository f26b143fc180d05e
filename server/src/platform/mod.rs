//! What every slice stands on. No business rule lives here.

pub mod clock;
pub mod config;
pub(crate) mod csv;
pub mod ctx;
pub mod datadir;
pub mod db;
pub mod disk;
pub mod error;
pub mod http;
pub mod idempotency;
pub mod ids;
pub mod jobs;
pub mod journal;
pub mod live;
pub mod sealed;
pub mod secret;
pub mod telemetry;
pub mod text;
pub mod verbs;

use std::sync::Arc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The platform as slices see it.
pub struct Platform {
    pub config: config::Config,
    pub db: db::Db,
    pub clock: Arc<dyn clock::Clock>,
    pub ids: Arc<dyn ids::IdGen>,
    pub vault: vault::Vault,
    pub live: live::Live,
    pub jobs: jobs::Jobs,
    /// Every background task; awaited at shutdown.
    pub tasks: TaskTracker,
    /// Cancelled when Chela stops.
    pub shutdown: CancellationToken,
    /// Names this instance on everything it makes outside its data dir.
    pub instance_id: uuid::Uuid,
}
