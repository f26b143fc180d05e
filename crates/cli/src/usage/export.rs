//! Calls as CSV, into a file or to standard output.

use crate::{download, failure::Failure, routes::query, session::Session};
use api::usage::ListUsage;
use std::path::PathBuf;

pub(super) async fn run(session: &Session, asked: &ListUsage, to: Option<PathBuf>) -> Result<(), Failure> {
    let mut fields =
        serde_json::to_value(asked).ok().and_then(|all| all.as_object().cloned()).unwrap_or_default();
    fields.retain(|_, value| !value.is_null());
    let path = format!("/api/usage/export.csv?{}", query(&fields));
    download::csv(session, &path, to).await.map_err(|failure| failure.in_terms_of("usage export"))
}
