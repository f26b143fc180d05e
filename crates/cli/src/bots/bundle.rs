//! `chela bot export` and `import`: a bot as one signed file.

use super::shape;
use crate::{client::Ask, completion, failure::Failure, output::text, routes::filled, session::Session};
use api::bots::GetBot;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use http::Method;
use http_body_util::BodyExt;
use serde_json::json;
use std::{fs::File, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

/// The largest file that is sent, in bytes.
const LONGEST: u64 = 80 << 20;

#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    #[arg(add = ArgValueCandidates::new(completion::bots))]
    bot: String,
    /// Where to; `BOT.chela.tar.gz` here if nothing is said. Must not exist.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    file: PathBuf,
    /// Another name than the bundle's.
    #[arg(long)]
    name: Option<String>,
    /// Another model than the bundle's, `vendor/model` or `chain/NAME`, of the keys that are there.
    #[arg(long)]
    model: Option<String>,
    #[arg(long, value_enum)]
    runtime: Option<super::create::Runs>,
    /// Fingerprint of another Chela whose signature is good enough.
    #[arg(long, value_name = "FINGERPRINT")]
    trust: Option<String>,
}

/// Writes a bot into a file that only its owner can read.
pub(super) async fn export(session: &Session, args: ExportArgs) -> Result<(), Failure> {
    let mut fields = serde_json::Map::from_iter([("bot".to_owned(), json!(args.bot))]);
    let path = filled("/api/bots/{bot}/bundle", &mut fields);
    let ask = Ask { method: Method::GET, path: &path, accept: Some("application/gzip"), ..Ask::default() };
    let answer = match session.client.open(&ask).await {
        Ok(answer) => answer,
        Err(failure) => return Err(session.nearest_bot(failure, &args.bot).await),
    };
    let to = args.to.unwrap_or_else(|| PathBuf::from(format!("{}.chela.tar.gz", args.bot)));
    let unwritten = |error: std::io::Error| Failure::Other(format!("{}: {error}", to.display()));
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&to).map_err(unwritten)?;
    let written = async {
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::Other(format!("the bundle broke off: {error}")))?;
            if let Ok(data) = frame.into_data() {
                file.write_all(&data).map_err(unwritten)?;
            }
        }
        file.sync_all().map_err(unwritten)
    };
    let written = written.await;
    if written.is_err() {
        // Half of one is none.
        _ = std::fs::remove_file(&to);
        return written;
    }
    session.screen.data(&to.display().to_string());
    Ok(())
}

/// Makes a stopped bot of a file, and shows it.
pub(super) async fn import(session: &Session, args: ImportArgs) -> Result<(), Failure> {
    let unread = |error: std::io::Error| Failure::Usage(format!("{}: {error}", args.file.display()));
    let length = std::fs::metadata(&args.file).map_err(unread)?.len();
    if length > LONGEST {
        return Err(Failure::Usage(format!("{}: a bundle has at most 80 MiB", args.file.display())));
    }
    let file = std::fs::read(&args.file).map_err(unread)?;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let runtime = args.runtime.map(|runs| match runs {
        super::create::Runs::Process => "process".to_owned(),
        super::create::Runs::Docker => "docker".to_owned(),
    });
    for (name, value) in
        [("name", args.name), ("model", args.model), ("runtime", runtime), ("trust", args.trust)]
    {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    let path = format!("/api/bots/import?{}", query.finish());
    let headers = [("content-type", "application/gzip")];
    let ask = Ask {
        method: Method::POST,
        path: &path,
        file: Some(file.into()),
        headers: &headers,
        ..Ask::default()
    };
    let made = session.client.json(&ask).await?;
    let one = session.call(&GetBot { bot: text(&made, "id").to_owned() }).await?;
    session.screen.data(&shape::one(session, &one)?);
    Ok(())
}
