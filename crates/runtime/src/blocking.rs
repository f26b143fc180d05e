//! Blocking work off the async threads, with a deadline.

use crate::RuntimeError;
use std::time::Duration;

/// How long one look at files and processes may take.
const LOOK: Duration = Duration::from_secs(20);

/// Runs blocking work; late, it goes on unheard.
pub(crate) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, RuntimeError> + Send + 'static,
) -> Result<T, RuntimeError> {
    match tokio::time::timeout(LOOK, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done,
        // Only where Chela ends: no task of ours is aborted, and none panics.
        Ok(Err(_)) => Err(RuntimeError::Cancelled),
        Err(_) => Err(RuntimeError::Timeout { what, after: LOOK }),
    }
}
