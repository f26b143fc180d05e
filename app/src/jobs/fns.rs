//! Server functions of jobs.

#[cfg(feature = "ssr")]
use crate::call::call;
use api::{ApiError, jobs::*, verb::Done};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "jobs/list", input = Json)]
pub async fn jobs_list(cmd: ListJobs) -> Result<JobPage, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "jobs/retry")]
pub async fn jobs_retry(cmd: RetryJob) -> Result<Job, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "jobs/cancel")]
pub async fn jobs_cancel(cmd: CancelJob) -> Result<Job, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "jobs/discard")]
pub async fn jobs_discard(cmd: DiscardJob) -> Result<Done, ApiError> {
    call(cmd).await
}
