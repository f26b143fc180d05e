//! The live topic `jobs`: that something changed, at most once a second. What changed, the list tells.

use crate::platform::{Platform, ctx::OpCtx, live::SnapshotSource};
use api::{
    ApiError,
    live::{LiveEvent, Snapshot, Topic},
};
use policy::act;
use std::{sync::Arc, time::Duration};

/// A night in which thousands of bots come back must not make a page read its list thousands of times.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// Answers for the topic.
pub struct Watcher;

#[async_trait::async_trait]
impl SnapshotSource for Watcher {
    async fn snapshot(&self, ctx: &OpCtx, topic: Topic) -> Result<Snapshot, ApiError> {
        policy::check::<act::ReadJobs>(&ctx.subject)?;
        if topic == Topic::Jobs { Ok(Snapshot::Jobs {}) } else { Err(ApiError::not_found()) }
    }
}

/// Tells watchers that jobs changed, until Chela stops.
pub async fn tell(platform: Arc<Platform>) {
    loop {
        tokio::select! {
            () = platform.shutdown.cancelled() => return,
            () = platform.jobs.changed() => platform.live.publish(Topic::Jobs, LiveEvent::JobsChanged {}),
        }
        tokio::select! {
            () = platform.shutdown.cancelled() => return,
            () = tokio::time::sleep(AT_MOST_EVERY) => {}
        }
    }
}
