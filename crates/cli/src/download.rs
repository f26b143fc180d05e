//! An answer that is a file: into one, or to standard output.

use crate::{client::Ask, failure::Failure, session::Session};
use http::Method;
use http_body_util::BodyExt;
use std::{
    fs::File,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Fetches what a path answers as CSV, piece by piece. A file that is there already is left alone.
pub(crate) async fn csv(session: &Session, path: &str, to: Option<PathBuf>) -> Result<(), Failure> {
    let ask = Ask { method: Method::GET, path, accept: Some("text/csv"), ..Ask::default() };
    let answer = session.client.open(&ask).await?;
    let unwritten = |to: &Path, error: std::io::Error| Failure::Other(format!("{}: {error}", to.display()));
    let mut out: Box<dyn Write> = match &to {
        None => Box::new(std::io::stdout()),
        Some(to) => {
            let file = File::options().write(true).create_new(true).mode(0o600).open(to);
            Box::new(file.map_err(|error| unwritten(to, error))?)
        }
    };
    let place = to.as_deref().unwrap_or_else(|| Path::new("standard output"));
    let written = async {
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::Other(format!("the file broke off: {error}")))?;
            if let Ok(data) = frame.into_data() {
                out.write_all(&data).map_err(|error| unwritten(place, error))?;
            }
        }
        out.flush().map_err(|error| unwritten(place, error))
    };
    let written = written.await;
    if let (Err(_), Some(to)) = (&written, &to) {
        // Half of one is none.
        _ = std::fs::remove_file(to);
    }
    if let (Ok(()), Some(to)) = (&written, &to) {
        session.screen.data(&to.display().to_string());
    }
    written
}
