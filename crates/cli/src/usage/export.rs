//! Calls as CSV, into a file or to standard output.

use crate::{download, failure::Failure, routes::query, session::Session};
use api::usage::ListUsage;
use std::path::PathBuf;

pub(super) async fn run(session: &Session, asked: &ListUsage, to: Option<PathBuf>) -> Result<(), Failure> {
    let mut fields =
        serde_json::to_value(asked).ok().and_then(|all| all.as_object().cloned()).unwrap_or_default();
    fields.retain(|_, value| !value.is_null());
    download::csv(session, &format!("/api/usage/export.csv?{}", query(&fields)), to).await
}
