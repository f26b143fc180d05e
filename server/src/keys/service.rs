//! Use cases of provider keys.

use super::{
    choice, draft,
    probe::{self, Verdict},
    refused::Refused,
    store,
};
use crate::{
    audit,
    bots::ModelList,
    platform::{
        Platform,
        ctx::OpCtx,
        db::Cursor,
        error::OpError,
        text::{json_of, name_of},
        verbs::{Rest, Verbs},
    },
    routing::Routing,
};
use api::{
    ApiError, Code, Page, Verb,
    bots::ModelChoice,
    ids::{KeyId, WorkspaceId},
    keys::*,
    validate::Check,
    verb::Done,
};
use entity::keys::provider_key as row;
use policy::{Granted, act};
use relay::{
    Egress, UpstreamKey,
    egress::{BaseUrl, Reach},
    vendors,
};
use std::sync::Arc;
use tokio::sync::Notify;
use zeroize::Zeroizing;

/// Models that a new bot is offered first, where the key has them.
const PREFERRED: [&str; 4] =
    ["anthropic/claude-sonnet-4", "openai/gpt-5", "openai/gpt-4", "anthropic/claude"];

/// What the slice works with.
pub struct Keys {
    pub(super) platform: Arc<Platform>,
    egress: Arc<Egress>,
    routing: Arc<Routing>,
    /// Told that some key is another now, or was refused.
    pub(super) changed: Notify,
    pub(super) refused: Refused,
}

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, keys: &Arc<Keys>) {
    verbs.on::<ListKeys, act::ReadKeys, _, _, _>(
        Rest::get("/api/keys").says("Provider keys, without secrets."),
        keys,
        list,
    );
    verbs.on::<AddKey, act::WriteKeys, _, _, _>(
        Rest::create("/api/keys").says("Tests and stores a key."),
        keys,
        add,
    );
    verbs.on::<ChangeKey, act::WriteKeys, _, _, _>(
        Rest::patch("/api/keys/{key}").says("Its label, tags, models, limits and end."),
        keys,
        choice::change,
    );
    verbs.on::<TestKey, act::WriteKeys, _, _, _>(
        Rest::post("/api/keys/{key}/test").says("Tests a stored key."),
        keys,
        test,
    );
    verbs.on::<ReplaceKey, act::WriteKeys, _, _, _>(
        Rest::post("/api/keys/{key}/replace").says("A new secret for the same vendor."),
        keys,
        replace,
    );
    verbs.on::<DeleteKey, act::WriteKeys, _, _, _>(
        Rest::delete("/api/keys/{key}").says("Deletes a key."),
        keys,
        delete,
    );
    verbs.on::<ListVendors, act::ReadKeys, _, _, _>(
        Rest::get("/api/vendors").says("Vendors a key can be for."),
        keys,
        list_vendors,
    );
}

/// A secret as typed, ready to be tested.
pub(super) struct Candidate {
    pub(super) key: UpstreamKey,
    base_text: String,
    secret: Zeroizing<String>,
}

impl Keys {
    /// Wires the slice.
    pub fn new(platform: Arc<Platform>, egress: Arc<Egress>, routing: Arc<Routing>) -> Arc<Self> {
        Arc::new(Self { platform, egress, routing, changed: Notify::new(), refused: Refused::default() })
    }

    /// A key with what calls found out about it.
    pub(super) fn shown(&self, model: &row::Model) -> Result<KeySummary, OpError> {
        Ok(KeySummary { rests: self.routing.rests(model.id), ..store::word(model)? })
    }

    pub(super) async fn candidate(
        &self,
        workspace: WorkspaceId,
        vendor: Option<&str>,
        secret: &str,
        base_url: Option<&str>,
    ) -> Result<Candidate, OpError> {
        let (vendor, secret, base_text) = draft::told(vendor, secret.trim(), base_url)?;
        let refused = |e: relay::EgressError| ApiError::field("/base_url", e.to_string());
        let base = BaseUrl::parse(&base_text).map_err(refused)?;
        let slug = store::slug(self.platform.db.read(), workspace).await?;
        let private = self.platform.config.may_reach_private(&base, slug.as_deref());
        let reach = if private { Reach::Listed } else { Reach::Public };
        self.egress.check(&base, reach).map_err(refused)?;
        let id = KeyId(self.platform.ids.uuid());
        let key = UpstreamKey::new(id, vendor, base, secret.clone(), private);
        Ok(Candidate { key, base_text, secret })
    }

    /// Tests a candidate and writes the outcome into its row. A refused key is saved only if accepted.
    async fn judge(
        &self,
        candidate: &Candidate,
        accept: bool,
        model: &mut row::Model,
    ) -> Result<(), OpError> {
        let verdict = probe::ask(&self.egress, &candidate.key, self.platform.clock.now_ms()).await;
        model.tested_at_ms = Some(self.platform.clock.now_ms());
        model.latency_ms = None;
        match verdict {
            Verdict::Works { models, latency_ms } => {
                model.status = name_of(&KeyStatus::Working);
                model.status_message = None;
                model.latency_ms = Some(latency_ms);
                model.models = json_of(&models)?;
            }
            Verdict::Fails { words, .. } if accept => {
                model.status = name_of(&KeyStatus::Failing);
                model.status_message = Some(words);
            }
            Verdict::Unasked { why } if accept => {
                model.status = name_of(&KeyStatus::Failing);
                // Nobody said anything of the key.
                model.status_message = Some(format!("{UNASKED}: {why}"));
            }
            Verdict::Fails { words, .. } => {
                let message = format!("{} does not accept this key: {words}", candidate.key.vendor.name);
                let error = ApiError::new(Code::KeyRejected, message);
                return Err(error
                    .with_hint("Check the key and whose it is, or save it anyway as failing.")
                    .into());
            }
            Verdict::Unasked { why } => {
                let message =
                    format!("{} could not be asked about this key: {why}", candidate.key.vendor.name);
                let error = ApiError::new(Code::KeyRejected, message);
                let hint = "The key may be good. Look at the network and the base URL, or save it as failing and test it later.";
                return Err(error.with_hint(hint).into());
            }
        }
        Ok(())
    }

    /// The relay uses the change from now on.
    pub(super) async fn publish(&self) -> Result<(), OpError> {
        self.changed.notify_one();
        self.routing.refresh().await
    }

    /// How vendors are asked.
    pub(super) fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Its vendor takes a key: calls need not find that out.
    pub(super) fn accepted(&self, key: KeyId) {
        self.routing.accepted(key);
        self.refused.over(key);
    }

    /// Why its vendor refuses it to calls just now, in the vendor's words.
    pub(super) fn refusal(&self, key: KeyId) -> Option<String> {
        let rests = self.routing.rests(key);
        let rest = rests.into_iter().find(|rest| rest.why == KeyRestWhy::Refused)?;
        let status =
            || rest.status.map_or_else(|| "it is refused".to_owned(), |s| format!("it answered {s}"));
        Some(rest.message.filter(|words| !words.is_empty()).unwrap_or_else(status))
    }
}

async fn list(
    k: Arc<Keys>,
    _ctx: OpCtx,
    granted: Granted<act::ReadKeys>,
    q: ListKeys,
) -> Result<Page<KeySummary>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let page = store::page(k.platform.db.read(), &granted, &cursor).await?;
    let items = page.items.iter().map(|model| k.shown(model)).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

async fn add(
    k: Arc<Keys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: AddKey,
) -> Result<KeySummary, OpError> {
    let Some(workspace) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let candidate = k.candidate(workspace, q.vendor.as_deref(), &q.secret, q.base_url.as_deref()).await?;
    let label = draft::said(q.label.as_deref());
    if let Some(label) = label {
        Check::new().line(label, 80, "/label").done()?;
        // Before its vendor is asked; others may be quicker meanwhile.
        let others = store::labels(k.platform.db.read(), &granted, (workspace, None), ctx.now_ms).await?;
        draft::unlike(label, &others)?;
    }
    let tags = json_of(&choice::tags(q.tags.as_deref().unwrap_or_default())?)?;
    let name = label.unwrap_or(candidate.key.vendor.name).to_owned();
    let mut model = row::Model { tags, ..new_row(&k, &ctx, workspace, &candidate, name) };
    k.judge(&candidate, q.accept_failing.unwrap_or(false), &mut model).await?;
    model.sealed = store::seal(&k.platform.vault, &granted, model.id, &candidate.secret)?;
    let model = k
        .platform
        .db
        .write(async |tx| {
            let others = store::labels(tx, &granted, (workspace, None), ctx.now_ms).await?;
            match label {
                Some(label) => draft::unlike(label, &others)?,
                None => model.label = draft::free(&model.label, &others),
            }
            store::insert(tx, &granted, model.clone()).await?;
            audit::record(tx, k.platform.ids.as_ref(), &ctx, AddKey::NAME, Some(model.id.to_string()))
                .await?;
            Ok(model)
        })
        .await?;
    k.publish().await?;
    k.shown(&model)
}

fn new_row(
    k: &Keys,
    ctx: &OpCtx,
    workspace: WorkspaceId,
    candidate: &Candidate,
    label: String,
) -> row::Model {
    row::Model {
        id: KeyId(k.platform.ids.uuid()),
        workspace_id: workspace,
        vendor: candidate.key.vendor.id.to_owned(),
        label,
        base_url: candidate.base_text.clone(),
        last_four: draft::last_four(candidate.key.vendor, &candidate.secret),
        sealed: Vec::new(),
        status: name_of(&KeyStatus::Untested),
        status_message: None,
        tested_at_ms: None,
        latency_ms: None,
        models: "[]".to_owned(),
        version: 1,
        created_at_ms: ctx.now_ms,
        tags: "[]".to_owned(),
        allowed_models: "[]".to_owned(),
        requests_per_minute: None,
        month_micro_usd: None,
        expires_at_ms: None,
        expiry_told: None,
        checked_at_ms: None,
        check_message: None,
    }
}

async fn test(
    k: Arc<Keys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: TestKey,
) -> Result<KeySummary, OpError> {
    let mut model = store::find(k.platform.db.read(), &granted, q.key).await?;
    let secret = store::open_for_test(&k.platform.vault, &granted, &model)?;
    let candidate =
        k.candidate(model.workspace_id, Some(&model.vendor), &secret, Some(&model.base_url)).await?;
    k.judge(&candidate, true, &mut model).await?;
    if model.status == name_of(&KeyStatus::Working) {
        k.accepted(model.id);
    }
    model.check_message = None;
    let model = k
        .platform
        .db
        .write(async |tx| {
            let model = store::update(tx, &granted, model).await?;
            audit::record(tx, k.platform.ids.as_ref(), &ctx, TestKey::NAME, Some(model.id.to_string()))
                .await?;
            Ok(model)
        })
        .await?;
    k.changed.notify_one();
    k.shown(&model)
}

async fn replace(
    k: Arc<Keys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: ReplaceKey,
) -> Result<KeySummary, OpError> {
    let mut model = store::find(k.platform.db.read(), &granted, q.key).await?;
    if let Some(expected) = q.expected_version.filter(|e| *e != model.version) {
        return Err(ApiError::stale(expected, model.version).into());
    }
    let base = draft::moved(&model.vendor, &model.base_url, q.base_url.as_deref(), &q.secret)?;
    let candidate = k.candidate(model.workspace_id, Some(&model.vendor), &q.secret, Some(&base)).await?;
    k.judge(&candidate, q.accept_failing.unwrap_or(false), &mut model).await?;
    model.base_url.clone_from(&candidate.base_text);
    model.last_four = draft::last_four(candidate.key.vendor, &candidate.secret);
    model.sealed = store::seal(&k.platform.vault, &granted, model.id, &candidate.secret)?;
    let had_ended = choice::has_ended(&model, ctx.now_ms);
    // Those were the old secret's.
    (model.expires_at_ms, model.expiry_told, model.check_message) = (None, None, None);
    let model = k
        .platform
        .db
        .write(async |tx| {
            // It is back, and another may have its label meanwhile.
            if had_ended {
                let but = (model.workspace_id, Some(model.id));
                draft::unlike(&model.label, &store::labels(tx, &granted, but, ctx.now_ms).await?)?;
            }
            let model = store::update(tx, &granted, model).await?;
            audit::record(tx, k.platform.ids.as_ref(), &ctx, ReplaceKey::NAME, Some(model.id.to_string()))
                .await?;
            Ok(model)
        })
        .await?;
    // Whatever was said of the old one; what is wrong with this one, its row says.
    k.refused.over(model.id);
    k.publish().await?;
    k.shown(&model)
}

async fn delete(
    k: Arc<Keys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: DeleteKey,
) -> Result<Done, OpError> {
    k.platform
        .db
        .write(async |tx| {
            store::delete(tx, &granted, q.key).await?;
            audit::record(tx, k.platform.ids.as_ref(), &ctx, DeleteKey::NAME, Some(q.key.to_string())).await
        })
        .await?;
    k.publish().await?;
    Ok(Done {})
}

async fn list_vendors(
    _: Arc<Keys>,
    _: OpCtx,
    _: Granted<act::ReadKeys>,
    _: ListVendors,
) -> Result<Vec<Vendor>, OpError> {
    let region = |r: &vendors::Region| VendorRegion {
        id: r.id.to_owned(),
        name: r.name.to_owned(),
        base_url: r.base_url.to_owned(),
    };
    let word = |v: &relay::Vendor| Vendor {
        id: v.id.to_owned(),
        aliases: v.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        name: v.name.to_owned(),
        base_url: v.base_url.map(str::to_owned),
        asks_base_url: v.asks_address(),
        keyless: v.keyless,
        regions: v.regions.iter().map(region).collect(),
    };
    Ok(vendors::all().map(word).collect())
}

#[async_trait::async_trait]
impl ModelList for Keys {
    async fn models(&self, ctx: &OpCtx) -> Result<Vec<ModelChoice>, OpError> {
        let granted = policy::check::<act::ReadKeys>(&ctx.subject)?;
        let cursor = Cursor::parse(Some(api::page::MAX_LIMIT), None)?;
        let page = store::page(self.platform.db.read(), &granted, &cursor).await?;
        let mut choices: Vec<ModelChoice> = Vec::new();
        for model in &page.items {
            let key = store::word(model)?;
            let own = format!("{}/", key.vendor);
            let may = |name: &String| {
                relay::key::allows(&key.allowed_models, name.strip_prefix(&own).unwrap_or(name))
            };
            for name in key.models.iter().filter(|name| may(name)).cloned() {
                if !choices.iter().any(|c| c.model == name) {
                    choices.push(ModelChoice { model: name, vendor: model.vendor.clone() });
                }
            }
        }
        let rank = |m: &str| PREFERRED.iter().position(|p| m.starts_with(p)).unwrap_or(PREFERRED.len());
        choices.sort_by(|a, b| (rank(&a.model), &a.model).cmp(&(rank(&b.model), &b.model)));
        Ok(choices)
    }
}
