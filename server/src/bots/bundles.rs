//! Use cases of bundles: a bot taken out of here, and one made from a file. Not verbs: files go in and out as they are.

use super::{
    Bots,
    bundle::{self, Described, Manifest, Opened},
    create::{self, Making},
    redact::redacted,
    rows,
};
use crate::{
    audit,
    platform::{ctx::OpCtx, error::OpError, http::Problem, ids::random_32, sealed::sealed_setting},
};
use api::{ApiError, Code, bots::*};
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Path, Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{StatusCode, header};
use http_body_util::BodyExt;
use policy::{Granted, act};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::Deserialize;
use std::{
    fs::File,
    io::{Seek, Write},
    sync::Arc,
};
use tokio_util::io::ReaderStream;
use zeroize::Zeroizing;

/// Where a bundle is sent.
pub const IMPORT: &str = "/api/bots/import";
/// The longest that is taken, in bytes.
pub const MOST_IMPORT: u64 = 80 << 20;
/// Audit names.
const EXPORTED: &str = "bots.export";
pub(super) const IMPORTED: &str = "bots.import";
/// The setting that holds the sealed key.
const SETTING: &str = "bundle_key";

/// `GET /api/bots/{bot}/bundle` and `POST /api/bots/import`.
pub fn routes(bots: Arc<Bots>) -> Router {
    Router::new().route("/api/bots/{bot}/bundle", get(export)).route(IMPORT, post(import)).with_state(bots)
}

/// What an import is asked besides its file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Another name than the bundle's.
    name: Option<String>,
    /// Another model, of the keys that are here.
    model: Option<String>,
    runtime: Option<RuntimeKind>,
    /// Fingerprint of another instance whose signature is good enough.
    trust: Option<String>,
}

async fn export(
    State(b): State<Arc<Bots>>,
    Extension(ctx): Extension<OpCtx>,
    Path(bot): Path<String>,
) -> Result<Response, Problem> {
    let (slug, file) = b.export(&ctx, &bot).await.map_err(ApiError::from)?;
    let body = Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file)));
    let name = format!("attachment; filename=\"{slug}.chela.tar.gz\"");
    let headers =
        [(header::CONTENT_TYPE, "application/gzip".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

async fn import(
    State(b): State<Arc<Bots>>,
    Extension(ctx): Extension<OpCtx>,
    asked: Result<Query<Asked>, QueryRejection>,
    body: Body,
) -> Result<Response, Problem> {
    let granted = policy::check::<act::WriteBots>(&ctx.subject).map_err(ApiError::from)?;
    let unread = |error: QueryRejection| nothing_kept(ApiError::new(Code::Malformed, error.body_text()));
    let Query(asked) = asked.map_err(unread)?;
    let file = received(&b, body).await.map_err(|error| nothing_kept(error.into()))?;
    // Who asks may go away: what was begun goes on to its end.
    let (of, tasks) = (Arc::clone(&b), b.platform.tasks.clone());
    let done = tasks.spawn(async move { of.import(ctx, granted, file, asked).await }).await;
    let made = done.unwrap_or_else(|lost| Err(OpError::internal("an import broke off", lost)));
    Ok((StatusCode::CREATED, Json(made.map_err(|error| nothing_kept(error.into()))?)).into_response())
}

/// Says of a refused import that it left nothing, before what can be done.
fn nothing_kept(error: ApiError) -> ApiError {
    if error.code == Code::Internal {
        // It may have come to an end that nobody heard of.
        return error.with_hint("Look whether the bot is in the list before you import it again.");
    }
    let hint = format!("Nothing was kept: no bot was made. {}", error.hint.as_deref().unwrap_or_default());
    error.with_hint(hint.trim_end())
}

/// A refusal of the file itself.
fn bad_file(code: Code, text: impl Into<String>) -> ApiError {
    ApiError { code, ..ApiError::field("/file", text) }
}

/// The body as a file without a name, at its beginning.
async fn received(b: &Bots, body: Body) -> Result<File, OpError> {
    let io = |error| OpError::internal("keeping a bundle for a moment", error);
    let mut file = tempfile::tempfile_in(&b.platform.config.data_dir).map_err(io)?;
    let (mut body, mut length) = (body, 0_u64);
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|_cut| bad_file(Code::Malformed, "The bundle broke off.").with_hint("Send it again."))?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len() as u64);
        if length > MOST_IMPORT {
            let text = format!("A bundle has at most {} MiB.", MOST_IMPORT >> 20);
            return Err(bad_file(Code::TooLarge, text).into());
        }
        file = tokio::task::spawn_blocking(move || file.write_all(&data).map(|()| file))
            .await
            .map_err(|lost| OpError::internal("keeping a bundle for a moment", lost))?
            .map_err(io)?;
    }
    file.rewind().map_err(io)?;
    Ok(file)
}

impl Bots {
    /// The key with which this instance signs bundles.
    async fn bundle_key(&self) -> Result<Ed25519KeyPair, OpError> {
        let fresh = || Zeroizing::new(random_32().to_vec());
        let seed = sealed_setting(&self.platform, SETTING, fresh).await?;
        Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|e| OpError::internal("the key of bundles", e.to_string()))
    }

    /// A bot as a bundle: its slug, and the file.
    async fn export(&self, ctx: &OpCtx, bot: &str) -> Result<(String, File), OpError> {
        let granted = policy::check::<act::WriteBots>(&ctx.subject).map_err(ApiError::from)?;
        let row = self.find(&granted, bot).await?;
        let detail = rows::detail(&row)?;
        let key = self.bundle_key().await?;
        // One at a time: each holds a whole workspace in memory.
        let _turn = self.counting.lock().await;
        let mut taken = self.runtimes.take_workspace(&row).await?;
        let summary = detail.summary;
        let described = Described {
            settings: detail.settings,
            runtime: summary.runtime,
            tags: summary.tags,
            idle_stop_minutes: detail.idle_stop_minutes,
            openclaw: summary.openclaw,
        };
        let instance = self.platform.instance_id.simple().to_string();
        let (dir, now_ms) = (self.platform.config.data_dir.clone(), ctx.now_ms);
        // Reading, hashing and packing up to 64 MiB keeps a thread busy.
        let packing = tokio::task::spawn_blocking(move || {
            let kept = taken.files.extract_if(.., |path, bytes| {
                is_secret_file(path) || std::str::from_utf8(bytes).is_ok_and(|text| redacted(text) != text)
            });
            let secret: Vec<_> = kept.map(|(path, _)| format!("{path} (it may hold a secret)")).collect();
            taken.left_out.extend(secret);
            let manifest = Manifest::new(described, &taken.files, taken.left_out, instance, now_ms);
            let mut file = tempfile::tempfile_in(dir)?;
            bundle::pack(&manifest, &taken.files, &key, std::io::BufWriter::new(&mut file))?;
            file.rewind()?;
            Ok::<File, std::io::Error>(file)
        });
        let packed = packing.await.map_err(|lost| OpError::internal("packing a bundle", lost))?;
        let file = packed.map_err(|error| OpError::internal("packing a bundle", error))?;
        let target = Some(row.id.to_string());
        self.platform
            .db
            .write(async |tx| audit::record(tx, self.platform.ids.as_ref(), ctx, EXPORTED, target).await)
            .await?;
        Ok((row.slug, file))
    }

    /// A new, stopped bot from a bundle.
    async fn import(
        self: Arc<Self>,
        ctx: OpCtx,
        granted: Granted<act::WriteBots>,
        file: File,
        asked: Asked,
    ) -> Result<BotCreated, OpError> {
        // One at a time: each is unpacked in memory.
        let _turn = self.counting.lock().await;
        let opening = tokio::task::spawn_blocking(move || bundle::open(std::io::BufReader::new(file)));
        let opened = opening.await.map_err(|lost| OpError::internal("opening a bundle", lost))??;
        let own = bundle::fingerprint(self.bundle_key().await?.public_key().as_ref());
        trusted(&opened, &own, asked.trust.as_deref())?;
        let Described { settings, tags, idle_stop_minutes, .. } = opened.manifest.bot;
        let BotLimits { memory_mb, cpu_milli, pids } = settings.limits;
        let limits =
            ChangeLimits { memory_mb: Some(memory_mb), cpu_milli: Some(cpu_milli), pids: Some(pids) };
        let new = CreateBot {
            name: asked.name.filter(|name| !name.trim().is_empty()).unwrap_or(settings.name),
            model: asked.model.filter(|model| !model.trim().is_empty()).unwrap_or(settings.model),
            prompt: Some(settings.prompt),
            profile: Some(settings.profile),
            runtime: asked.runtime,
            tags: Some(tags),
            idle_stop_minutes,
            limits: Some(limits),
        };
        let making = Making { act: IMPORTED, desired: Desired::Stopped, files: Some(opened.files) };
        create::make(Arc::clone(&self), ctx, granted, new, making).await
    }
}

/// Files that hold secrets by what they are called.
fn is_secret_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    name.starts_with(".env") || name.starts_with("id_") || name.ends_with(".pem") || name.ends_with(".key")
}

/// Whether the one who signed is this instance, or one that the caller trusts.
fn trusted(opened: &Opened, own: &str, trust: Option<&str>) -> Result<(), ApiError> {
    let signer = opened.fingerprint.as_str();
    if signer == own || trust.is_some_and(|said| said.trim() == signer) {
        return Ok(());
    }
    let text = match trust.filter(|said| !said.trim().is_empty()) {
        None => format!("This bundle was signed by another Chela, with the key {signer}."),
        Some(_) => format!("This bundle was signed with the key {signer}, which is not the one you trust."),
    };
    let hint = format!(
        "Ask who gave it to you for the fingerprint; if it is the same, import it with trust={signer}."
    );
    Err(ApiError { code: Code::Conflict, ..ApiError::field("/trust", text).with_hint(hint) })
}
