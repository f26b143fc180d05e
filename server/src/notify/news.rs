//! Telling tabs that something changed: each of them counts anew then, so many changes at once are told together.

use crate::platform::Platform;
use api::{
    ids::WorkspaceId,
    live::{LiveEvent, Topic},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// After news, what comes within this time is told at its end.
const MOMENT_MS: i64 = 500;

/// Workspaces that were told just now, and whether more came since.
#[derive(Default)]
pub(super) struct News(Mutex<HashMap<WorkspaceId, bool>>);

impl News {
    fn lock(&self) -> MutexGuard<'_, HashMap<WorkspaceId, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a moment. `false` where one goes on: at its end it is told that more came.
    fn begins(&self, workspace: WorkspaceId) -> bool {
        let mut told = self.lock();
        let goes_on = told.get_mut(&workspace).map(|more| *more = true).is_some();
        if !goes_on {
            told.insert(workspace, false);
        }
        !goes_on
    }

    /// Ends a moment. Whether another begins, because more came.
    fn goes_on(&self, workspace: WorkspaceId) -> bool {
        let mut told = self.lock();
        let more = told.get_mut(&workspace).is_some_and(std::mem::take);
        if !more {
            told.remove(&workspace);
        }
        more
    }
}

/// Tells everybody in a workspace that something changed.
pub(super) fn tell(platform: &Arc<Platform>, news: &Arc<News>, workspace: WorkspaceId) {
    if !news.begins(workspace) {
        return;
    }
    publish(platform, workspace, None);
    let (platform, news) = (Arc::clone(platform), Arc::clone(news));
    let mut end = platform.clock.now_ms() + MOMENT_MS;
    platform.tasks.clone().spawn(async move {
        loop {
            tokio::select! {
                () = platform.shutdown.cancelled() => return,
                () = platform.clock.wait_until(end) => {}
            }
            if !news.goes_on(workspace) {
                return;
            }
            publish(&platform, workspace, None);
            end = platform.clock.now_ms() + MOMENT_MS;
        }
    });
}

/// Makes every tab that watches count anew: everybody's, or those of one reader.
pub(super) fn publish(platform: &Platform, workspace: WorkspaceId, of: Option<String>) {
    platform.live.publish_in(workspace, Topic::Notifications, LiveEvent::NotificationsChanged { of });
}
